"""Small numbers: which strata of a figure are not shown, so that no count of a few people can be found.

A stratum is hidden when one of its counts (numerator, denominator, or what lies between them) is from 1 to 7.
One hidden stratum alone would be the total less the others, so the next smallest goes with it, and more while
those hidden would together still be a small number.

    quintile      1    2    3    4    5   total
    denominator   5   40   50   60   70     225      5 is small; 40 is hidden with it, or 225 - 220 would tell

Indicators that share a fact hide the same strata. A roll-up is one more equation: what a trust hides must not
be the ICB's figure less the other trusts' (`through`).

NHS England's rule for secondary care since 2018: sub-national counts of 1 to 7 are not shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.outputs import Cell
from streams.assessment.rows import UNSTRATIFIED, Strata
from streams.catalogue import Contribution, Indicator
from streams.catalogue.declared import LEVELS
from streams.catalogue.model import facts_of, histogram_of, histograms_of
from streams.engine.families.strata import PERSON, UNKNOWN

SMALLEST_COUNT = 8

Together = frozenset[str]
"""Values that are hidden together: what is known is their sum, and nothing of each."""
Facts = Mapping[str, Sequence[int]]
"""The facts of a table, by value of its dimension."""


class Rule(NamedTuple):
    """How small is too small.

    Attributes:
        smallest: the smallest count above 0 that is shown; 1 shows everything.
        exact_levels: where unstratified figures are shown however small; strata never are.
    """

    smallest: int = SMALLEST_COUNT
    exact_levels: frozenset[str] = frozenset(LEVELS)


SHOWN_FROM_8 = Rule()


class _Counts(NamedTuple):
    """A row of a published table: a fact, or one less another; `limit` is the smallest that is shown."""

    plus: int
    minus: int | None
    limit: int
    people: bool

    def of(self, facts: Sequence[int]) -> int:
        """Give the count in a stratum."""
        return facts[self.plus] - (0 if self.minus is None else facts[self.minus])


class _Group(NamedTuple):
    """Indicators of one dimension that share facts, and the counts that they show."""

    dimension: str
    indicators: frozenset[str]
    counts: tuple[_Counts, ...]

    def is_small(self, facts: Sequence[int]) -> bool:
        """Whether a count of people in a stratum is too small to be shown."""
        return any(one.people and 0 < one.of(facts) < one.limit for one in self.counts)


class Withheld(NamedTuple):
    """What a slot hides together, and the facts of that."""

    values: Together
    table: Facts


class Hidden(NamedTuple):
    """What is not shown of the figures of one slot.

    Attributes:
        strata: by indicator.
        together: by group, what is hidden together; for the slot above.
    """

    strata: Mapping[str, frozenset[Strata]]
    together: Mapping[tuple[str, frozenset[str]], tuple[Withheld, ...]]


class Suppressor:
    """Decides for the figures of one stream in one window.

    Args:
        pairs: the indicators that show it, and how; those that compare strata are decided by the strata.
        stream: the stream.
        rule: how small is too small.
    """

    def __init__(
        self, pairs: Iterable[tuple[Indicator, Contribution]], stream: str, rule: Rule = SHOWN_FROM_8
    ) -> None:
        self._rule = rule
        facts = facts_of(stream) or ()
        self._reported = facts.index("reports") if "reports" in facts else None
        self._with = facts.index("with_numerator") if "with_numerator" in facts else None
        counts = {
            one.id: _counts(one, contribution, facts, rule.smallest)
            for one, contribution in pairs
            if one.gap is None
        }
        strata = {one.id: one.strata for one, _ in pairs if one.gap is None}
        self._whole = tuple(_groups("", counts))
        self._groups = tuple(
            group
            for dimension in sorted({name for names in strata.values() for name in names})
            for group in _groups(
                dimension, {name: of for name, of in counts.items() if dimension in strata[name]}
            )
        )

    @property
    def breaks_down(self) -> bool:
        """Whether it can hide strata: there are some, and something is too small to be shown."""
        return bool(self._groups) and self._rule.smallest > 1

    def hidden(
        self,
        level: str,
        cells: Mapping[Strata, Cell],
        below: Sequence[Hidden] = (),
        *,
        any_below: bool = False,
    ) -> Hidden:
        """Decide what is hidden of a slot.

        Args:
            level: of the slot.
            cells: its facts by stratum.
            below: what is hidden of the slots that it is the sum of; none for the lowest.
            any_below: hide whatever any of these hides: it is not one step of a chain of sums.
        """
        strata: defaultdict[str, set[Strata]] = defaultdict(set)
        together: dict[tuple[str, frozenset[str]], tuple[Withheld, ...]] = {}
        tables = _tables(cells)
        for group in self._groups if self.breaks_down else ():
            key = (group.dimension, group.indicators)
            members = [one for other in below for one in other.together.get(key, ())]
            table = tables[group.dimension]
            found = self._of_group(group, table, members, any_below=any_below)
            if found:
                together[key] = tuple(Withheld(some, _only(table, some)) for some in found)
                for name in group.indicators:
                    strata[name] |= {(group.dimension, value) for some in found for value in some}
        if level not in self._rule.exact_levels and UNSTRATIFIED in cells:
            self._hide_whole(cells, strata)
        return Hidden({name: frozenset(some) for name, some in strata.items()}, together)

    def _hide_whole(self, cells: Mapping[Strata, Cell], strata: defaultdict[str, set[Strata]]) -> None:
        """Hide small figures that are not broken down, and with them all that they are broken down into."""
        facts = cells[UNSTRATIFIED].facts
        for group in self._whole:
            if group.is_small(facts):
                for name in group.indicators:
                    strata[name] |= cells.keys()

    def _of_group(
        self, group: _Group, table: Facts, members: Sequence[Withheld], *, any_below: bool
    ) -> tuple[Together, ...]:
        small = {value for value, facts in table.items() if self._is_withheld(facts) or group.is_small(facts)}
        if not small and not members:
            return ()
        rows = [one.values for one in members]
        found = rows if any_below else through(rows)
        gone = frozenset[str]().union(*found)
        # What is small here and hidden below stays hidden with what it is hidden with there; so does what a
        # shown sum would tell of several members together.
        found = found + [
            some
            for some in joined(rows)
            if small & some or any(_told(group, value, members) for value in some - gone)
        ]
        if alone := small.difference(*rows):
            found.append(self._protected(group, table, alone))
        return tuple(joined(found))

    def _is_withheld(self, facts: Sequence[int]) -> bool:
        """Whether a publisher left a stratum's figure out of a return (`*`): a sum over it is not shown."""
        if self._with is None or self._reported is None:
            return False
        return facts[self._with] < facts[self._reported]

    def _protected(self, group: _Group, table: Facts, small: Collection[str]) -> Together:
        """Add to values that are small until neither one of them nor their sum can be told."""
        hidden = set(small)
        rest = sorted(
            (max(one.of(facts) / one.limit for one in group.counts if one.people), value)
            for value, facts in table.items()
            if value not in hidden and any(one.of(facts) for one in group.counts)
        )
        while rest and (len(hidden) == 1 or _tell(group, table, hidden)):
            hidden.add(rest.pop(0)[1])
        for nobody in (UNKNOWN, _first_of(group.dimension)):
            if len(hidden) == 1:  # there is nobody else: that is not shown either
                hidden.add(nobody)
        return frozenset(hidden)


