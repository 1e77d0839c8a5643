"""Families: how each kind of record becomes facts. A new indicator over known facts needs nothing here."""

from streams.engine.families import beds, emergency, spell, theatre
from streams.engine.families.base import Cell, Facts, Family, Histogram
from streams.engine.families.returns import (
    AMOUNT_SCALE,
    MEASURE_FACTS,
    PEER_FIGURES,
    PUBLISHED_FACTS,
    RTT_STREAMS,
    Measure,
    ReturnStream,
    measure_stream,
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (*theatre.FAMILIES, *spell.FAMILIES, *emergency.FAMILIES, *beds.FAMILIES)
}

__all__ = [
    "AMOUNT_SCALE",
    "FAMILIES",
    "MEASURE_FACTS",
    "PEER_FIGURES",
    "PUBLISHED_FACTS",
    "RTT_STREAMS",
    "Cell",
    "Facts",
    "Family",
    "Histogram",
    "Measure",
    "ReturnStream",
    "measure_stream",
]
