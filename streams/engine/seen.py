"""What is known of a publisher on a partition: when each of its streams was last heard, and about whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.fast import Address
from streams.engine.calendar import SECONDS_A_DAY, utc
from streams.engine.families import FAMILIES, Cell
from streams.engine.families.base import Reduced
from streams.engine.panes import Series

EVENTS_KEPT_DAYS, RETURNS_KEPT_DAYS = 60, 800
"""How long the input topics keep records: a publisher silent for longer is forgotten, as by a new start."""
_NEVER = utc(0)


class StreamState:
    """One stream of facts of one publisher, in one basis.

    Attributes:
        last_append_ms: append time of its newest record.
        newest: watermark, its newest event time; of returns the end of the latest period reported.
        orgs: the organisations it wrote about.
    """

    __slots__ = ("last_append_ms", "newest", "orgs")

    def __init__(self) -> None:
        self.last_append_ms = 0
        self.newest = _NEVER
        self.orgs: set[str] = set()


class SourceState:
    """A publisher on this partition; `streams` is by stream and basis, `series` how many series it began."""

    __slots__ = ("last_append_ms", "misrouted", "official", "series", "streams")

    def __init__(self, *, misrouted: bool, official: bool) -> None:
        self.misrouted = misrouted
        self.official = official
        self.last_append_ms = 0
        self.series = 0
        self.streams: dict[tuple[str, str], StreamState] = {}

    def stream(self, name: str, basis: str) -> StreamState:
        """Give the state of one of its streams, which begins with the first record that is not refused."""
        key = (name, basis)
        state = self.streams.get(key)
        if state is None:
            state = self.streams[key] = StreamState()
        return state

    def note(self, name: str, basis: str, org: str, when: datetime, append_ms: int) -> StreamState:
        """Note a record of one of its streams."""
        stream = self.stream(name, basis)
        stream.orgs.add(org)
        stream.last_append_ms = append_ms
        stream.newest = max(stream.newest, when)
        return stream


class Lane:
    """What the records of one publisher about one site in one family have in common.

    Attributes:
        address: they are known by it.
        source: the publisher.
        name: of the family.
        family: what is known of it; None for returns.
        basis: `synthetic` or `operational`.
        key: reads the publisher's key of a record, or the bed group.
        prefix: what the identities of its episodes begin with.
        series: where the facts go; None until the first record that is accepted.
    """

    __slots__ = (
        "_stream",
        "address",
        "basis",
        "family",
        "key",
        "name",
        "plain",
        "prefix",
        "series",
        "source",
    )

    def __init__(self, source: SourceState, family: str, basis: str, address: Address) -> None:
        self.address = address
        self.source = source
        self.name = family
        self.family = FAMILIES.get(family)
        self.basis = basis
        self.key = attrgetter(self.family.identity if self.family else "org")
        _, publisher, *_ = address
        self.prefix = f"{family} {publisher} "
        self.series: Series | None = None
        self._stream: StreamState | None = None

    def note(self, org: str, when: datetime, append_ms: int) -> None:
        """Note a record that was not refused, late ones too: its publisher is alive."""
        stream = self._stream
        if stream is None:
            self._stream = self.source.note(self.name, self.basis, org, when, append_ms)
            return
        stream.last_append_ms = append_ms
        if when > stream.newest:  # noqa: PLR1730 - each record comes by, and max() takes three times as long
            stream.newest = when


class PlainLane(NamedTuple):
    """A lane of episodes that cannot lie ahead, of a publisher whose records are where they belong.

    Of a new episode only what it adds is to be worked out, so that many are taken together
    (`Engine.process`).

    Attributes:
        lane: it.
        prefix: as of the lane.
        key: as of the lane.
        reduce: from a record to its instant and facts.
        cell: from a record to its stratum.
        series: where the facts go.
    """

    lane: Lane
    prefix: str
    key: Callable[[Any], str]
    reduce: Callable[[Any], Reduced]
    cell: Callable[[Any], Cell]
    series: Series


def plain_lane(lane: Lane) -> PlainLane | None:
    """Give a lane as a plain one, if it is."""
    family, series = lane.family, lane.series
    if family is None or series is None or family.kind != "episode" or family.planned:
        return None
    if lane.source.misrouted:
        return None
    return PlainLane(lane, lane.prefix, lane.key, family.reduce, family.cell, series)


def is_forgotten(stream: str, last_append_ms: int, now_ms: int) -> bool:
    """Whether the topic no longer holds anything of a stream that was last heard then."""
    days = EVENTS_KEPT_DAYS if stream in FAMILIES else RETURNS_KEPT_DAYS
    return now_ms - last_append_ms > days * SECONDS_A_DAY * 1000
