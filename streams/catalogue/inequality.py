"""Inequality: what one `[[inequality]]` entry declares: the figures that compare the strata of an indicator.

    {of}_{name}_gap            first less last
    {of}_{name}_relative_gap   first over last
    {of}_{name}_sii            slope index of inequality     } over all groups, of closed periods only
    {of}_{name}_rii            relative index of inequality  }

Published together because they disagree: a gap of 6 points is large where the last group has 10 % and small
where it has 90 %, and both leave out everybody between the first and the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from streams.catalogue.declared import Declared
from streams.engine.windows import WindowName

if TYPE_CHECKING:
    from streams.catalogue.model import Indicator

CLOSED_KINDS = frozenset({"slope_index", "relative_index"})
"""Kinds that are worked out of closed periods alone: a slope over a day that goes on would jump about."""
INDEX_WINDOWS: tuple[WindowName, ...] = ("month", "quarter")
LEAST_GROUPS = 5
"""A slope over fewer says little (PHEindicatormethods refuses it)."""


class Inequality(Declared):
    """An entry: which indicator is compared, by which dimension, and the groups in order.

    Attributes:
        of: the indicator.
        dimension: one of its strata.
        name: of the dimension in the identifiers of what is declared.
        words: of the dimension in titles.
        groups: from the most to the least disadvantaged; the gap is the first less the last.
        windows: of the gaps; the indices have those that are closed periods of a month or a quarter.
        minimum_denominator: below it in any group that is compared nothing is judged.
        source: why it is compared.
        prefix: of the identifiers; `of` and `name` unless given.
        levels: where the figures have a meaning; those of the indicator unless given.
        limits: what the gap does not say.
        headline: whether the gap stands open on the board.
    """

    of: str
    dimension: Literal["imd_quintile", "ethnic_group", "sex", "age_band"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,15}$")]
    words: str
    groups: Annotated[tuple[str, ...], Field(min_length=2)]
    windows: tuple[WindowName, ...]
    minimum_denominator: Annotated[int, Field(ge=1)] = 20
    source: str
    prefix: str | None = None
    levels: tuple[str, ...] | None = None
    limits: tuple[str, ...] = ()
    headline: bool = False

    def problem(self, base: Indicator) -> str | None:
        """Say why `base` has nothing to compare, or None."""
        if self.dimension not in base.strata:
            known = ", ".join(base.strata) or "none"
            return f"{base.id} is not stratified by {self.dimension}; it has {known}"
        if base.kind not in ("ratio", "mean"):
            return f"{base.id} is a {base.kind}: only ratios and means are compared"
        return None

    def declares(self, base: Indicator) -> list[dict[str, Any]]:
        """Give the indicators that compare the strata of `base`, as an `[[indicator]]` entry has them."""
        first, last = self.groups[0], self.groups[-1]
        ends = f"{self.dimension} {first}", f"{last}"
        unit = base.unit
        found = [
            self._one(
                base,
                "gap",
                "gap",
                unit=unit,
                words="gap",
                definition=f"Value of {ends[0]} less that of {ends[1]}, in the unit of {base.id}"
                + ("; 0.01 is one percentage point." if unit == "ratio" else "."),
            ),
            self._one(
                base,
                "relative_gap",
                "relative_gap",
                unit="ratio",
                words="relative gap",
                definition=f"Value of {ends[0]} over that of {ends[1]}; 1 is no difference.",
            ),
        ]
        indices = tuple(window for window in self.windows if window in INDEX_WINDOWS)
        if len(self.groups) < LEAST_GROUPS or not indices:
            return found
        return [
            *found,
            self._one(
                base,
                "sii",
                "slope_index",
                unit=unit,
                words="slope index of inequality",
                windows=indices,
                definition=(
                    "Slope of a straight line through the values of all groups, weighted by their shares of"
                    " the denominator, over the middle of each share from the most disadvantaged (0) to the"
                    f" least (1); in the unit of {base.id}, values untransformed. Of closed periods only,"
                    " when every group has a denominator."
                ),
            ),
            self._one(
                base,
                "rii",
                "relative_index",
                unit="ratio",
                words="relative index of inequality",
                windows=indices,
                definition=(
                    "The line of the slope index at its least disadvantaged end (numerator) over its most"
                    " disadvantaged end (denominator); 1 is no difference. Of closed periods only."
                ),
            ),
        ]

    def _one(
        self,
        base: Indicator,
        suffix: str,
        kind: str,
        *,
        unit: str,
        words: str,
        definition: str,
        windows: tuple[WindowName, ...] | None = None,
    ) -> dict[str, Any]:
        return {
            "id": f"{self.prefix or f'{base.id}_{self.name}'}_{suffix}",
            "title": f"{base.title}: {words} by {self.words}",
            "purpose": "inequalities",
            "horizon": "tomorrow",
            "direction": "towards_zero" if kind in ("gap", "slope_index") else "none",
            "unit": unit,
            "kind": kind,
            "windows": self.windows if windows is None else windows,
            "levels": base.levels if self.levels is None else self.levels,
            "headline": self.headline and kind == "gap",
            "limits": self.limits if kind in ("gap", "relative_gap") else (),
            "minimum_denominator": self.minimum_denominator,
            "definition": definition,
            "source": self.source,
            "gap": {"of": base.id, "dimension": self.dimension, "groups": self.groups},
        }
