"""What somebody who looks at the service all the time sees: scrapes of every worker, and what they say.

The figure that is watched counts ambulance handovers in England. The traffic never corrects one, so the
figure may stand still or be absent, but it must never fall.
"""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import NamedTuple

_EVERY_SECONDS = 0.25
_MOST_OF_THE_TIME = 0.15
"""Share of the time spent on scrapes, so that watching does not become a fault of its own."""
_PATIENCE_SECONDS = 10.0
_WATCHED = re.compile(
    rb'^oversight_amb_handover_over_45m_denominator\{org="england",level="england",window="28d",'
    rb'stratum="",basis="operational"\} (\S+)$',
    re.MULTILINE,
)


class Seen(NamedTuple):
    """One scrape: when it began and ended (monotonic seconds), of whom, and the figure if there was one."""

    asked: float
    at: float
    worker: str
    value: float | None


@dataclass(frozen=True)
class Summary:
    """What a stretch of the timeline looked like.

    Attributes:
        longest_gap: the longest time in which handovers were offered and no new figure was shown, seconds.
        longest_absence: the longest time in which no worker served the figure, seconds.
        went_back: scrapes that showed less than an earlier scrape had.
        stale_seconds: from the first to the last of them in one stretch, the longest.
    """

    longest_gap: float
    longest_absence: float
    went_back: int
    stale_seconds: float


class Timeline:
    """Scrapes workers in threads until stopped.

    Args:
        offered: how many handovers the publisher has offered, acknowledged or not.
    """

    def __init__(self, offered: Callable[[], int]) -> None:
        self._offered = offered
        self._seen: list[Seen] = []
        self._offers: list[tuple[float, int]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def watch(self, url: str) -> None:
        """Scrape a worker from now on."""
        thread = threading.Thread(target=self._scrape, args=(url,), daemon=True, name=f"timeline {url}")
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Scrape no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS + 2)

    def first_at_least(self, value: float, since: float) -> float | None:
        """Give the moment after `since` at which a scrape first showed at least `value`."""
        with self._lock:
            return next(
                (
                    one.at
                    for one in self._seen
                    if one.asked >= since and one.value is not None and one.value >= value
                ),
                None,
            )

    def summary(self, since: float) -> Summary:
        """Sum up what was seen since a moment."""
        with self._lock:
            seen = sorted((one for one in self._seen if one.at >= since), key=lambda one: one.at)
            offered = [one for one in self._offers if one[0] >= since]
        gap, absence = _longest(seen, offered)
        went_back, stale = _falls(seen)
        return Summary(gap, absence, went_back, stale)

    def _scrape(self, url: str) -> None:
        wait = _EVERY_SECONDS
        while not self._stopping.wait(wait):
            asked, offered = time.monotonic(), self._offered()
            value = None
            try:
                with urllib.request.urlopen(f"{url}/metrics", timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
                    found = _WATCHED.search(answer.read())
                    value = float(found[1]) if found else None
            except (OSError, ValueError, HTTPException):
                pass
            took = time.monotonic() - asked
            wait = max(_EVERY_SECONDS, min(2.0, took / _MOST_OF_THE_TIME))
            with self._lock:
                self._seen.append(Seen(asked, asked + took, url, value))
                self._offers.append((asked, offered))


def _longest(seen: list[Seen], offered: list[tuple[float, int]]) -> tuple[float, float]:
    """Give the longest time behind what was offered with nothing new shown, and that without a figure."""
    events: list[tuple[float, str, float]] = [(at, "offered", count) for at, count in offered]
    events += [(one.at, "shown", one.value) for one in seen if one.value is not None]
    gap = absence = 0.0
    shown_at = behind_since = None
    highest, wanted = -1.0, 0.0
    for at, what, value in sorted(events):
        if what == "offered":
            wanted = max(wanted, value)
            if highest >= 0 and wanted > highest and behind_since is None:
                behind_since = at
        else:
            absence = max(absence, at - shown_at) if shown_at is not None else absence
            shown_at = at
            if value > highest:
                highest = value
                gap = max(gap, at - behind_since) if behind_since is not None else gap
                behind_since = at if wanted > highest else None
        if behind_since is not None:
            gap = max(gap, at - behind_since)
    return gap, absence


def _falls(seen: list[Seen]) -> tuple[int, float]:
    """Count scrapes that began after a higher figure had been shown, and how long such a stretch lasted."""
    count, longest = 0, 0.0
    shown: list[tuple[float, float]] = []
    highest, began = -1.0, None
    for one in seen:
        if one.value is None:
            continue
        before = max((value for at, value in shown[-50:] if at < one.asked), default=-1.0)
        if one.value < before:
            count += 1
            began = one.at if began is None else began
            longest = max(longest, one.at - began)
        else:
            began = None
        highest = max(highest, one.value)
        shown.append((one.at, highest))
    return count, longest
