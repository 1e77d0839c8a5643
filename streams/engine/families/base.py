"""What a family is: how one record becomes a vector of whole-number facts on a civil day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

from streams.engine.families.strata import UNSTRATIFIED, Cell, stratum
from streams.engine.windows import EVENT_WINDOWS, NOW, WindowName

Facts = tuple[int, ...]

Reduced = tuple[int | None, Facts | None]
"""Attribution instant in epoch seconds (None: still open) and the facts (None: adds nothing)."""


class Histogram(NamedTuple):
    """An exact histogram over the episodes of a family, read off the facts of each.

    Attributes:
        name: as declarations call it; its unit is that of `width`.
        counted: index of the fact that is 1 for an episode which counts.
        measured: index of the fact that is measured, never negative.
        width: of a bucket: 60 makes minutes of seconds.
    """

    name: str
    counted: int
    measured: int
    width: int = 1


def histogram(name: str, facts: tuple[str, ...], counted: str, measured: str, width: int = 1) -> Histogram:
    """Make a histogram over two facts, by their names."""
    return Histogram(name, facts.index(counted), facts.index(measured), width)


COUNCIL = "council"
"""The dimension of a cell that names a council of residence: no stratum, readers make a level of it."""


FEEDS = "feeds"
"""The first of the facts of now: how many series of site and basis are fed, so that none is not unknown."""


@dataclass(frozen=True)
class Open:
    """What the episodes of a family that have not ended come to at a moment: a stream of facts of its own.

    Attributes:
        family: whose episodes.
        facts: names of the vector's elements, all whole numbers, times in seconds; `FEEDS` is the first.
        keep: from `data` to the whole numbers that are held of it; the first is the epoch second at which it
            began. None: it adds nothing.
        reduce: from what is held and a moment, at or after the beginning, to the facts but for the first.
        revision: raised when the meaning of a fact changes; part of the definition.
        histograms: what quantiles are read from.
    """

    family: str
    facts: tuple[str, ...]
    keep: Callable[[Any], Facts | None]
    reduce: Callable[[Facts, int], Facts]
    revision: int = 1
    histograms: tuple[Histogram, ...] = ()
    windows: ClassVar[tuple[WindowName, ...]] = (NOW,)

    @property
    def name(self) -> str:
        """The name of the stream."""
        return f"{self.family}_open"

    @cached_property
    def definition(self) -> str:
        """Identify the meaning of the vector, apart from that of the family: days that closed keep theirs."""
        return definition(self.name, self.revision, self.facts + _described(self.facts, self.histograms))


@dataclass(frozen=True)
class Family:
    """One family of episodes or states.

    Attributes:
        name: as in the event type, `ed_attendance`.
        facts: names of the vector's elements, all whole numbers, times in seconds.
        identity: the attribute of `data` that identifies the record within its source.
        reduce: from `data` to attribution instant and facts.
        dimensions: of the strata that `data` carries.
        council: whether `data` names the council of residence besides (`responsible_council`).
        planned: whether the attribution instant may lie in the future.
        kind: `episode`, or `state` (the day's census counts, and for now the newest).
        revision: raised when the meaning of a fact changes; part of the definition.
        windows: the windows it is kept for.
        histograms: what quantiles are read from.
        open: what its episodes without an ending come to; None where they are of no interest.
    """

    name: str
    facts: tuple[str, ...]
    identity: str
    reduce: Callable[[Any], Reduced]
    dimensions: tuple[str, ...] = ()
    council: bool = False
    planned: bool = False
    kind: Literal["episode", "state"] = "episode"
    revision: int = 1
    windows: tuple[WindowName, ...] = EVENT_WINDOWS
    histograms: tuple[Histogram, ...] = ()
    open: Open | None = None

    @property
    def broken_down(self) -> tuple[str, ...]:
        """Every dimension of its cells: strata, and the council."""
        return (*self.dimensions, *([COUNCIL] if self.council else ()))

    @property
    def cell(self) -> Callable[[Any], Cell]:
        """Reads the stratum of `data`."""
        if self.council:
            return resident
        return stratum if self.dimensions else _no_stratum

    @cached_property
    def definition(self) -> str:
        """Identify the meaning of the vector; readers ignore facts of another definition."""
        return definition(self.name, self.revision, self.facts + _described(self.facts, self.histograms))


def _described(facts: tuple[str, ...], histograms: tuple[Histogram, ...]) -> tuple[str, ...]:
    return tuple(f"{one.name}:{facts[one.counted]}:{facts[one.measured]}/{one.width}" for one in histograms)


def definition(name: str, revision: int, facts: tuple[str, ...]) -> str:
    """Give the identity of a vector's meaning, readable in a record."""
    return f"{name}/{revision}/{','.join(facts)}"


def resident(data: Any) -> Cell:
    """Give the cell of a person's record with the council of residence, where that is known."""
    council = data.responsible_council
    return stratum(data) if council is None else _residents[stratum(data), council]


class _Residents(dict[tuple[Cell, str], Cell]):
    """The cells of each stratum and council, made when they first occur."""

    def __missing__(self, of: tuple[Cell, str]) -> Cell:
        cell, council = of
        found = self[of] = (*cell, (COUNCIL, council))
        return found


_residents = _Residents()


def _no_stratum(_data: Any) -> Cell:
    return UNSTRATIFIED
