"""Figures as published: one entry of a declaration stands for a measure and the indicators that show it.

    [[published]]                     measure    nof_of0023 (kind published)
    id = "nof_of0023"        ─►       indicators nof_of0023, nof_of0023_median, nof_of0023_lower_quartile,
    peers = true                                 nof_of0023_upper_quartile, nof_of0023_rank

They are imported and never recomputed, stand at the organisation that they were published of, and are in no
sum above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from streams.catalogue.declared import Declared, Horizon, Purpose
from streams.catalogue.local import StandsFor
from streams.engine.families import AMOUNT_SCALE, PEER_FIGURES
from streams.engine.windows import Grain

_TITLES = {
    "median": "median of trusts of the type",
    "lower_quartile": "lower quartile of trusts of the type",
    "upper_quartile": "upper quartile of trusts of the type",
    "rank": "rank among trusts of the type, 1 is best",
}


def figure_of(published: str, figure: str = "value") -> dict[str, Any]:
    """Give the contribution that shows one figure of a published measure: its value, or one of its peers."""
    fact = "numerator" if figure == "value" else figure
    return {
        "stream": f"published:{published}",
        "numerator": f"{fact}_e6",
        "numerator_scale": AMOUNT_SCALE,
        "requires": f"with_{fact}",
    }


class Published(Declared):
    """A figure as published, and whether median, quartiles and rank are published beside it.

    `unit` is `published` where the publication's own units are kept: a percentage may stand as 62.3 there.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")]
    title: str
    grain: Grain
    purpose: Purpose
    horizon: Horizon = "today"
    direction: Literal["higher", "lower", "none"] = "none"
    unit: Literal["ratio", "published"] = "published"
    peers: bool = False
    definition: str = "As published: imported, never recomputed, in no sum."
    source: str

    def stands_for(self) -> Iterator[StandsFor]:
        """Give its measure and its indicators, the value first."""
        yield StandsFor(
            "measure", {"id": self.id, "grain": self.grain, "kind": "published", "official_only": True}
        )
        yield self._indicator("value", self.id, self.title, self.direction, self.unit)
        for figure in PEER_FIGURES if self.peers else ():
            is_rank = figure == "rank"
            yield self._indicator(
                figure,
                f"{self.id}_{figure}",
                f"{self.title}: {_TITLES[figure]}",
                "lower" if is_rank else "none",
                "rank" if is_rank else self.unit,
            )

    def _indicator(self, figure: str, named: str, title: str, direction: str, unit: str) -> StandsFor:
        return StandsFor(
            "indicator",
            {
                "id": named,
                "title": title,
                "purpose": self.purpose,
                "horizon": self.horizon,
                "direction": direction,
                "unit": unit,
                "kind": "published",
                "windows": (self.grain,),
                "contributions": (figure_of(self.id, figure),),
                "definition": self.definition,
                "source": self.source,
            },
        )
