"""The live feed of a demonstration: history first, then a steady stream whose facts end now.

history(settings, start)        next_events(now)    next_events(now)
────────────────────────── start ──────────────┤───────────────────┤──►
the trusts at their own pace     the same, and besides finished records at the rate asked for
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import datetime
from itertools import accumulate

from streams.engine.calendar import local_day, midnight
from streams.sources.events import Event
from streams.sources.simulator.disturbances import Arrival, Disturbances
from streams.sources.simulator.episodes import HOUR
from streams.sources.simulator.settings import Settings
from streams.sources.simulator.simulation import Arrivals, Simulation, published_by
from streams.sources.simulator.trusts import random_for

_LONGEST_GAP_SECONDS = 60
"""After a longer pause the feed does not make up for what it would have sent."""


def history(settings: Settings, until: datetime) -> list[Event]:
    """Give the `settings.days` days before an instant, in order of arrival."""
    return list(Simulation(replace(settings, until=until)).events())


class LiveFeed:
    """What arrives after `start`, for as long as it is asked.

    Six trusts by themselves send one event in ten seconds; `rate_per_second` adds finished
    records, so that boards move. Open episodes come at the natural pace only, and all of them end.
    The same settings, start, rate and sequence of `now` give the same events.

    Args:
        settings: those of the history before it; a silent trust stays silent.
        start: where the history ended.
        rate_per_second: of the added records; 0 for none.

    Attributes:
        history: the days before `start`, as `history(settings, start)` gives them, without a second run.
    """

    def __init__(self, settings: Settings, start: datetime, rate_per_second: float) -> None:
        self._arrivals = Arrivals(replace(settings, until=start))
        self._rate = rate_per_second
        self._last = start.timestamp()
        self.history = [arrival.event() for arrival in self._arrivals.take(int(self._last * 1000))]
        self._rng = random_for(settings.seed, "live", int(self._last))
        self._disturbances = Disturbances(
            settings.duplicates,
            settings.disorder,
            settings.corrections,
            settings.retractions,
            late_seconds=20,
            latest_seconds=120,
            corrected_seconds=90,
        )
        silent = {f"/ods/{silence.code}/simulator" for silence in settings.silences}
        self._pairs = [
            (trust, family)
            for trust, family in published_by(self._arrivals.trusts, settings.families)
            if family.source(trust) not in silent
        ]
        self._owed = 0.0
        self._heap: list[Arrival] = []

    def next_events(self, now: datetime) -> list[Event]:
        """Give the events that arrived since the last call, in order; no fact in them is after `now`.

        Only a planned session's times lie ahead, as plans do.
        """
        instant = now.timestamp()
        elapsed = instant - self._last
        if elapsed <= 0:
            return []
        for arrival in self._arrivals.take(int(instant * 1000)):
            heapq.heappush(self._heap, arrival)
        if self._pairs:
            self._add_records(min(elapsed, _LONGEST_GAP_SECONDS), instant)
        self._last = instant
        due = []
        while self._heap and self._heap[0].at_ms <= instant * 1000:
            due.append(heapq.heappop(self._heap).event())
        return due

    def _add_records(self, elapsed: float, instant: float) -> None:
        self._owed += self._rate * elapsed
        count = int(self._owed)
        self._owed -= count
        hour = int((instant - midnight(local_day(int(instant)))) // HOUR) % 24
        weights = list(
            accumulate(family.per_day(trust) * family.hours[hour] for trust, family in self._pairs)
        )
        for number in range(count):
            ((trust, family),) = self._rng.choices(self._pairs, cum_weights=weights)
            at = int(instant - elapsed * (1 - (number + 1) / count))
            episode = family.live(trust, self._rng, at)
            for arrival in self._disturbances.arrivals(family.source(trust), episode, self._rng):
                heapq.heappush(self._heap, arrival)
