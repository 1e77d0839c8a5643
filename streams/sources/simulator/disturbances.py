"""From episodes to arrivals: sent at once, late, twice, corrected, withdrawn, or not at all.

fact at 10:00      10:00:07 sent                     sent late 13:20     13:20 is its recordedtime
└─ version 2 ──────┴──────────────── or ─────────────┘
└─ version 3, corrected ─────────────────────────────────────────► recorded hours or days later
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from streams.engine.calendar import utc
from streams.sources.events import Event, event
from streams.sources.simulator.episodes import DAY, HOUR, Data, Episode

LATEST_CORRECTION_SECONDS = 5 * DAY
_MILLISECONDS = 1000


class Arrival(NamedTuple):
    """A message and when it arrives; sorts by arrival, then by what is unique."""

    at_ms: int
    source: str
    identifier: str
    copy: int
    suffix: str
    occurred: int
    data: Data

    def event(self) -> Event:
        """Give the event as it is sent; made only when it is due."""
        return event(
            self.suffix,
            source=self.source,
            identifier=self.identifier,
            time=utc(self.occurred),
            recorded=utc(self.at_ms / _MILLISECONDS),
            data=self.data,
            synthetic=True,
        )


@dataclass(frozen=True)
class Disturbances:
    """Shares of messages that go wrong, and by how much.

    Attributes:
        late_seconds: mean of a late sending.
        latest_seconds: the longest.
        corrected_seconds: mean time from a record to its correction.
    """

    duplicates: float
    disorder: float
    corrections: float
    retractions: float
    late_seconds: float = 45 * 60.0
    latest_seconds: float = 6.0 * HOUR
    corrected_seconds: float = 12.0 * HOUR

    def arrivals(
        self, source: str, episode: Episode, rng: Random, *, since: int | None = None
    ) -> Iterator[Arrival]:
        """Give the arrivals of an episode; `rng` is of the arrivals alone, so faults change no facts.

        Args:
            source: the publisher.
            episode: what it tells.
            rng: for the faults.
            since: messages whose fact occurred before this epoch second are left out.
        """
        sendings = [(*step, self._delay(rng)) for step in episode.steps]
        at, data = episode.steps[-1]
        chance = rng.random()
        if chance < self.corrections:
            data = episode.correct(rng, data)
            sendings.append((at, data, self._later(rng)))
        if 1 - chance < self.retractions:
            sendings.append((at, {**data, "retracted": True}, self._later(rng)))
        for version, (occurred, record, delay) in enumerate(sendings, 1):
            copies = 2 if rng.random() < self.duplicates else 1
            if since is None or occurred >= since:
                arrives_ms = occurred * _MILLISECONDS + int(delay * _MILLISECONDS)
                identifier, whole = f"{episode.key}-v{version}", {**record, "version": version}
                for copy in range(copies):
                    yield Arrival(arrives_ms, source, identifier, copy, episode.suffix, occurred, whole)

    def _delay(self, rng: Random) -> float:
        if rng.random() < self.disorder:
            return min(30 + rng.expovariate(1 / self.late_seconds), self.latest_seconds)
        return min(1 + rng.expovariate(1 / 8), 60.0)

    def _later(self, rng: Random) -> float:
        seconds = 0.05 * self.corrected_seconds + rng.expovariate(1 / self.corrected_seconds)
        return min(seconds, LATEST_CORRECTION_SECONDS)
