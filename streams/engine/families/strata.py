"""Strata: by what a person's record is broken down, and how one becomes the cell it is added to.

A cell names the dimensions that are known, and no others. What is unknown is never stored: it is the whole
less what is known, and so exact.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

Cell = tuple[tuple[str, str], ...]
"""A stratum as (dimension, value) pairs; `()` is unstratified."""

UNSTRATIFIED: Cell = ()
UNKNOWN = "unknown"
PERSON = ("imd_quintile", "ethnic_group", "sex", "age_band")
"""The dimensions of a person's record (`schemas.common.Person`)."""
DEPRIVATION = "imd_quintile"
"""The one dimension that every window over days has, and that quantiles are read by."""

ETHNIC_GROUPS = frozenset("ABCDEFGHJKLMNPRS")
"""The 16 groups of the 2001 census, by the first character of the code; the second is the publisher's own.
Z is not stated, 99 not known. Source: NHS Data Dictionary, ETHNIC CATEGORY."""
NOT_KNOWN: dict[str, frozenset[str]] = {
    "ethnic_group": frozenset({UNKNOWN, "Z", "99"}),
    "sex": frozenset({UNKNOWN, "not_known"}),
}
"""Values that say that nothing is known; of other dimensions `unknown` alone."""
_CODE_LENGTH = 2


def is_known(dimension: str, value: str) -> bool:
    """Whether a value of a dimension says anything."""
    return value not in NOT_KNOWN.get(dimension, (UNKNOWN,))


class _Cells(dict[tuple[Any, ...], Cell]):
    """The cell of each combination of fields, made when it first occurs; there are a few thousand."""

    def __missing__(self, fields: tuple[Any, ...]) -> Cell:
        quintile, group, sex, age_band = fields
        if group is not None and (len(group) > _CODE_LENGTH or group[0] not in ETHNIC_GROUPS):
            return self[quintile, None, sex, age_band]  # whatever is sent, no more cells than groups
        values = (quintile and str(quintile), group and group[0], sex, age_band)
        found = tuple(
            (dimension, value)
            for dimension, value in zip(PERSON, values, strict=True)
            if value is not None and is_known(dimension, value)
        )
        cell = self[fields] = _shared.setdefault(found, found)
        return cell


_shared: dict[Cell, Cell] = {}
_cells = _Cells()
_fields = attrgetter(*PERSON)


def stratum(data: Any) -> Cell:
    """Give the cell of a person's record."""
    return _cells[_fields(data)]
