"""Worlds in which engine and oracle once differed, or nearly did, each by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from properties import naive, oracles, served
from properties.vocabulary import Ask, Entry
from properties.worlds import Event, World, envelope, iso, partition_of

DAY = 86_400
START = int(datetime(2026, 6, 15, 8, tzinfo=UTC).timestamp())
RAL = ("RAL", "pas")
RJ1 = ("RJ1", "pas")


def day(number: float) -> int:
    """Give 08:00 UTC so many days after Monday 15 June 2026, as epoch seconds."""
    return START + int(number * DAY)


def attendance(key: str, left: float | None, recorded: float, **data: Any) -> tuple[Event, int]:
    """Make an attendance of two hours that ended on a day, and the second at which it is appended."""
    end = day(recorded if left is None else left)
    fields = {"org": "RAL", "attendance_key": key, "version": 1, "department_type": 1}
    fields["arrived_at"] = iso(end - 7200)
    if left is not None:
        fields["departed_at"] = iso(end)
    source = data.pop("source", RAL)
    return envelope("ed.attendance.recorded", fields | data, source, day(recorded)), day(recorded)


def session(key: str, start: float, recorded: float, **data: Any) -> tuple[Event, int]:
    """Make a cancelled elective list planned for a day."""
    fields = {
        "org": "RAL",
        "session_key": key,
        "version": 1,
        "list_type": "elective",
        "status": "cancelled",
        "planned_start": iso(day(start)),
        "planned_end": iso(day(start) + 4 * 3600),
    }
    return envelope("theatre.session.recorded", fields | data, RAL, day(recorded)), day(recorded)


def world(*events: tuple[Event, int], look: float, horizon_days: int = 14) -> World:
    """Make a world of events in the order given, looked at once."""
    log = [Entry(partition_of(event), at * 1000, event) for event, at in events]
    return World(log, [Ask(len(log), day(look) * 1000)], horizon_days)


def attended(of: World, restarts: set[int] = frozenset()) -> int:  # type: ignore[assignment]
    """Check the engine against the oracle; give the attendances of England's last twelve months."""
    rules = served.settings_for(of.horizon_days)
    found, _ = served.boards(of.log, of.asks, rules, restarts)
    assert {} == served.difference(served.shown(oracles.by_hand(of)[0]), found[0])
    figure = oracles.figures(found[0], "ae_4h_all_types", "12m")
    return 0 if figure is None else int(figure.denominator or 0)


def test_a_key_is_forgotten_whatever_else_the_partition_holds() -> None:
    """Withdrawn before it counted, and used anew 80 days later: an attendance like any other."""
    events = [attendance("k1", 0, 0, retracted=True), attendance("k1", 80, 80, version=2)]
    assert 1 == attended(world(*events, look=81))
    assert 2 == attended(world(attendance("other", 0, 0), *events, look=81))


def test_a_partition_that_falls_silent_loses_nothing() -> None:
    """Its days close by the broker's clock: when retention has taken its log, its totals are there."""
    events = [attendance("k1", 0, 0, source=RJ1), attendance("k2", 61, 61)]
    assert 2 == attended(world(*events, look=62), {2})


def test_the_end_of_a_stay_longer_than_retention_counts() -> None:
    """Someone who is still there after 60 days is forgotten, not closed: the departure counts."""
    events = [attendance("k1", None, 0), attendance("k1", 61, 61, version=2)]
    assert 1 == attended(world(*events, look=62))
    assert 1 == attended(world(*events, look=62), {1, 2})


def test_a_move_into_a_closed_day_takes_out_of_the_open_one() -> None:
    """The newer version is late and counts nowhere; what it replaced does not count either, in any order."""
    before, after = attendance("k1", 20, 20), attendance("k1", 0, 20, version=2)
    assert 0 == attended(world(before, after, look=21))
    assert 0 == attended(world(after, before, look=21), {1})


def test_a_move_out_of_a_closed_day_is_late() -> None:
    """What a closed day holds stays there, whatever is heard of it afterwards."""
    events = [attendance("k1", 0, 0), attendance("k1", 20, 20, version=2)]
    assert 1 == attended(world(*events, look=21))
    assert 1 == attended(world(*events, look=21), {1, 2})


def test_a_closed_identity_is_known_after_a_rebuild() -> None:
    """Started anew after the day had closed, the service still knows that a later version is late."""
    events = [attendance("k1", 0, 0), attendance("k2", 20, 20), attendance("k1", 20, 20, version=2)]
    assert 2 == attended(world(*events, look=21), {2})
    later = [attendance("k1", 0, 0), attendance("k2", 70, 70), attendance("k1", 70, 70, version=2)]
    assert 2 == attended(world(*later, look=71), {2})


def test_what_was_late_when_it_came_is_late_when_the_log_is_read_again() -> None:
    """The identity was known then and is forgotten now; a rebuild neither counts nor holds that version."""
    moved = [attendance("k1", -0.5, 0), attendance("k1", 61, 61, version=2), attendance("k2", 63, 63)]
    assert 2 == attended(world(*moved, look=64, horizon_days=3), {3})
    sent_again = [attendance("k1", 0, at, version=2) for at in (0, 48)]
    used_anew = attendance("k1", 78, 78)
    assert 2 == attended(world(*sent_again, used_anew, look=79), {2, 3})


def test_an_identity_that_closed_twice_is_forgotten_once_at_a_time() -> None:
    """Used anew after 90 days and closed again; a rebuild knows both, and drops only the older."""
    versions = [attendance("k1", day, day, version=day + 1) for day in (0, 90, 94)]
    assert 2 == attended(world(*versions, look=95, horizon_days=3))
    assert 2 == attended(world(*versions, look=95, horizon_days=3), {3})


def test_a_planned_list_is_held_from_its_plan_to_its_horizon() -> None:
    """A list planned 42 days ahead is open until day 56; its cancellation then is what its day holds."""
    of = world(session("s1", 42, 0), session("s1", 42, 56, version=2, retracted=True), look=57)
    assert 0 == attended(of, {1, 2})
    assert ["counted", "counted"] == [
        fate.kind for fate in naive.fates(of.log, served.rules_of(served.settings_for(14)))
    ]
