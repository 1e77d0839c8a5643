"""How boards look: colours that colour-blind people can tell apart, words beside every colour, units."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as models

BLUE, AMBER, VERMILION, GREY = "#0072B2", "#E69F00", "#D55E00", "#8C8C8C"
"""Okabe and Ito's palette, and grey for everything that is not judged."""
SKY, PURPLE = "#56B4E9", "#CC79A7"
"""Lines of operational and of official figures: they carry no judgement."""

STATUSES = {0: ("meets", BLUE), 1: ("near", AMBER), 2: ("misses", VERMILION)}
"""Value of `oversight_indicator_status` to its word and colour."""
NOT_JUDGED = "not judged"
NO_DATA = "no data"
SIMULATED = "SIMULATED"
BASES = {"operational": "operational", "official": "official", "synthetic": SIMULATED}

UNITS = {
    "ratio": "percentunit",
    "days": "d",
    "minutes": "m",
    "patients": "suffix: patients",
    "beds": "suffix: beds",
    "cases": "suffix: cases",
    "pounds": "currencyGBP",
    "per_1000": "suffix: per 1,000",
    "per_100000": "suffix: per 100,000",
    "level": "prefix:level ",
}
"""Unit of the catalogue to Grafana's."""
DECIMALS = dict.fromkeys(UNITS, 1) | {"patients": 0, "beds": 0, "pounds": 0, "level": 0}

OTHER_FLAGS = "another flag: see the list of flags"
MOST_FLAGS = 4
"""How many flags of one figure are named in a table's cell."""
SEVERAL_FLAGS = "more than four flags: see the list of flags"


def fixed(colour: str) -> Any:
    """Give one colour whatever the value is."""
    return build.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)


def no_steps() -> Any:
    """Give thresholds that colour nothing: one grey step, in place of Grafana's own green and red."""
    return (
        build.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=None, color=GREY)])
    )


def missing(text: str = NO_DATA) -> Any:
    """Map what is not there to a grey word."""
    return models.SpecialValueMap(
        options=models.DashboardSpecialValueMapOptions(
            match=models.SpecialValueMatch.NULL_AND_NAN, result=_result(text, GREY, 0)
        )
    )


def words(of: dict[int, tuple[str, str]]) -> Any:
    """Map whole numbers to words with colours."""
    return models.ValueMap(
        options={
            str(value): _result(text, colour, i) for i, (value, (text, colour)) in enumerate(of.items(), 1)
        }
    )


def flag_words(flags: Sequence[str]) -> list[Any]:
    """Map a sum of `2**i` over the flags that are set to their names: "partial, to date".

    Up to `MOST_FLAGS` at once have their names; all combinations would make the board too large. A sum of
    2**len(flags) and more holds a flag that the board does not know.
    """
    options = {}
    for count in range(1, min(len(flags), MOST_FLAGS) + 1):
        for chosen in combinations(range(len(flags)), count):
            text = ", ".join(flags[i].replace("_", " ") for i in chosen)
            options[str(sum(2**i for i in chosen))] = models.ValueMappingResult(text=text)
    unknown = models.RangeMap(
        options=models.DashboardRangeMapOptions(
            from_val=2 ** len(flags), to=1e9, result=models.ValueMappingResult(text=OTHER_FLAGS)
        )
    )
    found = [missing("none"), models.ValueMap(options=options), unknown]
    if len(flags) > MOST_FLAGS:
        several = models.DashboardRangeMapOptions(
            from_val=1, to=2 ** len(flags) - 1, result=models.ValueMappingResult(text=SEVERAL_FLAGS)
        )
        found.append(models.RangeMap(options=several))
    return found


def _result(text: str, colour: str, index: int) -> Any:
    return models.ValueMappingResult(text=text, color=colour, index=index)


def setting(name: str, value: Any) -> Any:
    """Give one property of an override."""
    return models.DynamicConfigValue(id_val=name, value=value)


def colour_setting(colour: str) -> Any:
    """Give the override that fixes a colour."""
    return setting("color", {"mode": "fixed", "fixedColor": colour})
