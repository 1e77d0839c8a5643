"""Shares: what one part of one window of a member adds to the sums of every level above it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from operator import add, sub
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from schemas.outputs import Cell
from streams.assessment.rows import Strata
from streams.assessment.suppression import Hidden
from streams.catalogue.declared import LEVELS
from streams.engine.calendar import civil_date, day_number, midnight
from streams.engine.tally import count_in
from streams.engine.windows import TUMBLING, tumbling
from streams.organisations import ROLL_UPS


class Slot(NamedTuple):
    """One window of one stream of one organisation at one level; its row shows the latest period."""

    level: str
    org: str
    stream: str
    basis: str
    window: str


Member = tuple[str, int, str]
"""Input topic, partition and organisation of a snapshot."""


class Period(NamedTuple):
    """The bounds of a window: civil days, and instants in them for a window of hours."""

    start: date
    end: date
    from_ms: int | None = None
    until_ms: int | None = None

    @property
    def end_ms(self) -> int:
        """The instant at which it ends."""
        return midnight(day_number(self.end)) * 1000 if self.until_ms is None else self.until_ms


class Origin(NamedTuple):
    """Where a share comes from: a member, one of its sites, one part of the window."""

    member: Member
    site: str | None
    part: date


class Quality(NamedTuple):
    """What is known of a member's facts besides the facts."""

    as_at_ms: int
    restated_ms: int | None
    partial: bool
    to_date: bool
    assumed: bool
    older_definition: bool


class Key(NamedTuple):
    """One part of one window of a member or of its site; it goes to the slots of every level above.

    With a council it is what concerns that council's residents, and goes to the council's slot alone.
    """

    stream: str
    basis: str
    window: str
    period: Period
    origin: Origin
    council: str | None = None


class Share(NamedTuple):
    """What one part of one member's window adds to its slots."""

    cells: Sequence[Cell]
    quality: Quality


Shares = dict[Key, Share]

NO_SHARE = Share((), Quality(0, None, partial=False, to_date=False, assumed=False, older_definition=False))


class Sum:
    """Facts of one slot and period, and where they came from.

    Attributes:
        below: the slots that it is the sum of, once they have been looked up; until other origins come.
        hidden: what is not shown of it, once that is decided; until the facts change.
    """

    __slots__ = ("below", "cells", "hidden", "origins")

    def __init__(self) -> None:
        self.cells: dict[Strata, Cell] = {}
        self.origins: dict[Origin, Quality] = {}
        self.below: frozenset[Slot] | None = None
        self.hidden: Hidden | None = None

    def come(self, origin: Origin, quality: Quality) -> None:
        """Note an origin, or what is known of it now."""
        if origin not in self.origins:
            self.below = None
        self.origins[origin] = quality

    def leave(self, origin: Origin) -> None:
        """Forget an origin."""
        del self.origins[origin]
        self.below = None

    def change(self, cells: Iterable[Cell]) -> None:
        """Add what changed; what comes to nothing is dropped."""
        self.hidden = None
        for cell in cells:
            strata = (cell.dimension, cell.value)
            before = self.cells.get(strata)
            facts = cell.facts if before is None else list(map(add, before.facts, cell.facts))
            histograms = [{} for _ in cell.histograms] if before is None else before.histograms
            for mine, theirs in zip(histograms, cell.histograms, strict=True):
                count_in(mine, theirs)
            if any(facts) or any(histograms):
                # Another cell: what is hidden keeps the facts of before.
                self.cells[strata] = Cell(*strata, facts, histograms)
            else:
                self.cells.pop(strata, None)


def neighbour(window: str, period: Period, step: Literal[-1, 1]) -> Period | None:
    """Give the calendar period after a period (1) or before it (-1); None for windows of other kinds."""
    if window not in TUMBLING:
        return None
    day = day_number(period.start) - 1 if step < 0 else day_number(period.end)
    bounds = tumbling(window, day)
    return Period(civil_date(bounds.start), civil_date(bounds.end))


def at_level(quality: Quality, level: str) -> Quality:
    """Give what a part's quality is at a level: a membership matters to roll-ups below England only."""
    if quality.assumed and level not in ROLL_UPS:
        return quality._replace(assumed=False)
    return quality


def only_age_differs(one: Quality, other: Quality) -> bool:
    """Whether two say the same, but for when the newest record was appended."""
    return one._replace(as_at_ms=other.as_at_ms) == other


def together(qualities: Collection[Quality]) -> Quality:
    """Give what is known of a sum of parts, at least one: what doubts one doubts all."""
    if len(qualities) == 1:
        return next(iter(qualities))
    as_at, restated, partial, to_date, assumed, older = zip(*qualities, strict=True)
    return Quality(
        max(as_at),
        max((one for one in restated if one), default=None),
        any(partial),
        any(to_date),
        any(assumed),
        any(older),
    )


def difference(old: Iterable[Cell], new: Iterable[Cell]) -> list[Cell]:
    """Give what must be added to `old` to make it `new`; cells that are equal are left out."""
    before = {(cell.dimension, cell.value): cell for cell in old}
    found = []
    for cell in new:
        was = before.pop((cell.dimension, cell.value), None)
        if was != cell:
            found.append(cell if was is None else _minus(cell, was))
    return found + [_minus(None, was) for was in before.values()]


def _minus(new: Cell | None, old: Cell) -> Cell:
    facts = [0] * len(old.facts) if new is None else new.facts
    histograms = [{} for _ in old.histograms] if new is None else new.histograms
    return Cell(
        old.dimension,
        old.value,
        list(map(sub, facts, old.facts)),
        [
            {bucket: now.get(bucket, 0) - was.get(bucket, 0) for bucket, _ in now.items() ^ was.items()}
            for now, was in zip(histograms, old.histograms, strict=True)
        ],
    )


_Item = TypeVar("_Item", bound=tuple[Any, ...])


class Upwards(Generic[_Item]):
    """A set whose lowest level is taken first: what is hidden of a roll-up hangs on its members.

    Args:
        level: gives the level of an item.
    """

    def __init__(self, level: Callable[[_Item], str]) -> None:
        self._level = level
        self._items: dict[str, set[_Item]] = {level: set() for level in LEVELS}

    def __len__(self) -> int:
        return sum(map(len, self._items.values()))

    def add(self, item: _Item) -> None:
        """Add one."""
        self._items[self._level(item)].add(item)

    def update(self, items: Iterable[_Item]) -> None:
        """Add several."""
        for item in items:
            self.add(item)

    def pop(self) -> _Item:
        """Take one of the lowest level; there must be one."""
        return next(items for items in self._items.values() if items).pop()
