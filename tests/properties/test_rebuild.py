"""A year of service: rebuilt on day 61 and on day 366, it shows what it would had it never stopped.

Retention has taken all of the log but its last 60 days by then; what is gone stands in day totals. The
year spans the change of memberships of 1 April 2026, both clock changes and a financial year's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from properties import oracles, served
from properties.definitions import wall_clock
from properties.vocabulary import Ask, Entry
from properties.worlds import Event, World, envelope, iso, partition_of

FIRST = datetime(2025, 6, 2, tzinfo=UTC).date()
PUBLISHERS = [(("RAL", "pas"), "RAL", "S1AAA"), (("RJ1", "pas"), "RJ1", "S2BBB")]
MINUTE, HOUR, DAY = 60, 3600, 86_400


def a_day(number: int) -> Iterator[Event]:
    """Give what two trusts send of one day: six attendances, handovers, discharges, a census."""
    day = FIRST + timedelta(days=number)
    midnight = wall_clock(day, 0)
    for of, (source, org, site) in enumerate(PUBLISHERS):
        common = {"org": org, "site": site, "version": 1}
        for n in range(3):
            left = midnight + (5 * n + 3) * HOUR + (number * 37 + of) % 50 * MINUTE
            stay = (number * 101 + n * 67 + of * 29) % 500 * MINUTE
            fields = {"department_type": 1, "imd_quintile": 1 + (number + n) % 5}
            times = {
                "arrived_at": iso(left - stay),
                "departed_at": iso(left),
                "treatment_started_at": iso(left - stay // 2),
            }
            data = common | fields | times | {"attendance_key": f"a{number}-{n}"}
            yield envelope("ed.attendance.recorded", data, source, left)
        done = midnight + 9 * HOUR
        waited = (number * 13 + of * 7) % 80 * MINUTE
        data = {"handover_key": f"h{number}", "arrived_at": iso(done - waited), "handover_at": iso(done)}
        yield envelope("ambulance.handover.recorded", common | data, source, done)
        gone = midnight + 15 * HOUR
        data = {
            "spell_key": f"s{number}",
            "admitted_at": iso(gone - 20 * DAY),
            "discharged_at": iso(gone),
            "discharge_ready_date": str(day - timedelta(days=(number * 7 + of) % 19)),
        }
        yield envelope("spell.recorded", common | data, source, gone)
        census = wall_clock(day, 8)
        beds = {"open_core": 300, "open_escalation": number % 9, "occupied": 250 + number % 60}
        data = {"as_at": iso(census), "bed_group": "adult_general_acute"} | beds
        yield envelope("bed.state.observed", common | data, source, census)


def corrected(event: Event, number: int) -> tuple[Event, int] | None:
    """Give the correction of a day's event, and after how many days it comes: some of them too late."""
    if number % 5:
        return None
    after = number % 21
    data = event["data"] | {"version": 2, "retracted": number % 11 == 0}
    if "departed_at" in data and number % 3 == 0:  # moves to another site and day
        left = datetime.fromisoformat(data["departed_at"]).timestamp() + DAY
        data |= {"departed_at": iso(left), "site": "S1ZZZ"}
        after += 1
    recorded = iso(datetime.fromisoformat(event["time"]).timestamp() + after * DAY + MINUTE)
    return event | {"data": data, "recordedtime": recorded, "time": recorded}, after


@cache
def a_year(days: int) -> tuple[Entry, ...]:
    """Give the log of so many days, corrections where they came."""
    log: list[Entry] = []
    number = 0
    for day in range(days):
        for event in a_day(day):
            number += 1
            sent = [event]
            later = corrected(event, number)
            if later is not None and day + later[1] < days:
                sent.append(later[0])
            for one in sent:
                at = int(datetime.fromisoformat(one["recordedtime"]).timestamp()) + MINUTE
                log.append(Entry(partition_of(one), at * 1000, one))
    return tuple(sorted(log, key=lambda entry: entry.append_ms))


@pytest.mark.parametrize("day", [61, 366])
def test_a_rebuild_shows_the_same(day: int) -> None:
    """On that morning: never stopped, and rebuilt from the topics, against the list of newest versions."""
    log = list(a_year(day))
    now_ms = wall_clock(FIRST + timedelta(days=day), 9) * 1000
    world = World(log, [Ask(len(log), now_ms)], 14)
    expected = served.shown(oracles.by_hand(world)[0])
    (stayed,), service = served.boards(world.log, world.asks, served.settings_for(14))
    assert {} == served.difference(expected, stayed)
    service.restart(now_ms)
    assert {} == served.difference(expected, served.as_board(service.look(now_ms)))
    attended = oracles.figures(expected, "ae_4h_all_types", "12m")
    assert attended is not None
    assert attended.denominator is not None
    assert attended.denominator > 5 * day


def test_a_rebuild_and_all_that_came_after() -> None:
    """Rebuilt on day 61, and again on day 200: on day 366 as if nothing had been."""
    log = list(a_year(366))
    now_ms = wall_clock(FIRST + timedelta(days=366), 9) * 1000
    world = World(log, [Ask(len(log), now_ms)], 14)
    stops = {61, 200}
    after = {
        sum(entry.append_ms < wall_clock(FIRST + timedelta(days=day), 9) * 1000 for entry in log)
        for day in stops
    }
    found, _ = served.boards(world.log, world.asks, served.settings_for(14), after)
    (by_sql,) = oracles.by_sql([world])
    assert {} == served.difference(served.shown(by_sql[0]), found[0])
