"""One row: an indicator of an organisation in a window, with everything needed to trust it or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, cast

import msgspec

from schemas.outputs import Cell
from streams.assessment.inequality import Group, narrowed_unimproved, slope
from streams.catalogue import Catalogue, Contribution, Gap, Indicator
from streams.catalogue.dated import Timetable
from streams.catalogue.inequality import CLOSED_KINDS
from streams.catalogue.model import histogram_of, histograms_of
from streams.catalogue.thresholds import Standing
from streams.engine.calendar import utc
from streams.engine.families.strata import DEPRIVATION, PERSON, UNKNOWN, is_known
from streams.engine.windows import HOURS, NOW, STRATA_WINDOWS

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
    "suppressed": "few people, or what would tell of them: numerator, denominator and value are not shown",
    "narrowed_unimproved": "the gap is smaller than a period before, and the most disadvantaged do no better",
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
        value: base units, a ratio is 0 to 1; None when there is none, or when it is suppressed.
        coded: by dimension the share of the denominator whose stratum is known; of an unstratified figure.
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
    coded: dict[str, float | None] = {}

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

    `cells` stand in the order of their strata; of `hidden`, by indicator, nothing is shown.
    """

    org: str
    level: str
    window: str
    start: date
    end: date
    basis: str
    cells: Mapping[Strata, Cell]
    flags: tuple[str, ...]
    as_at_ms: int
    restated_ms: int | None
    from_ms: int | None = None
    until_ms: int | None = None
    hidden: Mapping[str, frozenset[Strata]] = {}


class Divided(msgspec.Struct, frozen=True, gc=False):
    """Numerator, denominator and value of one stratum."""

    numerator: float | None
    denominator: float | None
    value: float | None


