"""Thresholds: dated and sourced values that figures are held to (docs/thresholds.md, decision 0018).

                near │ breach
 ok ─────────────────┼────────►        one-sided: the indicator's direction says which side is bad
                    warn   breach
                 clear: where a breach ends

breach │ near │    ok    │ near │ breach      two-sided: { low = …, high = … }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, model_validator

from streams.catalogue.dated import Dated, Span, Timetable
from streams.catalogue.declared import Declared, Direction, Number, wrong
from streams.engine.calendar import civil_date, day_number
from streams.engine.windows import tumbling

AHEAD_DAYS = 60
"""How long before its end a threshold, or a programme, is spoken of."""

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_LONGER_THAN_A_MONTH = {"quarter", "ytd", "12m"}


def _month(value: Any) -> Any:
    if isinstance(value, str) and _MONTH.fullmatch(value):
        return date(int(value[:4]), int(value[5:]), 1)
    if type(value) is date and value.day == 1:  # as model_dump gives it
        return value
    raise ValueError(f'a month is written "2026-03", not {value!r}')


Month = Annotated[date, BeforeValidator(_month), PlainSerializer("{:%Y-%m}".format, when_used="json")]
"""The first day of a month, written "2026-03"."""


class Sides(Declared):
    """A low bound, a high one, or both, where the direction alone does not say which side is bad."""

    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("needs low, high or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self


def _form(value: Any) -> str:
    return "#sides" if isinstance(value, dict | Sides) else "#number"


Bound = Annotated[Annotated[Number, Tag("#number")] | Annotated[Sides, Tag("#sides")], Discriminator(_form)]


class Bounds(NamedTuple):
    """The values outside of which something is so."""

    low: float | None = None
    high: float | None = None

    def excludes(self, value: float) -> bool:
        """Whether a value lies outside; on a bound it does not."""
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)

    def holds(self, other: Bounds) -> bool:
        """Whether bounds have these sides only, and lie inside."""
        return all(
            theirs is None or (ours is not None and sign * theirs >= sign * ours)
            for ours, theirs, sign in ((self.low, other.low, 1), (self.high, other.high, -1))
        )


class Limits(NamedTuple):
    """What a value is held to. `clear` is where a breach ends; nothing here has a memory of one."""

    breach: Bounds
    warn: Bounds = Bounds()
    clear: Bounds = Bounds()

    def judge(self, value: float) -> Literal["ok", "near", "breach"]:
        """Say where a value stands."""
        if self.breach.excludes(value):
            return "breach"
        return "near" if self.warn.excludes(value) else "ok"

    def shown(self, value: float | None) -> float:
        """Give the bound that is shown beside a value: of two the nearer."""
        bounds = [one for one in self.breach if one is not None]
        return bounds[0] if value is None else min(bounds, key=lambda one: abs(one - value))


class Threshold(Dated):
    """A dated, sourced threshold. It judges periods that begin in [valid_from, valid_to).

    `kind` says what it is:

    - `standard`: holds from a day on.
    - `milestone`: to be reached `by` a month. It judges from that month on, unless `valid_from` is given.
    - `trajectory`: a monthly plan of one `org`, in `months`; each month judges the periods that begin in it.
    - `local`: what an operator decided.

    `breach`, `warn` and `clear` are numbers, or `{ low = …, high = … }`. The value itself is no breach.
    `evidence` is V (read in the source itself) or S (as another source cites it); nothing weaker may judge.
    """

    indicator: str
    kind: Literal["standard", "milestone", "trajectory", "local"]
    breach: Bound | None = None
    warn: Bound | None = None
    clear: Bound | None = None
    by: Month | None = None
    months: dict[Month, Number] = Field(default_factory=dict)
    evidence: Literal["V", "S"]
    source: str

    @model_validator(mode="before")
    @classmethod
    def _dates(cls, value: Any) -> Any:
        """Take the first and the last day from the months that are named."""
        if not isinstance(value, dict):
            return value
        if value.get("kind") == "milestone":
            by = value.get("by")
            return {"valid_from": _month(by) if _is_month(by) else date.min, **value}
        if value.get("kind") == "trajectory":
            for name in ("valid_from", "valid_to"):
                if name in value:
                    raise wrong(name, "a trajectory holds in its months, and has no other dates")
            months = value.get("months")
            named = sorted(filter(_is_month, months)) if isinstance(months, dict) else []
            first, after = (_month(named[0]), _after(_month(named[-1]))) if named else (date.min, None)
            return {**value, "valid_from": first, "valid_to": after}
        return value

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        planned = self.kind == "trajectory"
        if (self.kind == "milestone") != (self.by is not None):
            raise wrong("by", 'a milestone, and nothing else, says by = "2026-03", the month it names')
        if planned != bool(self.months):
            raise wrong(
                "months", "a trajectory, and nothing else, has [threshold.months] with 2026-04 = 0.61"
            )
        if planned != (self.breach is None):
            raise wrong(
                "breach", "is needed, the value beyond which it is missed; a trajectory has its months"
            )
        if planned and self.org is None:
            raise wrong("org", "is needed: a trajectory is the plan of one organisation")
        if planned and (self.warn is not None or self.clear is not None):
            raise wrong("warn", "a trajectory has the values of its months, and neither warn nor clear")
        if planned and (longer := _LONGER_THAN_A_MONTH & set(self.windows)):
            raise wrong("windows", f"a monthly plan does not judge a window of {min(longer)}")
        return self

    def spans(self, direction: Direction) -> list[Span[Limits]]:
        """Give when it judges, and what a value is held to then.

        Raises:
            ValueError: when the values do not go with the direction, or with one another.
        """
        if self.kind == "trajectory":
            return [
                Span(month, _after(month), Limits(_bounds(value, direction)), self)
                for month, value in sorted(self.months.items())
            ]
        breach, *milder = (_bounds(one, direction) for one in (self.breach, self.warn, self.clear))
        for name, bounds in zip(("warn", "clear"), milder, strict=True):
            if not breach.holds(bounds):
                raise ValueError(f"{name} lies on the bad side of breach, or has a side that breach has not")
        return [Span(self.valid_from, self.valid_to, Limits(breach, *milder), self)]


def _is_month(value: Any) -> bool:
    return isinstance(value, str) and _MONTH.fullmatch(value) is not None


def _after(month: date) -> date:
    return civil_date(tumbling("month", day_number(month)).end)


def _bounds(value: float | Sides | None, direction: Direction) -> Bounds:
    if value is None:
        return Bounds()
    if isinstance(value, Sides):
        return Bounds(value.low, value.high)
    match direction:
        case "higher":
            return Bounds(low=value)
        case "lower":
            return Bounds(high=value)
        case "towards_zero":
            if value < 0:
                raise ValueError("the indicator should go towards zero: give the distance from it, above 0")
            return Bounds(-value, value)
        case "none":
            raise ValueError("the indicator has no direction: write { low = … }, { high = … } or both")


Standing = Limits | Literal["no_threshold", "expired"]
"""What the figures of a window are held to, or what is said instead of a judgement."""


class Thresholds:
    """All thresholds, found by indicator, window, level, organisation and day.

    Args:
        thresholds: of indicators that are declared.
        directions: of the indicators.

    Attributes:
        mistakes: what is wrong with them, each with its place.
    """

    def __init__(self, thresholds: Iterable[Threshold], directions: Mapping[str, Direction]) -> None:
        self.mistakes: list[str] = []
        self._of: dict[str, Timetable[Limits]] = {}
        for one in thresholds:
            try:
                spans = one.spans(directions[one.indicator])
            except ValueError as error:
                self.mistakes.append(one.mistake(f"threshold on {one.indicator}: {error}", "breach"))
            else:
                self._of.setdefault(one.indicator, Timetable()).add(spans)
        for indicator, timetable in self._of.items():
            for earlier, later in timetable.overlaps():
                told = (
                    f"two thresholds judge {indicator} at one time: this from {later.valid_from} and one from"
                    f" {earlier.valid_from} ({earlier.place.at()}); end the first with valid_to"
                )
                self.mistakes.append(later.mistake(told, "valid_from"))

    def standing(self, indicator: str, window: str, level: str, org: str, day: date) -> Standing:
        """Give what a period that begins on `day` is held to.

        Expired is said where a threshold has ended and no other holds.
        """
        timetable = self._of.get(indicator)
        if timetable is None:
            return "no_threshold"
        span = timetable.on(window, level, org, day)
        if span is not None:
            return span.holds
        return "expired" if timetable.ended(window, level, org, day) else "no_threshold"

    def warnings(self, today: date) -> list[str]:
        """Say which end soon or have ended with nothing after them, and what lies between two of one place.

        A gap that has passed is history, and not spoken of. What the national sources leave open nobody can
        mend here: it is told before it begins, and then given by `unjudged`.
        """
        found = []
        for indicator, timetable in self._of.items():
            for gap in timetable.gaps():
                if gap.end <= today:
                    continue
                if not _ships(gap.before, gap.after) or 0 < (gap.start - today).days <= AHEAD_DAYS:
                    where = ", ".join(gap.levels)
                    told = f"nothing judges it from {gap.start} until {gap.end} at {where}"
                    found.append(gap.after.mistake(f"{_named(indicator, gap.after)}: {told}"))
            for span in timetable.last():
                assert span.end is not None  # noqa: S101 - last() gives those that end
                days = (span.end - today).days
                if days <= 0 and _ships(span.by):
                    continue
                if days <= 0:
                    told = f"expired on {span.end}: it judges no more"
                elif days <= AHEAD_DAYS:
                    told = f"ends on {span.end}, in {days} days, and nothing is declared after it"
                else:
                    continue
                found.append(span.by.mistake(f"{_named(indicator, span.by)}: {told}"))
        return found

    def unjudged(self, today: date) -> list[str]:
        """Give the indicators of which a shipped threshold has ended and nothing holds, at some level."""
        return [
            indicator
            for indicator, timetable in self._of.items()
            if any(gap.start <= today < gap.end and _ships(gap.before, gap.after) for gap in timetable.gaps())
            or any(
                span.end is not None and span.end <= today and _ships(span.by) for span in timetable.last()
            )
        ]


def _ships(*declared: Dated) -> bool:
    """Whether all come with the service, so that no operator can mend them."""
    return all(one.place.shipped for one in declared)


def held_to(one: Threshold) -> str:
    """Give the values of a threshold as documentation writes them."""
    if one.breach is None:
        return f"of {len(one.months)} months"
    named = [("", one.breach), ("near from ", one.warn), ("clear at ", one.clear)]
    return ", ".join(name + _written(bound) for name, bound in named if bound is not None)


def _written(bound: float | Sides) -> str:
    if not isinstance(bound, Sides):
        return f"{bound:g}"
    sides = (("below", bound.low), ("above", bound.high))
    return " or ".join(f"{side} {value:g}" for side, value in sides if value is not None)


def _named(indicator: str, threshold: Dated) -> str:
    return indicator if threshold.org is None else f"{indicator} of {threshold.org}"
