"""The reasons of a change: which one each record has, and which are too small to be shown alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from streams.assessment.explain_mix import Pair
from streams.assessment.explain_views import OPEN, Entry
from streams.assessment.rows import UNSTRATIFIED, Strata
from streams.catalogue import Contribution
from streams.catalogue.model import facts_of
from streams.engine.calendar import day_of_quarter
from streams.engine.families import FAMILIES
from streams.engine.families.strata import UNKNOWN
from streams.engine.panes import SeriesKey
from streams.engine.windows import Bounds

Reason = Literal["entered", "left", "corrected", "late", "moved"]
REASONS: dict[Reason, str] = {
    "entered": "happened after the older window's end",
    "left": "the window moved past it",
    "corrected": "same place and day, other facts; withdrawals and restated returns too",
    "late": "happened inside the older window, told after the older moment",
    "moved": "its organisation, site or day was corrected, so that it came in or went out",
}
CLOSED_DAYS = "closed_days"
"""Reason of what stands in days that the log no longer holds record by record."""
TOGETHER = "together"
"""Reason of a part that stands for several small ones."""
SMALLEST = 8
"""Reasons of fewer records are shown together: the rule of 1 to 7 (NHS England, secondary care, 2018)."""


class Amount(NamedTuple):
    """Facts: numerator, denominator, and what a count needs above 0 to have a value; before scaling."""

    numerator: int = 0
    denominator: int = 0
    required: int = 0

    def plus(self, other: Amount, sign: int = 1) -> Amount:
        """Add another, or with sign -1 take it away."""
        return Amount(
            self.numerator + sign * other.numerator,
            self.denominator + sign * other.denominator,
            self.required + sign * other.required,
        )


NOTHING = Amount()


class Reading:
    """Takes the amounts of one contribution, which is not a quantile's, out of vectors of facts."""

    def __init__(self, contribution: Contribution) -> None:
        facts = facts_of(contribution.stream) or ()
        self._explicit = contribution.stream not in FAMILIES
        self._numerator = facts.index(contribution.numerator or "")
        down, needs = contribution.denominator, contribution.requires
        self._denominator = None if down is None else facts.index(down)
        self._required = None if needs is None else facts.index(needs)
        self._scales = contribution.numerator_scale, contribution.denominator_scale

    def of(self, entry: Entry, strata: Strata) -> Amount:
        """Give what a record adds to a stratum."""
        if strata == UNSTRATIFIED:
            return self.amount(facts for cell, facts in entry.contributions if not (cell and self._explicit))
        if strata[1] == UNKNOWN and not self._explicit:
            known = strata[0]
            return self.amount(facts for cell, facts in entry.contributions if known not in dict(cell))
        return self.amount(facts for cell, facts in entry.contributions if strata in cell)

    def amount(self, vectors: Iterable[Sequence[int]]) -> Amount:
        """Sum vectors."""
        numerator = denominator = required = 0
        for facts in vectors:
            numerator += facts[self._numerator]
            denominator += 0 if self._denominator is None else facts[self._denominator]
            required += 0 if self._required is None else facts[self._required]
        return Amount(numerator, denominator, required)

    def scaled(self, amount: Amount) -> Pair:
        """Give numerator and denominator in the unit's parts."""
        up, down = self._scales
        return Fraction(amount.numerator, up), Fraction(amount.denominator, down)


class Window:
    """The window as it stood at one moment: what it holds, wherever it happened.

    Args:
        bounds: in civil days, or in quarters of an hour; None where there was no window.
        hours: whether bounds are in quarters of an hour.
        current: of returns, the series whose own window has these bounds; others are on another period.
    """

    def __init__(
        self, bounds: Bounds | None, *, hours: bool = False, current: frozenset[SeriesKey] | None = None
    ) -> None:
        self.bounds = bounds
        self.hours = hours
        self._current = current

    def holds(self, entry: Entry | None) -> bool:
        """Whether the window covers the time of a record."""
        if self.bounds is None or entry is None or entry.quarter == OPEN:
            return False
        if self._current is not None and entry.series not in self._current:
            return False
        at = entry.quarter if self.hours else day_of_quarter(entry.quarter)
        return self.bounds.start <= at < self.bounds.end


class _Sum:
    """The records of one reason and what they change."""

    def __init__(self) -> None:
        self.records = 0
        self.change = NOTHING


