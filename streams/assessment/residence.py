"""Residence: what a member's facts say of the residents of each council."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add

from schemas.outputs import Cell
from streams.engine.families.base import COUNCIL
from streams.engine.families.strata import UNKNOWN


def by_council(
    cells: Sequence[Cell], council_of: Callable[[str], str]
) -> tuple[Sequence[Cell], dict[str, Cell]]:
    """Part the cells of a member from those of councils.

    Args:
        cells: of one part of a window.
        council_of: gives the council to show for a code as sent.

    Returns:
        The member's own cells, and for each council the unstratified cell of its residents. A council that
        the publisher does not know is shown only beside some that it does.
    """
    residents = [one for one in cells if one.dimension == COUNCIL]
    if not residents:
        return cells, {}
    found: dict[str, Cell] = {}
    if any(one.value != UNKNOWN for one in residents):
        for one in residents:
            council = council_of(one.value)
            facts = found[council].facts if council in found else [0] * len(one.facts)
            found[council] = Cell("", "", list(map(add, facts, one.facts)), [])
    return [one for one in cells if one.dimension != COUNCIL], found
