"""Inequality: the figures that compare the strata of an indicator, and what is said of how they changed.

Definitions: OHID's PHEindicatormethods, untransformed; docs/inequalities.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.catalogue import Indicator
from streams.catalogue.inequality import LEAST_GROUPS


class Group(NamedTuple):
    """One stratum: its value, and its denominator as its population."""

    value: float | None
    population: float | None


class Slope(NamedTuple):
    """A line through the values: at the most disadvantaged end, and by how much it rises to the least.

    `rise` is the slope index of inequality.
    """

    intercept: float
    rise: float

    @property
    def end(self) -> float:
        """The line at the least disadvantaged end."""
        return self.intercept + self.rise


def slope(groups: Sequence[Group]) -> Slope | None:
    """Give the line of the slope index of inequality; None where its conditions are not met.

    Weighted least squares of the values over the middles of the groups' shares of the population, added up
    from the most disadvantaged on; weights are the shares. Needs five groups, each with people and a value.

    Args:
        groups: in order, from the most to the least disadvantaged.
    """
    known = [(one.value, one.population) for one in groups if one.value is not None and one.population]
    if len(groups) < LEAST_GROUPS or len(known) < len(groups):
        return None
    total = sum(population for _, population in known)
    before = 0.0
    points = []
    for value, population in known:
        share = population / total
        points.append((before + share / 2, value, share))
        before += share
    middle = sum(weight * x for x, _, weight in points)
    mean = sum(weight * y for _, y, weight in points)
    spread = sum(weight * (x - middle) ** 2 for x, _, weight in points)
    rise = sum(weight * (x - middle) * (y - mean) for x, y, weight in points) / spread
    return Slope(mean - rise * middle, rise)


def narrowed_unimproved(base: Indicator, now: tuple[float, float], before: tuple[float, float]) -> bool:
    """Whether a gap narrowed although the most disadvantaged did not improve: others became worse.

    Args:
        base: the indicator that is compared; one without a direction cannot improve.
        now: its values in the first and the last group.
        before: the same in the period before.
    """
    if base.direction not in ("higher", "lower"):
        return False
    better = now[0] > before[0] if base.direction == "higher" else now[0] < before[0]
    return not better and abs(now[0] - now[1]) < abs(before[0] - before[1])
