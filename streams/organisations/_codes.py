"""Codes of organisations: what an event can carry, and which of them are councils or areas."""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r"[A-Z0-9]{3,10}")
_COUNCIL: Final = re.compile(r"E(06|08|09|10)[0-9]{6}")
_ICB_AREA: Final = re.compile(r"E54[0-9]{6}")


def is_code(code: str) -> bool:
    """Whether an event can be about an organisation of this code (`schemas.common.OdsCode`)."""
    return _CODE.fullmatch(code) is not None


def is_council(code: str) -> bool:
    """Whether a code is that of an upper-tier council.

    ONS codes say what they are of, unlike ODS codes: E06 unitary authority, E08 metropolitan district,
    E09 London borough, E10 county. E07, a district inside a county, is the lower tier.
    """
    return _COUNCIL.fullmatch(code) is not None


def is_area(code: str) -> bool:
    """Whether a code is an ICB's area (E54…): it overlaps the organisations in it, so no sum holds both."""
    return _ICB_AREA.fullmatch(code) is not None
