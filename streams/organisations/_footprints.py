"""On which days an organisation that goes on came to cover something else than before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from streams.organisations._timelines import UNMAPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from streams.organisations._records import Organisation, Succession
    from streams.organisations._timelines import Timelines


def days(
    organisations: Mapping[str, Organisation], timelines: Timelines, successions: Iterable[Succession]
) -> dict[str, frozenset[date]]:
    """Give the days by code: a member that existed before and after came or went, or a succession says so.

    An organisation that begins or ends on the day has no earlier or no later figures to be confused with.
    """
    found: dict[str, set[date]] = {}

    def goes_on(code: str, day: date) -> bool:
        one = organisations.get(code)
        return one is not None and one.is_active(day - timedelta(days=1)) and one.is_active(day)

    def note(code: str, day: date) -> None:
        if goes_on(code, day):
            found.setdefault(code, set()).add(day)

    for member, day, before, after in timelines.changes():
        if goes_on(member, day):
            for _, unit in set(before.units) ^ set(after.units):
                if unit not in (member, UNMAPPED):
                    note(unit, day)
    for one in successions:
        note(one.predecessor, one.day)
        note(one.successor, one.day)
    return {code: frozenset(those) for code, those in found.items()}
