"""Completeness: which publishers feed a figure, and which of them have passed its end, are silent or missing.

    source        ●──●───●──●────────●               last event before the end: not passed
    another       ●────●──────●────────────●         an event at or after it: passed
    a third       ●──●                               silent for three intervals: stale
    declared                                         never heard: missing
                                        ▲ end of the window

Wall time drives nothing else. A source is judged at the moment its partition was last heard: while a worker
is absent nobody knows whether its sources are silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from schemas.outputs import Heartbeat, Source, SourceStream
from streams.catalogue import Expectations
from streams.catalogue.expectations import Pace
from streams.engine.calendar import civil_date, local_day
from streams.engine.families import FAMILIES
from streams.organisations import ENGLAND, Register

PartitionId = tuple[str, int]
FeedKey = tuple[str, str, str]
"""Source, stream and basis."""
_MOST_DAYS = 2_000
"""Days for which memberships of feeding sources are kept ready, over all streams."""


class SourceCount(NamedTuple):
    """Sources that feed a figure: how many are expected, and how many of those passed, are missing, stale.

    A source that has passed the end counts as passed, however silent it is now.
    """

    expected: int = 0
    passed: int = 0
    missing: int = 0
    stale: int = 0

    @property
    def settled(self) -> bool:
        """Whether nobody is waited for: every source has passed, is missing or is stale."""
        return self.passed + self.missing + self.stale >= self.expected


class Group(NamedTuple):
    """What a tally is of, besides the end: an organisation at a level, a stream of facts and a basis."""

    level: str
    org: str
    stream: str
    basis: str


class Feed:
    """One stream of one source in one basis, from every partition it stands on.

    Attributes:
        orgs: the organisations it wrote about, and those it is expected to.
        last_append_ms: append time of its newest record.
        newest_ms: its watermark: the newest event time, or the end of the latest period reported.
    """

    __slots__ = ("about", "basis", "heard", "last_append_ms", "newest_ms", "orgs", "pace", "source", "stream")

    def __init__(self, source: str, stream: str, basis: str, pace: Pace, about: Iterable[str] = ()) -> None:
        self.source = source
        self.stream = stream
        self.basis = basis
        self.pace = pace
        self.about = self.orgs = frozenset(about)
        self.heard: dict[PartitionId, SourceStream] = {}
        self.last_append_ms = self.newest_ms = 0

    def hear(self, partition: PartitionId, one: SourceStream) -> None:
        """Take what a partition has of it now."""
        self.heard[partition] = one
        self._sum_up()

    def leave(self, partition: PartitionId) -> None:
        """Take it that a partition has nothing of it any more."""
        del self.heard[partition]
        self._sum_up()

    def _sum_up(self) -> None:
        heard = self.heard.values()
        self.last_append_ms = max([one.last_append_ms for one in heard], default=0)
        self.newest_ms = max([one.newest_ms for one in heard], default=0)
        self.orgs = self.about.union(*[one.orgs for one in heard])

    def has_passed(self, end_ms: int, at_ms: int) -> bool:
        """Whether nothing more is to be expected of it before `end_ms`, seen at `at_ms`.

        Its watermark decides. Events also pass with a record appended after the end, if the watermark is
        within an interval of it: a nightly batch holds nothing of the new day. One that returns with a
        backlog has not passed. Where the end lies ahead, as far as it ought to be by now is enough.
        """
        newest = self.newest_ms
        if end_ms > at_ms:
            return newest >= at_ms - self.pace.interval_ms - self.pace.lag_ms
        if newest >= end_ms:
            return True
        near = newest >= end_ms - self.pace.interval_ms
        return near and self.stream in FAMILIES and self.last_append_ms >= end_ms

    def is_stale(self, at_ms: int) -> bool:
        """Whether it has been silent for too long, seen at `at_ms`."""
        return bool(self.heard) and at_ms - self.last_append_ms > self.pace.silent_ms


class Completeness:
    """Who feeds what, as heartbeats and the operator's list tell.

    Args:
        register: for the roll-up of sources.
        expectations: intervals, and declared sources.
    """

    def __init__(self, register: Register, expectations: Expectations) -> None:
        self._register = register
        self._expectations = expectations
        self._heard_ms: dict[PartitionId, int] = {}
        self._feeds: dict[FeedKey, Feed] = {}
        self._on: dict[PartitionId, dict[str, Source]] = {}
        self._troubled: tuple[int, frozenset[tuple[str, str]]] | None = None
        self._index: dict[tuple[str, str, date], dict[tuple[str, str], list[Feed]]] = {}
        for key, declared in expectations.sources.items():
            self._feeds[key] = Feed(*key, expectations.pace(*key), declared.about)

    @property
    def feeds(self) -> Iterable[Feed]:
        """Every source and stream that is known or declared."""
        return self._feeds.values()

    def beat(self, beat: Heartbeat, heard_ms: int) -> None:
        """Take the sources of a partition as its newest heartbeat names them.

        Args:
            beat: newer than any taken for the partition.
            heard_ms: when it was heard, on this process's clock.
        """
        partition = (beat.at.topic, beat.at.partition)
        self._heard_ms[partition] = heard_ms
        self._troubled = None
        before = self._on.get(partition, {})
        now = self._on[partition] = {source.source: source for source in beat.sources}
        for name, source in now.items():
            old = before.get(name)
            if source != old:
                self._hear(partition, name, old, source)
        for name in before.keys() - now.keys():
            self._hear(partition, name, before[name], None)

    def _hear(self, partition: PartitionId, name: str, old: Source | None, new: Source | None) -> None:
        """Take one source of a partition that is not what it was; None: it is not there."""
        before = {} if old is None else {(name, one.stream, one.basis): one for one in old.streams}
        now = {} if new is None else {(name, one.stream, one.basis): one for one in new.streams}
        for key, one in now.items():
            was = before.get(key)
            if one == was:
                continue
            feed = self._feeds.get(key)
            if feed is None:
                feed = self._feeds[key] = Feed(*key, self._expectations.pace(*key))
            feed.hear(partition, one)
            if was is None or was.orgs != one.orgs:
                self._index.clear()
        for key in before.keys() - now.keys():
            feed = self._feeds[key]
            feed.leave(partition)
            if not feed.heard and key not in self._expectations.sources:
                del self._feeds[key]
            self._index.clear()

    def seen_at(self, feed: Feed, now_ms: int) -> int:
        """Give the moment at which a source is judged: when its partition was last heard."""
        return min(now_ms, max((self._heard_ms[one] for one in feed.heard), default=now_ms))

    def troubled(self, now_ms: int) -> Iterator[Feed]:
        """Give the sources that are stale or missing."""
        for feed in self._feeds.values():
            if not feed.heard or feed.is_stale(self.seen_at(feed, now_ms)):
                yield feed

    def is_troubled(self, stream: str, basis: str, now_ms: int) -> bool:
        """Whether any source of a stream is stale or missing; every figure asks, and mostly none is."""
        if self._troubled is None or self._troubled[0] != now_ms:
            found = frozenset((feed.stream, feed.basis) for feed in self.troubled(now_ms))
            self._troubled = (now_ms, found)
        return (stream, basis) in self._troubled[1]

    def groups(self, day: date) -> Iterator[Group]:
        """Give everything that has sources, by the memberships of a day."""
        for stream, basis in sorted({(one.stream, one.basis) for one in self._feeds.values()}):
            for level, org in self._by_org(stream, basis, day):
                yield Group(level, org, stream, basis)

    def tally(self, group: Group, end_ms: int, now_ms: int, *, strict: bool = False) -> SourceCount:
        """Count the sources of a group for a window that ends at `end_ms`, rolled up as at its last day.

        With `strict` nobody has passed or is stale who was not heard after the end.
        """
        day = civil_date(local_day((end_ms - 1) // 1000))
        passed = missing = stale = 0
        feeds = self._by_org(group.stream, group.basis, day).get((group.level, group.org), ())
        for feed in feeds:
            at_ms = self.seen_at(feed, now_ms)
            if not feed.heard:
                missing += 1
            elif strict and at_ms < end_ms:
                continue
            elif feed.has_passed(end_ms, at_ms):
                passed += 1
            elif feed.is_stale(at_ms):
                stale += 1
        return SourceCount(len(feeds), passed, missing, stale)

    def _by_org(self, stream: str, basis: str, day: date) -> dict[tuple[str, str], list[Feed]]:
        key = (stream, basis, day)
        found = self._index.get(key)
        if found is None:
            if len(self._index) >= _MOST_DAYS:
                self._index.clear()
            found = self._index[key] = {}
            for feed in self._feeds.values():
                if (feed.stream, feed.basis) == (stream, basis):
                    for place in self._places(feed, day):
                        found.setdefault(place, []).append(feed)
        return found

    def _places(self, feed: Feed, day: date) -> set[tuple[str, str]]:
        """Give every level and organisation that a source feeds on a day."""
        if not feed.orgs:
            return {("england", ENGLAND)}
        return {place for org in feed.orgs for place in self._register.counts_in(org, day)}
