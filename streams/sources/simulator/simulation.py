"""The simulation: every trust's families, day by day, merged into one stream in order of arrival."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import groupby

from streams.engine.calendar import LONDON, local_day, midnight, utc
from streams.organisations import UNMAPPED, Register
from streams.sources.events import Event
from streams.sources.simulator import inpatients, services, theatres, urgent
from streams.sources.simulator.disturbances import Arrival, Disturbances
from streams.sources.simulator.episodes import DAY, Episode, Family
from streams.sources.simulator.returns import RETURNS, Return, backlog, published
from streams.sources.simulator.settings import Settings
from streams.sources.simulator.trusts import Trust, make_trusts, random_for

FAMILIES: tuple[Family, ...] = (
    *urgent.FAMILIES,
    *theatres.FAMILIES,
    *inpatients.FAMILIES,
    *services.FAMILIES,
)


@dataclass
class _Feed:
    """One family of one trust: what it tells, and the next day not yet told."""

    trust: Trust
    family: Family
    next_day: int


class Arrivals:
    """All that arrives, in order, for as long as it is asked; memory holds what is told but not yet due.

    A message enters when its fact occurred at or after the start, whenever it arrives; so the first
    days hold whole departures, discharges and lists, not remnants.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        end = settings.until.timestamp()
        self.start = int(end) - settings.days * DAY
        self.trusts = make_trusts(settings.seed, settings.trusts, settings.until.astimezone(LONDON).date())
        self._disturbances = Disturbances(
            settings.duplicates, settings.disorder, settings.corrections, settings.retractions
        )
        self._silent = {
            f"/ods/{silence.code}/simulator": int((end - silence.hours * 3600) * 1000)
            for silence in settings.silences
        }
        self._heap: list[Arrival] = []
        first = local_day(self.start)
        self._feeds = [
            _Feed(trust, family, first - family.after_days)
            for trust, family in published_by(self.trusts, settings.families)
        ]
        self._returns = [
            (trust, one, f"/ods/{publisher}/simulator")
            for publisher, trust, one in _publishers(self.trusts)
            if one.family in settings.families
        ]
        self._next_return_day = first + 1
        self._send_backlog(first)

    def _send_backlog(self, first: int) -> None:
        """Send the returns of earlier periods at the start, a second apart."""
        register = Register.shipped()
        for trust, one, source in self._returns:
            for number, episode in enumerate(backlog(trust, one, first + 1)):
                step = episode.steps[0]
                period = utc(midnight(local_day(step.at) - 1)).astimezone(LONDON).date()
                if not register.is_active(source.split("/")[2], period):
                    continue
                self._push_sent(source, episode, self.start + number)

    def _push_sent(self, source: str, episode: Episode, at: int) -> None:
        quiet = replace(self._disturbances, disorder=0.0)
        rng = random_for(self.settings.seed, source, episode.key, "arrival")
        late_ms = max(0, (at - episode.steps[0].at) * 1000)
        for one in quiet.arrivals(source, episode, rng):
            self._keep(one._replace(at_ms=one.at_ms + late_ms))

    def _push(self, source: str, episodes: Iterator[Episode], *subject: object) -> None:
        rng = random_for(self.settings.seed, source, *subject, "arrival")
        for episode in episodes:
            for arrival in self._disturbances.arrivals(source, episode, rng, since=self.start):
                self._keep(arrival)

    def _keep(self, arrival: Arrival) -> None:
        silent_from = self._silent.get(arrival.source)
        if silent_from is None or arrival.at_ms <= silent_from:
            heapq.heappush(self._heap, arrival)

    def _tell(self, upto_day: int) -> None:
        """Tell every episode with a message up to the end of a day."""
        for feed in self._feeds:
            while feed.next_day <= upto_day + feed.family.before_days:
                day = feed.next_day
                episodes = iter(feed.family.episodes(feed.trust, day))
                self._push(feed.family.source(feed.trust), episodes, feed.family.name, day)
                feed.next_day += 1
        while self._next_return_day <= upto_day:
            day = self._next_return_day
            for trust, one, source in self._returns:
                for episode in published(trust, one, day):
                    self._push_sent(source, episode, episode.steps[0].at)
            self._next_return_day += 1

    def take(self, upto_ms: int) -> Iterator[Arrival]:
        """Give what arrives up to an instant, in milliseconds since the epoch, and was not yet given."""
        today = local_day(upto_ms // 1000)
        day = local_day(self._heap[0].at_ms // 1000) if self._heap else local_day(self.start)
        for one in range(min(day, today), today + 1):
            self._tell(one)
            limit = min(upto_ms, midnight(one + 1) * 1000 - 1)
            while self._heap and self._heap[0].at_ms <= limit:
                yield heapq.heappop(self._heap)


def published_by(trusts: Sequence[Trust], names: Collection[str]) -> list[tuple[Trust, Family]]:
    """Give which trust tells which family; what an ambulance service publishes its first trust tells."""
    first = {trust.ambulance: trust for trust in reversed(trusts)}
    return [
        (trust, family)
        for trust in trusts
        for family in FAMILIES
        if family.name in names and (not family.by_ambulance or first[trust.ambulance] is trust)
    ]


def _publishers(trusts: tuple[Trust, ...]) -> Iterator[tuple[str, Trust, Return]]:
    """Give who publishes which return: each trust its own, each ICB that of its population once."""
    for trust in trusts:
        for one in RETURNS:
            if not one.by_icb:
                yield trust.code, trust, one
    for icb, members in groupby(sorted(trusts, key=lambda one: one.icb), key=lambda one: one.icb):
        if icb != UNMAPPED:
            trust = next(members)
            for one in RETURNS:
                if one.by_icb:
                    yield icb, trust, one


class Simulation:
    """A stretch of days, whole and reproducible."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def events(self) -> Iterator[Event]:
        """Give every event that arrives inside the stretch, in order of `recordedtime`."""
        upto_ms = int(self.settings.until.astimezone(UTC).timestamp() * 1000)
        for arrival in Arrivals(self.settings).take(upto_ms):
            yield arrival.event()
