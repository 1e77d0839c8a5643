"""One row: an indicator of an organisation in a window, with everything needed to trust it or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from streams.catalogue import Catalogue, Contribution, Gap, Indicator
from streams.catalogue.dated import Timetable
from streams.catalogue.model import histogram_of
from streams.catalogue.thresholds import Standing
from streams.engine.calendar import utc
from streams.engine.panes import Tally

Status = Literal["ok", "near", "breach", "no_threshold", "expired", "not_judged", "no_value"]

FLAGS: dict[str, str] = {
    "partial": "the window is not covered whole: history, periods or a membership are missing",
    "to_date": "the period has not ended",
    "missing_members": "a member organisation has only an older period",
    "restated": "a figure of a day that had ended has changed since",
    "assumed_membership": "a membership is assumed from the earliest one known",
    "below_minimum": "the denominator is below the indicator's minimum: not judged",
    "no_value": "nothing to divide by: there is no value",
    "stale": "the worker that computes it has not been heard; the value is its last",
    "stale_source": "a source has been silent for three of its intervals and has not passed the period's end",
    "missing_source": "a source that an operator declared has never been heard",
    "older_definition": "days that follow an older definition of their facts are left out",
    "changed_footprint": "a member or an area came or went inside the window: not the same people throughout",
}

Strata = tuple[str, str]
UNSTRATIFIED: Strata = ("", "")
WITHHELD_WINDOWS = frozenset({"1h", "4h", "since_midnight"})
"""Short windows, whose value is withheld below the minimum denominator: it would only be noise."""


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=False):
    """One figure. Levels, windows and names as in the documentation of the command line.

    Attributes:
        period_start: first civil day, Europe/London; for windows of hours an instant, UTC.
        period_end: day after the last; for windows of hours an instant, UTC.
        numerator: in the unit's parts (minutes, patients, pounds); None for a gap, a quantile and a level.
        denominator: for a quantile, how many values it is taken from.
        value: base units, a ratio is 0 to 1; None when there is none.
        as_at: when the newest record in it was appended, UTC.
        restated_at: when a figure of a day that had ended last changed, UTC.
    """

    indicator: str
    purpose: str
    org: str
    level: str
    window: str
    period_start: date | datetime
    period_end: date | datetime
    strata: dict[str, str]
    basis: str
    numerator: float | None
    denominator: float | None
    value: float | None
    unit: str
    status: Status
    flags: tuple[str, ...]
    threshold: float | None
    as_at_ms: int
    restated_at_ms: int | None

    def as_json(self) -> dict[str, Any]:
        """Give the row as the command line prints it."""
        fields = msgspec.structs.asdict(self)
        for name in ("period_start", "period_end"):
            bound = fields[name]
            if isinstance(bound, datetime):
                bound = instant(int(bound.timestamp() * 1000))
            fields[name] = str(bound)
        fields["as_at"] = instant(fields.pop("as_at_ms"))
        fields["restated_at"] = instant(fields.pop("restated_at_ms"))
        return fields


def instant(milliseconds: int | None) -> str | None:
    """Give epoch milliseconds as an RFC 3339 instant in UTC."""
    if milliseconds is None:
        return None
    return utc(milliseconds / 1000).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Figures(msgspec.Struct, frozen=True, gc=False):
    """The facts of one window of one organisation, as summed, with what is known of their quality.

    `cells` stand in the order of their strata.
    """

    org: str
    level: str
    window: str
    start: date
    end: date
    basis: str
    cells: Mapping[Strata, Tally]
    flags: tuple[str, ...]
    as_at_ms: int
    restated_ms: int | None
    from_ms: int | None = None
    until_ms: int | None = None


class Divided(msgspec.Struct, frozen=True, gc=False):
    """Numerator, denominator and value of one stratum."""

    numerator: float | None
    denominator: float | None
    value: float | None


class Calculator:
    """Computes the rows of one (indicator, contribution) pair.

    Args:
        catalogue: for thresholds and the indicator a gap compares.
        indicator: what to compute.
        contribution: which facts it is made of.
        facts: names of the stream's facts, in order.
    """

    def __init__(
        self, catalogue: Catalogue, indicator: Indicator, contribution: Contribution, facts: Sequence[str]
    ) -> None:
        self._catalogue = catalogue
        self.indicator = indicator
        self._contribution = contribution
        self._numerator = None if contribution.numerator is None else facts.index(contribution.numerator)
        self._denominator = (
            None if contribution.denominator is None else facts.index(contribution.denominator)
        )
        self._requires = None if contribution.requires is None else facts.index(contribution.requires)
        self._out_of = None if contribution.out_of is None else facts.index(contribution.out_of)
        self._reports = facts.index("reports") if "reports" in facts else None
        self._with = facts.index("with_numerator") if "with_numerator" in facts else None
        self._histogram = histogram_of(contribution.stream, contribution.histogram)
        self._plan = catalogue.plans[indicator.id] if indicator.kind == "share_of_plan" else None

    def rows(self, figures: Figures) -> list[Row]:
        """Give the rows of a window: unstratified first, then the declared strata that occur."""
        if figures.window not in self.indicator.windows or figures.level not in self.indicator.levels:
            return []
        if self.indicator.gap is not None:
            return [self._gap(figures, self.indicator.gap)] if UNSTRATIFIED in figures.cells else []
        standing = self._standing(figures)
        plan = None if self._plan is None else _planned(self._plan, figures)
        return [
            self._row(
                figures,
                strata,
                self._divide(tally, plan),
                standing,
                partial=self._lacks(figures, tally.facts),
            )
            for strata, tally in figures.cells.items()
            if strata == UNSTRATIFIED or strata[0] in self.indicator.strata
            if self._numerator is not None or tally.histograms  # of a council's residents none are kept
        ]

    def _lacks(self, figures: Figures, facts: Sequence[int]) -> bool:
        """Whether a member's return is blank, or lacks this stratum: the sum is not of everybody."""
        if self._out_of is not None and facts[self._requires or 0] < facts[self._out_of]:
            return True
        if self._reports is None:
            return False
        everybody = figures.cells.get(UNSTRATIFIED)
        all_of = facts if everybody is None else everybody.facts
        present = facts[self._reports] if self._with is None else facts[self._with]
        return present < all_of[self._reports]

    def _divide(self, tally: Tally, plan: float | None = None) -> Divided:
        one, facts = self._contribution, tally.facts
        if self._numerator is None:
            buckets = tally.histograms[self._histogram or 0]
            return Divided(None, sum(buckets.values()), nearest_rank(buckets, self.indicator.quantile or 0))
        numerator = facts[self._numerator]
        shown = _scaled(numerator, one.numerator_scale)
        if self._requires is not None and not facts[self._requires]:
            return Divided(None, None, None)
        if self._plan is not None:
            return Divided(shown, plan, shown / plan if plan else None)
        if self._denominator is None:
            return Divided(shown, None, shown)
        denominator = facts[self._denominator]
        if self.indicator.kind == "level":
            return Divided(None, denominator, numerator if denominator == 1 else None)
        value = None
        if denominator:
            value = (numerator * one.denominator_scale) / (denominator * one.numerator_scale)
        return Divided(shown, _scaled(denominator, one.denominator_scale), value)

    def _gap(self, figures: Figures, gap: Gap) -> Row:
        pair = []
        small = partial = False
        for stratum in (gap.first, gap.second):
            tally = figures.cells.get((gap.dimension, stratum))
            divided = self._divide(tally) if tally is not None else Divided(None, None, None)
            partial = partial or tally is None or self._lacks(figures, tally.facts)
            pair.append(divided.value)
            small = small or (divided.denominator or 0) < self.indicator.minimum_denominator
        first, second = pair
        value = None if first is None or second is None else first - second
        parts = Divided(None, None, value)
        return self._row(figures, UNSTRATIFIED, parts, self._standing(figures), small=small, partial=partial)

    def _row(
        self,
        figures: Figures,
        strata: Strata,
        parts: Divided,
        standing: Standing,
        *,
        small: bool | None = None,
        partial: bool = False,
    ) -> Row:
        indicator = self.indicator
        value = parts.value
        flags = figures.flags
        if partial and "partial" not in flags:
            flags += ("partial",)
        if small is None:
            small = parts.denominator is not None and parts.denominator < indicator.minimum_denominator
        if value is None:
            flags += ("no_value",)
        elif small:
            flags += ("below_minimum",)
            if figures.window in WITHHELD_WINDOWS and figures.basis != "official":
                value = None
        threshold, status = self._judge(standing, value, "below_minimum" in flags)
        return Row(
            indicator=indicator.id,
            purpose=indicator.purpose,
            org=figures.org,
            level=figures.level,
            window=figures.window,
            period_start=figures.start if figures.from_ms is None else utc(figures.from_ms / 1000),
            period_end=figures.end if figures.until_ms is None else utc(figures.until_ms / 1000),
            strata={} if strata == UNSTRATIFIED else dict([strata]),
            basis=figures.basis,
            numerator=parts.numerator,
            denominator=parts.denominator,
            value=value,
            unit=indicator.unit,
            status=status,
            flags=flags,
            threshold=threshold,
            as_at_ms=figures.as_at_ms,
            restated_at_ms=figures.restated_ms,
        )

    def _standing(self, figures: Figures) -> Standing:
        """Give the threshold of a window, or what is said instead of a judgement where there is none."""
        return self._catalogue.standing(
            self.indicator.id, figures.window, figures.level, figures.org, figures.start
        )

    def _judge(self, standing: Standing, value: float | None, small: bool) -> tuple[float | None, Status]:
        if isinstance(standing, str):
            return None, standing
        threshold = standing.shown(value)
        if value is None:
            return threshold, "no_value"
        return threshold, "not_judged" if small else standing.judge(value)


