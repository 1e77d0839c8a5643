"""The naive oracle of now: who is there at a moment, by going through the newest version of every record.

Beside `naive`, whose rules of the log's order it shares; definitions by hand from domain §3.1 and §4.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from properties import naive
from properties.definitions import civil_day, seconds
from properties.membership import Memberships
from properties.vocabulary import Entry, Rules

HOUR, DAY = 3600, 86_400
SAME_DAY = 5
"""Department type of same-day emergency care."""
Key = tuple[str, str, str, str]
"""Indicator, level, organisation and basis."""
Shown = dict[Key, float | None]


class Version(NamedTuple):
    """The newest version of one record."""

    append_ms: int
    one: naive.Reading
    data: dict[str, Any]


def newest(log: Sequence[Entry], rules: Rules) -> Iterator[Version]:
    """Give the newest version of every record that counts, if it has not been forgotten."""
    best: dict[tuple[str, ...], tuple[tuple[int, int], Version]] = {}
    for entry, fate in zip(log, naive.fates(log, rules), strict=True):
        if fate.kind in ("counted", "withdraws"):
            one = naive.read(entry.event)
            order = (fate.life, one.version)
            if one.identity not in best or order > best[one.identity][0]:
                best[one.identity] = order, Version(entry.append_ms, one, entry.event["data"])
    today = civil_day(max(entry.append_ms for entry in log) // 1000)
    for _, version in best.values():
        held_until = civil_day(version.append_ms // 1000) + timedelta(days=rules.open_days)
        forgotten = version.one.day is None and held_until < today
        if not version.one.retracted and not forgotten:
            yield version


BEGINS = {
    "ed_attendance": ("arrived_at", "departed_at"),
    "ambulance_handover": ("arrived_at", "handover_at"),
    "spell": ("admitted_at", "discharged_at"),
}


def board(
    log: Sequence[Entry], rules: Rules, now: int, memberships: Memberships, until: int | None = None
) -> Shown:
    """Give every figure of now from open episodes, at a moment.

    Args:
        log: what has been appended.
        rules: what the engine forgets, and when.
        now: epoch second.
        memberships: who belongs where.
        until: looking back to this moment, None live: an end after it that was told after it is none.
    """
    places: dict[tuple[str, str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in _fed(log, rules, now, until):
        for level in memberships.levels(one.org, one.site, civil_day(now)):
            places[one.family, one.basis, *level] += []
    for version in newest(log, rules):
        one = version.one
        if one.family in BEGINS and _is_open(version, until):
            for level in memberships.levels(one.org, one.site, civil_day(now)):
                here = places[one.family, one.basis, *level]
                here += [version.data] if seconds(version.data[BEGINS[one.family][0]]) <= now else []
    shown: Shown = {}
    for (family, basis, level, org), here in places.items():
        if level in ("icb", "region") and not memberships.exists(org, civil_day(now)):
            continue
        for indicator, value in _figures(family, here, now).items():
            shown[indicator, level, org, basis] = value
    return shown


def _fed(log: Sequence[Entry], rules: Rules, now: int, until: int | None) -> Iterator[naive.Reading]:
    """Give the records of the last 24 hours that tell of an episode without an ending."""
    for entry, fate in zip(log, naive.fates(log, rules), strict=True):
        one, data = naive.read(entry.event), entry.event["data"]
        if one.family in BEGINS and fate.kind == "counted" and entry.append_ms // 1000 >= now - DAY:
            begins, ends = BEGINS[one.family]
            unknown = until is not None and entry.append_ms > until * 1000 and seconds(data[begins]) > until
            if ends not in data and data.get("department_type") != SAME_DAY and not unknown:
                yield one


def _is_open(version: Version, until: int | None) -> bool:
    """Whether an episode has begun and, as far as is known of the moment, not ended."""
    data = version.data
    begins, ends = BEGINS[version.one.family]
    told_later = until is not None and version.append_ms > until * 1000
    if data.get("department_type") == SAME_DAY or (told_later and seconds(data[begins]) > (until or 0)):
        return False
    if ends not in data:
        return True
    return told_later and seconds(data[ends]) > (until or 0)


def _figures(family: str, here: list[dict[str, Any]], now: int) -> dict[str, float | None]:
    if family == "spell":
        return _spells(here, civil_day(now))
    waits = [now - seconds(one["arrived_at"]) for one in here]
    limit = 7 * DAY if family == "ed_attendance" else 2 * DAY
    lost = sum(wait > limit for wait in waits)
    waits = [wait for wait in waits if wait <= limit]
    longest = max(waits) // 60 if waits else None
    if family == "ambulance_handover":
        return {
            "amb_waiting_now": len(waits),
            "amb_waiting_over_45m_now": sum(wait > 45 * 60 for wait in waits),
            "amb_waiting_longest_now": longest,
            "amb_unclosed_now": lost,
        }
    referred = 0
    for one in here:
        when = one.get("referred_at") or one.get("decision_to_admit_at")
        if now - seconds(one["arrived_at"]) <= limit and when is not None and seconds(when) <= now:
            referred += 1
    counts = {
        "over_4h": sum(wait > 4 * HOUR for wait in waits),
        "over_12h": sum(wait > 12 * HOUR for wait in waits),
        "referred_waiting": referred,
    }
    return {
        "ed_in_department_now": len(waits),
        "ed_longest_stay_now": longest,
        "ed_unclosed_now": lost,
        **{f"ed_{name}_now": count for name, count in counts.items()},
        **{f"ed_{name}_share_now": count / len(waits) if waits else None for name, count in counts.items()},
    }


def _spells(here: list[dict[str, Any]], today: date) -> dict[str, float | None]:
    ready = [date.fromisoformat(one["discharge_ready_date"]) for one in here if "discharge_ready_date" in one]
    days = [(today - one).days for one in ready if one <= today]
    return {
        "drd_ready_in_bed_now": len(days),
        "drd_ready_days_now": sum(days),
        "drd_ready_mean_days_now": sum(days) / len(days) if days else None,
        "drd_ready_longest_now": max(days, default=None),
    }
