"""Who belonged where, read from the register's tables in the plainest way, for the oracles."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

TABLES = Path(__file__).resolve().parents[2] / "streams" / "organisations" / "data"
UNMAPPED = "unmapped"


def table(name: str) -> list[dict[str, str]]:
    """Read one table; a blank is an empty text."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


class Memberships:
    """The tables, searched line by line."""

    def __init__(self) -> None:
        self._organisations = {row["code"]: row for row in table("organisations")}
        self._parents: dict[tuple[str, str], list[dict[str, str]]] = {}
        for row in table("memberships"):
            self._parents.setdefault((row["child"], row["role"]), []).append(row)

    def kind(self, code: str) -> str:
        """Give an organisation's kind; what nobody knows is a provider."""
        row = self._organisations.get(code)
        return row["kind"] if row else "provider"

    def exists(self, code: str, day: date) -> bool:
        """Whether an organisation exists on a day; what nobody knows always does."""
        row = self._organisations.get(code)
        return row is None or _holds(row, day)

    def _parent(self, code: str, role: str, day: date) -> str:
        rows = self._parents.get((code, role), [])
        return next((row["parent"] for row in rows if _holds(row, day)), UNMAPPED)

    @lru_cache(maxsize=100_000)  # noqa: B019 - one object lives as long as the tests
    def above(self, code: str, day: date) -> tuple[str, str]:
        """Give the ICB and the region that an organisation rolls up into on a day."""
        kind = self.kind(code)
        if code not in self._organisations:
            return UNMAPPED, UNMAPPED
        if kind == "region":
            return UNMAPPED, code
        if kind == "icb":
            if not self.exists(code, day):
                return UNMAPPED, UNMAPPED
            return code, self._parent(code, "region", day)
        icb = self._parent(code, "icb", day)
        of_icb = UNMAPPED
        if icb != UNMAPPED and self.exists(icb, day):
            of_icb = self._parent(icb, "region", day)
        return icb, of_icb if of_icb != UNMAPPED else self._parent(code, "region", day)

    def levels(self, org: str, site: str, day: date | None) -> set[tuple[str, str]]:
        """Give every (level, code) that a record of that day counts in."""
        if day is None:
            return set()
        icb, region = self.above(org, day)
        found = {(self.kind(org), org), ("icb", icb), ("region", region), ("england", "england")}
        return found | ({("site", site)} if site else set())


@cache
def shipped() -> Memberships:
    """Give the tables that come with the served, read once."""
    return Memberships()


def _holds(row: dict[str, str], day: date) -> bool:
    begun = not row["valid_from"] or row["valid_from"] <= day.isoformat()
    return begun and (not row["valid_to"] or day.isoformat() < row["valid_to"])