def _planned(plan: Timetable[float], figures: Figures) -> float | None:
    """Give what was planned for a window; None where no plan is declared."""
    span = plan.on(figures.window, figures.level, figures.org, figures.start)
    return None if span is None else span.holds


def nearest_rank(buckets: Mapping[int, int], quantile: float) -> int | None:
    """Give the bucket of the smallest value that at least the share `quantile` of all does not exceed."""
    rank = math.ceil(quantile * sum(buckets.values()))
    below = 0
    for bucket in sorted(buckets):
        below += buckets[bucket]
        if below >= rank:
            return bucket
    return None


def _scaled(fact: int, scale: int) -> float:
    """Give fact / scale, as a whole number where it is one."""
    if scale == 1:
        return fact
    whole, rest = divmod(fact, scale)
    return whole if rest == 0 else fact / scale


_WRITTEN = {"per_1000": "per 1,000", "per_100000": "per 100,000"}


def figure(value: float | None, unit: str, *, gap: bool = False) -> str:
    """Give a value as people write it.

    A ratio in per cent, a gap between ratios in percentage points, others with one decimal and their unit.
    """
    if value is None:
        return "no value"
    if unit == "ratio":
        return f"{100 * value:+.1f} points" if gap else f"{100 * value:.1f} %"
    if unit == "level":
        return f"level {value:.0f}"
    written = _WRITTEN.get(unit, unit)
    return f"{value:,.0f} {written}" if value == int(value) else f"{value:,.1f} {written}"


def shown(row: Row) -> str:
    """Give a row's value as people write it."""
    return figure(row.value, row.unit, gap=row.numerator is None)