NOTHING = Divided(None, None, None)


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
        self._plan = catalogue.beside["plan"][indicator.id] if indicator.kind == "share_of_plan" else None

    def rows(self, figures: Figures, before: Figures | None = None, *, closed: bool = False) -> list[Row]:
        """Give the rows of a window: unstratified first, then the declared strata that occur.

        Args:
            figures: of the window.
            before: of the period before it, where it is known.
            closed: whether the period has ended and is looked at as such; some kinds exist only then.
        """
        indicator = self.indicator
        if figures.window not in indicator.windows or figures.level not in indicator.levels:
            return []
        if indicator.kind in CLOSED_KINDS and not closed:
            return []
        hidden = figures.hidden.get(indicator.id, frozenset())
        if indicator.gap is not None:
            if UNSTRATIFIED not in figures.cells:
                return []
            return [self._compared(figures, indicator.gap, before)]
        standing = self._standing(figures)
        plan = None if self._plan is None else _planned(self._plan, figures)
        found = []
        for strata in sorted({*figures.cells, *hidden}) if hidden else figures.cells:
            if strata != UNSTRATIFIED and strata[0] not in indicator.strata:
                continue
            if strata in hidden:
                found.append(self._row(figures, strata, NOTHING, standing, suppressed=True))
                continue
            cell = figures.cells[strata]
            if self._numerator is None and not cell.histograms:  # of a council's residents none are kept
                continue
            row = self._row(
                figures,
                strata,
                self._divide(cell, plan),
                standing,
                partial=self._lacks(figures, cell.facts),
            )
            found.append(row)
        return found

    def _coded(self, figures: Figures) -> dict[str, float | None]:
        """Give by dimension the share of the denominator that is coded; None where that is hidden."""
        gap = self.indicator.gap
        base = self.indicator if gap is None else self._catalogue.indicators[gap.of]
        wanted = base.strata if gap is None else (gap.dimension,)
        hidden = figures.hidden.get(base.id, frozenset())
        whole = self._people(figures.cells[UNSTRATIFIED]) if wanted and UNSTRATIFIED in figures.cells else 0
        if not whole or UNSTRATIFIED in hidden:
            return {}
        found: dict[str, float | None] = {}
        for dimension in wanted:
            if self._reports is not None:
                known = self._known_of_returns(figures, dimension)
            elif figures.level != "council" and dimension in dimensions_of(figures.window):
                unknown = figures.cells.get((dimension, UNKNOWN))
                known = whole - (0 if unknown is None else self._people(unknown))
            else:
                continue
            if known is not None:
                told = all(name != dimension or is_known(name, value) for name, value in hidden)
                found[dimension] = known / whole if told else None
        return found

    def _known_of_returns(self, figures: Figures, dimension: str) -> int | None:
        """Give what strata of returns come to; None where none are returned. They need not add up."""
        values = {value: cell for (name, value), cell in figures.cells.items() if name == dimension}
        known = (self._people(cell) for value, cell in values.items() if is_known(dimension, value))
        return sum(known) if values else None

    def _people(self, cell: Cell) -> int:
        """Give what a figure is over: its denominator, of a quantile its values, of a count the count."""
        if self._numerator is None:
            place = self._histogram or 0
            return cell.facts[histograms_of(self._contribution.stream)[place].counted]
        return cell.facts[self._numerator if self._denominator is None else self._denominator]

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

    def _divide(self, cell: Cell, plan: float | None = None) -> Divided:
        one, facts = self._contribution, cell.facts
        if self._numerator is None:
            buckets = cell.histograms[self._histogram or 0]
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

    def _compared(self, figures: Figures, gap: Gap, before: Figures | None) -> Row:
        """Compare strata: the first with the last, or all of them."""
        every = self.indicator.kind in CLOSED_KINDS
        strata = [
            (gap.dimension, name) for name in (gap.groups if every else (gap.groups[0], gap.groups[-1]))
        ]
        standing = self._standing(figures)
        if not figures.hidden.get(gap.of, frozenset()).isdisjoint(strata):
            return self._row(figures, UNSTRATIFIED, NOTHING, standing, suppressed=True)
        groups = [self._group(figures, one) for one in strata]
        cells = [figures.cells.get(one) for one in strata]
        partial = any(cell is None or self._lacks(figures, cell.facts) for cell in cells)
        small = any((one.population or 0) < self.indicator.minimum_denominator for one in groups)
        parts = _compare(self.indicator.kind, groups)
        flags = []
        if self.indicator.kind == "gap" and before is not None and self._narrowed(gap, groups, before):
            flags.append("narrowed_unimproved")
        return self._row(figures, UNSTRATIFIED, parts, standing, small=small, partial=partial, more=flags)

    def _group(self, figures: Figures, strata: Strata) -> Group:
        cell = figures.cells.get(strata)
        divided = NOTHING if cell is None else self._divide(cell)
        return Group(divided.value, divided.denominator)

    def _narrowed(self, gap: Gap, now: Sequence[Group], before: Figures) -> bool:
        """Whether the gap is smaller than in a period before, and the first group did no better."""
        strata = [(gap.dimension, name) for name in (gap.groups[0], gap.groups[-1])]
        if not before.hidden.get(gap.of, frozenset()).isdisjoint(strata):
            return False  # the mark would tell something of what is not shown
        was = [self._group(before, one).value for one in strata]
        values = [one.value for one in now]
        if None in was or None in values:
            return False
        base = self._catalogue.indicators[gap.of]
        return narrowed_unimproved(base, cast("_Pair", tuple(values)), cast("_Pair", tuple(was)))

    def _row(
        self,
        figures: Figures,
        strata: Strata,
        parts: Divided,
        standing: Standing,
        *,
        small: bool | None = None,
        partial: bool = False,
        suppressed: bool = False,
        more: Sequence[str] = (),
    ) -> Row:
        indicator = self.indicator
        value = parts.value
        flags = figures.flags
        for flag in more:
            flags = _and(flags, flag)
        if partial and "partial" not in flags:
            flags = _and(flags, "partial")
        if small is None:
            small = parts.denominator is not None and parts.denominator < indicator.minimum_denominator
        if suppressed:
            flags = _and(flags, "suppressed")
        elif value is None:
            flags = _and(flags, "no_value")
        elif small:
            flags = _and(flags, "below_minimum")
            if figures.window in WITHHELD_WINDOWS and figures.basis != "official":
                value = None
        threshold, status = self._judge(standing, value, "below_minimum" in flags)
        if suppressed and threshold is not None:
            status = "not_judged"
        return Row(
            indicator=indicator.id,
            purpose=indicator.purpose,
            org=figures.org,
            level=figures.level,
            window=figures.window,
            period_start=figures.start if figures.from_ms is None else utc(figures.from_ms / 1000),
            period_end=figures.end if figures.until_ms is None else utc(figures.until_ms / 1000),
            strata=_as_dict(strata),
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
            coded=self._coded(figures) if strata == UNSTRATIFIED else {},
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


@cache
def _and(flags: tuple[str, ...], flag: str) -> tuple[str, ...]:
    """Add a flag; the same few sets of them stand in every row."""
    return (*flags, flag)


@cache
def _as_dict(strata: Strata) -> dict[str, str]:
    """Give a stratum as a row has it; rows share it."""
    return {} if strata == UNSTRATIFIED else dict([strata])


_Pair = tuple[float, float]


def _compare(kind: str, groups: Sequence[Group]) -> Divided:
    """Give what comparing groups gives, with its parts where it is one number over another."""
    first, last = groups[0].value, groups[-1].value
    if kind in CLOSED_KINDS:
        line = slope(groups)
        if line is None:
            return NOTHING
        if kind == "slope_index":
            return Divided(None, None, line.rise)
        return Divided(line.end, line.intercept, line.end / line.intercept if line.intercept else None)
    if first is None or last is None:
        return NOTHING
    if kind == "gap":
        return Divided(None, None, first - last)
    return Divided(first, last, first / last if last else None)


@cache
def dimensions_of(window: str) -> frozenset[str]:
    """Give the dimensions that figures from events have in a window."""
    if window in HOURS or window == NOW:
        return frozenset()
    return frozenset(PERSON if window in STRATA_WINDOWS else (DEPRIVATION,))


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
    if "suppressed" in row.flags:
        return "suppressed"
    return figure(row.value, row.unit, gap=row.numerator is None)
