"""A roll-up's change by its members: how much their own values changed, and how much their weights did.

With weight w = denominator over all denominators, value r, and a bar for the mean of before and after:

    change = Σ w̄ · Δr   (rate: members did better or worse)
           + Σ (r̄ - R̄) · Δw   (mix: more of the work was done by those above or below R̄, the roll-up's own)

Both sums are exact, and neither depends on which moment is called the older.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

Pair = tuple[Fraction, Fraction]
"""Numerator and denominator in the unit's parts."""

OTHERS = "others"
"""Stands for members too small to be shown alone."""
_ZERO = Fraction(0)
_NOTHING: Pair = (_ZERO, _ZERO)


class Member(msgspec.Struct, frozen=True):
    """What one reporting organisation added before and after, and its part in the change.

    `rate` and `mix` are None for counts, and where the roll-up has no value on a side.
    """

    org: str
    older: Pair
    newer: Pair
    rate: Fraction | None
    mix: Fraction | None


def members_of(
    older: Mapping[str, Pair],
    newer: Mapping[str, Pair],
    *,
    ratio: bool,
    smallest: int,
    hidden: Collection[str] = (),
) -> tuple[Fraction | None, Fraction | None, tuple[Member, ...]]:
    """Give rate, mix and members of a roll-up.

    Args:
        older: what each member added before.
        newer: what each adds now.
        ratio: whether a value is divided, and both sides have one.
        smallest: members whose amounts are below this, and not 0, on a side are shown as one; 0 shows
            everybody.
        hidden: members that are not shown alone whatever their amounts.
    """
    orgs = sorted(older.keys() | newer.keys())
    pairs = [(org, older.get(org, _NOTHING), newer.get(org, _NOTHING)) for org in orgs]
    if not ratio:
        return None, None, _fold([Member(*pair, None, None) for pair in pairs], smallest, hidden)
    before, after = _total(older.values()), _total(newer.values())
    members = [Member(*pair, *_rate_and_mix(pair[1], pair[2], before, after)) for pair in pairs]
    rate = sum((one.rate or _ZERO for one in members), _ZERO)
    mix = sum((one.mix or _ZERO for one in members), _ZERO)
    return rate, mix, _fold(members, smallest, hidden)


def _rate_and_mix(one: Pair, other: Pair, before: Pair, after: Pair) -> tuple[Fraction, Fraction]:
    weights = one[1] / before[1], other[1] / after[1]
    rate = _ZERO
    if one[1] and other[1]:  # who has no value on one side came or went: all of that is mix
        rate = (weights[0] + weights[1]) / 2 * (other[0] / other[1] - one[0] / one[1])
    middle = (before[0] / before[1] + after[0] / after[1]) / 2
    change = other[0] / after[1] - one[0] / before[1]
    return rate, change - rate - middle * (weights[1] - weights[0])


def _total(pairs: Iterable[Pair]) -> Pair:
    total = _NOTHING
    for numerator, denominator in pairs:
        total = total[0] + numerator, total[1] + denominator
    return total


def _fold(members: Sequence[Member], smallest: int, hidden: Collection[str]) -> tuple[Member, ...]:
    """Show small members as one, and another with them where one alone could be found by subtraction."""

    def size(one: Member) -> Fraction:
        return max(*one.older, *one.newer)

    def is_small(one: Member) -> bool:
        shown = (one.older[1] or one.older[0], one.newer[1] or one.newer[0])
        return one.org in hidden or any(0 < amount < smallest for amount in shown)

    small = [one for one in members if is_small(one)]
    rest = sorted((one for one in members if one not in small), key=size)
    if small and len(small) == 1 and rest:
        small.append(rest.pop(0))
    if not small:
        return tuple(members)
    folded = Member(
        OTHERS,
        _total(one.older for one in small),
        _total(one.newer for one in small),
        None if small[0].rate is None else sum((one.rate or _ZERO for one in small), _ZERO),
        None if small[0].mix is None else sum((one.mix or _ZERO for one in small), _ZERO),
    )
    return (*sorted(rest, key=lambda one: one.org), folded)
