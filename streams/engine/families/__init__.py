"""Families: how each kind of record becomes facts. A new indicator over known facts needs nothing here."""

from streams.engine.families import beds, emergency, nhs111, spell, states, theatre
from streams.engine.families.base import Facts, Family, Histogram, Open
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
from streams.engine.families.strata import Cell

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *theatre.FAMILIES,
        *spell.FAMILIES,
        *emergency.FAMILIES,
        *beds.FAMILIES,
        *states.FAMILIES,
        *nhs111.FAMILIES,
    )
}
OPEN_STREAMS: dict[str, Open] = {family.open.name: family.open for family in FAMILIES.values() if family.open}
"""The streams of facts of episodes that have not ended, by their own names."""


def fed_by(stream: str) -> str:
    """Give the stream whose records a stream is made of: itself, or the family of open episodes."""
    one = OPEN_STREAMS.get(stream)
    return stream if one is None else one.family


__all__ = [
    "AMOUNT_SCALE",
    "FAMILIES",
    "MEASURE_FACTS",
    "OPEN_STREAMS",
    "PEER_FIGURES",
    "PUBLISHED_FACTS",
    "RTT_STREAMS",
    "Cell",
    "Facts",
    "Family",
    "Histogram",
    "Measure",
    "Open",
    "ReturnStream",
    "fed_by",
    "measure_stream",
]
