"""A user's own look-up of codes: what an ICB is called by ODS that a publication calls by its ONS code."""

from __future__ import annotations

from pathlib import Path

from streams.errors import SourceError
from streams.sources.tables import Layout, Table

_LAYOUT = Layout(
    "a look-up of codes with the columns code and ods_code",
    {"code": "code|icb[0-9]{0,2}cd", "ods_code": "odscode|icb[0-9]{0,2}cdh"},
)


def read_lookup(path: Path) -> dict[str, str]:
    """Read a CSV with the columns `code` and `ods_code`, or `ICB23CD` and `ICB23CDH` as the ONS calls them.

    Raises:
        SourceError: when a column is missing, or a code has two ODS codes.
    """
    table = Table(path, _LAYOUT)
    found: dict[str, str] = {}
    for row in table:
        code, ods_code = table.code(row), table.code(row, "ods_code")
        if code and ods_code and found.setdefault(code, ods_code) != ods_code:
            raise SourceError(f"{path}:{row.line}: {code} is {found[code]} above and {ods_code} here")
    return found