def _counts(
    indicator: Indicator, contribution: Contribution, facts: Sequence[str], smallest: int
) -> list[_Counts]:
    """Give the counts that an indicator shows of a stratum."""
    if contribution.histogram is not None:
        place = histogram_of(contribution.stream, contribution.histogram) or 0
        counted = histograms_of(contribution.stream)[place].counted
        return [_Counts(counted, None, smallest, people=True)]
    numerator = facts.index(contribution.numerator or "")
    above = smallest * contribution.numerator_scale
    people = indicator.kind != "mean"  # the numerator of a mean is of days or minutes
    found = [_Counts(numerator, None, above, people)]
    if contribution.denominator is not None:
        denominator = facts.index(contribution.denominator)
        below = smallest * contribution.denominator_scale
        found.append(_Counts(denominator, None, below, people=True))
        if people and above == below:
            found.append(_Counts(denominator, numerator, below, people=True))
    return found


def _groups(dimension: str, counts: Mapping[str, Sequence[_Counts]]) -> Iterable[_Group]:
    """Put together the indicators that share a fact: what one hides the other must not show."""
    facts = {
        name: frozenset(str(fact) for one in of for fact in (one.plus, one.minus) if fact is not None)
        for name, of in counts.items()
    }
    for shared in joined(facts.values()):
        names = frozenset(name for name, of in facts.items() if of <= shared)
        yield _Group(dimension, names, tuple(dict.fromkeys(one for name in names for one in counts[name])))


