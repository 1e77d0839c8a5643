"""Operators' tables for tests: small ones, written where a test asks."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from streams.organisations import Register

HEADERS = {
    "organisations.csv": "code,name,kind,valid_from,valid_to",
    "memberships.csv": "child,parent,role,valid_from,valid_to,assumed,source",
    "succession.csv": "predecessor,successor,date,kind",
}

BLACK_COUNTRY = {
    "organisations": """
        DUDLEY,Dudley,place,,
        SANDWELL,Sandwell,place,,
        KINGSWN,Kingswinford,neighbourhood,2026-01-01,
        TWOICBS,Two ICBs,cluster,2025-10-01,2026-10-01
        ZZ9,A practice,provider,,
        """,
    "memberships": """
        DUDLEY,QUA,icb,,,false,ours
        SANDWELL,QUA,icb,,,false,ours
        KINGSWN,DUDLEY,place,2026-01-01,,false,ours
        RNA,DUDLEY,place,,,false,ours
        RXK,SANDWELL,place,2026-04-01,,false,ours
        ZZ9,KINGSWN,neighbourhood,2026-01-01,,true,ours
        QUA,TWOICBS,cluster,2025-10-01,2026-10-01,false,ours
        QNC,TWOICBS,cluster,2025-10-01,2026-10-01,false,ours
        """,
}
"""Dudley with a neighbourhood, Sandwell, both of the Black Country (QUA), and a cluster for a year."""


def write(directory: Path, **tables: str) -> Path:
    """Write tables under their headers; `succession="RBK,RL4,2026-10-01,merger"`."""
    directory.mkdir(exist_ok=True)
    for name, lines in tables.items():
        file = f"{name}.csv"
        text = "\n".join([HEADERS[file], *dedent(lines).strip().splitlines()])
        (directory / file).write_text(text + "\n", encoding="utf-8")
    return directory


def own(directory: Path, **tables: str) -> Register:
    """The shipped register with an operator's tables added."""
    return Register.configured(None, write(directory, **tables))
