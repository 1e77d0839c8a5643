"""Dated declarations: from when to when they hold, for which windows, levels and organisation.

   ├──── one ────┤      gap      ├──── the next ────┤
start           end            start               end (exclusive)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise, product
from typing import Annotated, Generic, NamedTuple, Self, TypeVar

from pydantic import Field, model_validator

from streams.catalogue.declared import Code, Declared, Level, Number, wrong
from streams.engine.windows import HOURS, WindowName

_Held = TypeVar("_Held")


class Dated(Declared):
    """What holds for periods that begin in [valid_from, valid_to).

    `org` narrows it to one organisation, whose own goes before that of its level.
    """

    windows: Annotated[tuple[WindowName, ...], Field(min_length=1)]
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    org: Code | None = None
    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise wrong("valid_to", f"{self.valid_to} is not after valid_from, {self.valid_from}")
        return self


BESIDE = ("plan", "baseline", "reference")
"""What may stand beside a figure."""


class Reference(Dated):
    """A plan, a baseline or a reference: a value shown beside the figure, which never judges it."""

    value: Number
    source: str

    @model_validator(mode="after")
    def _of_days(self) -> Self:
        if hours := set(self.windows) & HOURS.keys():
            raise wrong("windows", f"what stands beside a figure is of days: {min(hours)} has none")
        return self


class Span(NamedTuple, Generic[_Held]):
    """Days [start, end) and what holds on them, with the declaration that says so."""

    start: date
    end: date | None
    holds: _Held
    by: Dated


class Gap(NamedTuple):
    """Days between two spans, at these levels."""

    start: date
    end: date
    levels: tuple[str, ...]
    before: Dated
    after: Dated


class Timetable(Generic[_Held]):
    """Spans of one subject, found by window, level, organisation and day."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, str, str | None], list[Span[_Held]]] = {}
        self._own: set[str | None] = set()

    def add(self, spans: Iterable[Span[_Held]]) -> None:
        """Add the spans of one declaration."""
        for span in spans:
            self._own.add(span.by.org)
            for window, level in product(span.by.windows, span.by.levels):
                held = self._spans.setdefault((window, level, span.by.org), [])
                held.append(span)
                held.sort(key=lambda one: one.start)

    def on(self, window: str, level: str, org: str, day: date) -> Span[_Held] | None:
        """Give what holds for a period that begins on `day`: the organisation's own, or its level's."""
        for of in self._whose(org):
            for span in self._spans.get((window, level, of), ()):
                if span.start <= day and (span.end is None or day < span.end):
                    return span
        return None

    def ended(self, window: str, level: str, org: str, day: date) -> bool:
        """Whether something held before `day` that ended."""
        return any(
            span.end is not None and span.end <= day
            for of in self._whose(org)
            for span in self._spans.get((window, level, of), ())
        )

    def _whose(self, org: str) -> tuple[str | None, ...]:
        return (org, None) if org in self._own else (None,)

    def overlaps(self) -> Iterator[tuple[Dated, Dated]]:
        """Give each pair of declarations that hold at one time and place, once."""
        pairs = {
            id(later.by): (earlier.by, later.by)
            for spans in self._spans.values()
            for earlier, later in pairwise(spans)
            if earlier.end is None or later.start < earlier.end
        }
        return iter(pairs.values())

    def gaps(self) -> list[Gap]:
        """Give the days between two spans of one place on which nothing holds."""
        found: dict[tuple[date, int], Gap] = {}
        for (_, level, _), spans in self._spans.items():
            for one, other in pairwise(spans):
                if one.end is not None and one.end < other.start:
                    gap = found.get((one.end, id(other)), Gap(one.end, other.start, (), one.by, other.by))
                    levels = dict.fromkeys((*gap.levels, level))
                    found[one.end, id(other)] = gap._replace(levels=tuple(levels))
        return list(found.values())

    def last(self) -> list[Span[_Held]]:
        """Give the spans that end with nothing after them in at least one of their places, each once."""
        ending = [spans[-1] for spans in self._spans.values()]
        return list({id(span): span for span in ending if span.end is not None}.values())