class Split:
    """A change by reason.

    Args:
        windows: the older and the newer window.
        here: whether a record counts for the organisation asked about.
        amount: what a record adds.
        happened: whether a record first told after the older moment had happened by it; matters in windows
            to date, whose end lies after the moment.
    """

    def __init__(
        self,
        windows: tuple[Window, Window],
        here: Callable[[Entry], bool],
        amount: Callable[[Entry], Amount],
        happened: Callable[[Hashable], bool],
    ) -> None:
        self._before, self._after = windows
        self._here = here
        self._amount = amount
        self._happened = happened
        self._reasons: dict[Reason, _Sum] = {one: _Sum() for one in REASONS}
        self._seen = (NOTHING, NOTHING)
        self.shown = (NOTHING, NOTHING)
        self.unexplained = NOTHING

    @property
    def records(self) -> dict[Reason, int]:
        """How many records have each reason."""
        return {reason: one.records for reason, one in self._reasons.items()}

    def compare(self, older: Mapping[Hashable, Entry], newer: Mapping[Hashable, Entry]) -> None:
        """Give every record that counts on either side its reason."""
        for key in older.keys() | newer.keys():
            self._one(key, older.get(key), newer.get(key))

    def check(self, older: Amount, newer: Amount) -> None:
        """Hear what is shown; what no record accounts for stands in days known by their totals alone."""
        self.shown = (older, newer)
        seen = self._seen[1].plus(self._seen[0], -1)
        self.unexplained = newer.plus(older, -1).plus(seen, -1)

    def _one(self, key: Hashable, old: Entry | None, new: Entry | None) -> None:
        before, after = self._before, self._after
        was = old is not None and bool(old.contributions) and self._here(old)
        now = new is not None and bool(new.contributions) and self._here(new)
        a = self._amount(old) if old is not None and was and before.holds(old) else NOTHING
        b = self._amount(new) if new is not None and now and after.holds(new) else NOTHING
        self._seen = (self._seen[0].plus(a), self._seen[1].plus(b))
        if any(a) and any(b) and not after.holds(old) and not before.holds(new):
            self._add("left", NOTHING.plus(a, -1))
            self._add("entered", b)
        elif a == b:
            return
        elif any(a) and any(b):
            self._add("corrected", b.plus(a, -1))
        elif any(a):
            elsewhere = new is not None and bool(new.contributions) and not (now and after.holds(new))
            left = not after.holds(old)
            self._add("left" if left else "moved" if elsewhere else "corrected", NOTHING.plus(a, -1))
        else:
            self._add(self._arrival(key, old, new, was=was), b)

    def _arrival(self, key: Hashable, old: Entry | None, new: Entry | None, *, was: bool) -> Reason:
        """Say why a record counts that did not count before."""
        if not self._before.holds(new):
            return "entered"
        if old is not None and old.contributions:
            return "corrected" if was and self._before.holds(old) else "moved"
        if not self._happened(key):
            return "entered"
        return "late" if old is None or old.quarter == OPEN else "corrected"

    def _add(self, reason: Reason, change: Amount) -> None:
        one = self._reasons[reason]
        one.change = one.change.plus(change)
        one.records += bool(change.numerator or change.denominator)

    def parts(
        self, folded: frozenset[Reason], smallest: int, *, closed: bool
    ) -> Iterator[tuple[str, tuple[str, ...], int | None, Amount]]:
        """Give reason, the reasons it stands for, records and change of every part.

        Args:
            folded: the reasons that are shown together.
            smallest: fewer records are not told.
            closed: whether to give the part of closed days, for there are such.
        """
        together = _Sum()
        for reason, one in self._reasons.items():
            if reason in folded:
                together.change = together.change.plus(one.change)
                together.records += one.records
            else:
                yield reason, (), one.records, one.change
        if folded:
            of = tuple(one for one in REASONS if one in folded)
            yield TOGETHER, of, together.records if together.records >= smallest else None, together.change
        if closed:
            yield CLOSED_DAYS, (), None, self.unexplained


def fold(counts: Sequence[Mapping[Reason, int]], smallest: int) -> frozenset[Reason]:
    """Choose the reasons that are shown together.

    One of 1 to `smallest` - 1 records is not shown alone; nor is it left to be found by subtraction: the
    next smallest join until there are at least two with `smallest` records, or all that hold anything.

    Args:
        counts: records by reason, of each stratum that is shown side by side.
        smallest: the number of records from which a reason may stand alone.
    """
    held = {reason: max(one[reason] for one in counts) for reason in counts[0]}
    folded = {reason for reason in held if any(0 < one[reason] < smallest for one in counts)}
    rest = sorted((one for one, count in held.items() if count and one not in folded), key=held.__getitem__)

    def enough() -> bool:
        totals = [sum(one[reason] for reason in folded) for one in counts]
        return len(folded) > 1 and all(total == 0 or total >= smallest for total in totals)

    while folded and rest and not enough():
        folded.add(rest.pop(0))
    return frozenset(folded)