def _tell(group: _Group, table: Facts, hidden: Collection[str]) -> bool:
    """Whether hidden values come to a small number or to nothing, which the total less the others tells."""
    for one in group.counts:
        if _total(one, table, hidden) < one.limit and _total(one, table, table.keys() - hidden):
            return True
    return False


def _told(group: _Group, value: str, members: Sequence[Withheld]) -> bool:
    """Whether what members hide of a value is a small number together, or nothing although they hide some."""
    hiding = [one for one in members if value in one.values]
    for count in group.counts:
        together = sum(count.of(one.table[value]) for one in hiding if value in one.table)
        if together < count.limit and any(_total(count, one.table, one.values) for one in hiding):
            return True
    return False


def _total(count: _Counts, table: Facts, values: Collection[str]) -> int:
    return sum(count.of(facts) for value, facts in table.items() if value in values)


def _only(table: Facts, values: Together) -> Facts:
    return {value: table[value] for value in values if value in table}


def _tables(cells: Mapping[Strata, Cell]) -> defaultdict[str, dict[str, Sequence[int]]]:
    found: defaultdict[str, dict[str, Sequence[int]]] = defaultdict(dict)
    for (dimension, value), cell in cells.items():
        found[dimension][value] = cell.facts
    return found


def _first_of(dimension: str) -> str:
    """Give a value that a dimension may have."""
    return dict(zip(PERSON, ("1", "A", "female", "0-17"), strict=True)).get(dimension, "other")


def joined(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Put together the sets that have something in common, directly or by way of others."""
    found: list[set[str]] = []
    for one in set(sets):
        whole = set(one)
        apart = []
        for some in found:
            if some.isdisjoint(one):
                apart.append(some)
            else:
                whole |= some
        found = [*apart, whole]
    return sorted(map(frozenset, found), key=min)


def through(rows: Sequence[Together]) -> list[Together]:
    """Give what a roll-up must hide, so that what its members hide is not found by subtraction.

    Of what a member hides together only the sum is known. Move one person of a member from one of these
    values to another: every sum that is shown stays as it was if other members move one back, directly or by
    way of further values, or if the roll-up hides both values. So nothing is told of a member whose values
    hang together without it (`hangs_together`). Of values that do not, the roll-up hides those that one
    member alone hides, if that is enough, and else all.
    """
    found = []
    for values in joined(rows):
        part = [row for row in rows if row <= values]
        if hangs_together(part):
            continue
        alone = frozenset(value for value in values if sum(value in row for row in part) == 1)
        enough = len(alone) > 1 and hangs_together([*part, alone])
        found.append(alone if enough else values)
    return found


def hangs_together(rows: Sequence[Together]) -> bool:
    """Whether the values of every row are joined by the other rows alone."""
    distinct = Counter(rows)
    return all(_is_joined(row, [*distinct.keys() - {row}]) for row, times in distinct.items() if times == 1)


def _is_joined(row: Together, others: Sequence[Together]) -> bool:
    reached = {next(iter(row))}
    size = 0
    while size < len(reached):
        size = len(reached)
        for other in others:
            if not reached.isdisjoint(other):
                reached |= other
                if row <= reached:
                    return True
    return False
