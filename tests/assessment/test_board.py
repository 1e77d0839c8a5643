"""The board: roll-ups by the membership of the facts' own days, kept up to date exactly."""

import random
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from making import AT, MORNING, at, attendance, engine, log, report, run

from schemas.outputs import Heartbeat, Position, decode_snapshot, encode
from streams.assessment import Board, Row
from streams.assessment.board import _unrecovered
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

REGISTER = Register.shipped()
CATALOGUE = Catalogue.shipped()
CHANGES = [day_number(day) for day in REGISTER.change_days()]


def board() -> Board:
    return Board(CATALOGUE, REGISTER, rule=Rule(smallest=1))


def position(
    tick: Any = MORNING, offset: int = 100, partition: int = 0, topic_id: str = "t", epoch: int = 0
) -> Position:
    return Position(AT[0], topic_id, partition, offset, int(tick.timestamp() * 1000), epoch)


def snapshots(of: Any, **where: Any) -> list[Any]:
    orgs = list(of.partitions[AT].organisations)
    return list(Snapshotter(of, CHANGES).current(AT, orgs, position(**where)))


def shown(on: Board, indicator: str = "ae_4h_all_types", window: str = "7d", **match: Any) -> dict[Any, Row]:
    rows = [row for row in on.rows() if row.indicator == indicator and row.window == window]
    rows = [row for row in rows if all(getattr(row, name) == want for name, want in match.items())]
    return {(row.level, row.org): row for row in rows if not row.strata}


def filled(*events: Any, append: Any = MORNING, tick: Any = MORNING) -> Board:
    of, out = run(*events, append=append)
    assert not out.refused
    on = board()
    for snapshot in snapshots(of, tick=tick):
        on.apply(snapshot)
    return on


YESTERDAY = MORNING - timedelta(days=1)


def test_every_level_is_a_ratio_of_sums() -> None:
    """One of one and one of three within four hours are two of four, not two thirds."""
    on = filled(
        attendance("a", departed=YESTERDAY, site="RJ101"),
        *(
            attendance(f"b{i}", departed=YESTERDAY, source="/ods/RJZ/pas", minutes=60 + 400 * i)
            for i in range(3)
        ),
    )
    assert {
        ("site", "RJ101"): (1, 1),
        ("trust", "RJ1"): (1, 1),
        ("trust", "RJZ"): (1, 3),
        ("icb", "QKK"): (2, 4),
        ("region", "Y56"): (2, 4),
        ("england", "england"): (2, 4),
    } == {key: (row.numerator, row.denominator) for key, row in shown(on).items()}


def test_an_unknown_organisation_is_unmapped_and_not_lost() -> None:
    """It keeps its own series at level provider and counts in England."""
    on = filled(attendance(source="/ods/ZZ9/pas", departed=YESTERDAY))
    assert {
        ("provider", "ZZ9"),
        ("icb", "unmapped"),
        ("region", "unmapped"),
        ("england", "england"),
    } == shown(on).keys()


def test_a_window_over_a_change_of_membership_is_rolled_up_by_each_day() -> None:
    """RRV moved from QMJ to Z9B2Z on 1 April 2026: March's facts stay out of the new board's figure."""
    before, after = at("2026-03-31T12:00"), at("2026-04-02T12:00")
    now = at("2026-04-03T08:00")
    on = filled(
        attendance("a", departed=before, source="/ods/RRV/pas"),
        attendance("b", departed=after, source="/ods/RRV/pas", minutes=500),
        append=now,
        tick=now,
    )
    found = shown(on)
    assert (0, 1) == (found["icb", "Z9B2Z"].numerator, found["icb", "Z9B2Z"].denominator)
    assert ("icb", "QMJ") not in found  # abolished: its series stops
    assert (1, 2) == (found["trust", "RRV"].numerator, found["trust", "RRV"].denominator)
    assert "partial" in found["icb", "Z9B2Z"].flags


def test_a_member_with_an_older_period_is_missing() -> None:
    """Only equal periods are added; that a member has not reported yet is shown."""
    on = filled(
        report(start="2026-05-01", end="2026-06-01", numerator=50, denominator=100),
        report(numerator=7, denominator=10, org="RJZ"),
    )
    england = shown(on, "core20_recruitment", "month")["england", "england"]
    assert (50, 100, date(2026, 5, 1)) == (england.numerator, england.denominator, england.period_start)
    assert "missing_members" in england.flags
    assert date(2026, 4, 1) == shown(on, "core20_recruitment", "month")["trust", "RJZ"].period_start


def test_an_incomplete_quarter_that_has_ended_is_partial() -> None:
    """One month of an ended quarter is not the quarter."""
    on = filled(report(start="2026-01-01", end="2026-02-01", numerator=10, denominator=20))
    assert ("partial",) == shown(on, "core20_recruitment", "quarter")["trust", "RJ1"].flags


@pytest.mark.parametrize("pace", [timedelta(hours=5), timedelta(minutes=2)])
@pytest.mark.parametrize("order", range(4))
def test_incremental_equals_from_scratch(order: int, pace: timedelta) -> None:
    """Whatever snapshots replace whatever others, the board shows what the last ones alone would."""
    chance = random.Random(order)  # noqa: S311 - a test's dice
    of = engine()
    on = board()
    for step in range(6):
        tick = MORNING + pace * step
        events = [
            attendance(
                f"k{chance.randrange(6)}",
                departed=tick - timedelta(minutes=chance.randrange(3000)),
                source=f"/ods/{chance.choice(['RJ1', 'RJZ', 'RRV', 'ZZ9'])}/pas",
                version=step + 1,
                minutes=chance.randrange(600),
                retracted=chance.random() < 0.2,
                imd_quintile=chance.choice([None, 1, 5]),
            )
            for _ in range(4)
        ]
        of.process(AT, log(*events, append=tick))
        for snapshot in snapshots(of, tick=tick, offset=step):
            on.apply(snapshot)
        on.refresh()
    fresh = board()
    for snapshot in snapshots(of, tick=tick, offset=step):
        fresh.apply(snapshot)
    assert sorted(map(str, fresh.rows())) == sorted(map(str, on.rows()))


def test_an_event_of_now_makes_windows_of_hours_newer_and_nothing_else() -> None:
    """They end with the last quarter of an hour and are as old as their days: only their age changes."""
    earlier, now = MORNING - timedelta(minutes=30), MORNING + timedelta(minutes=10)
    of, _ = run(attendance("a", departed=earlier), append=MORNING)
    on = board()
    for snapshot in snapshots(of, tick=MORNING, offset=1):
        on.apply(snapshot)
    on.refresh()
    assert on.take_changed()
    assert not on.take_aged()
    of.process(AT, log(attendance("b", departed=now), append=now))
    for snapshot in snapshots(of, tick=now, offset=2):
        on.apply(snapshot)
    on.refresh()
    changed, aged = on.take_changed(), on.take_aged()
    assert {"1h", "4h", "24h"} == {slot.window for slot in aged}
    assert {"since_midnight", "week", "month", "quarter", "ytd"} == {slot.window for slot in changed}
    fresh = board()
    for snapshot in snapshots(of, tick=now, offset=2):
        fresh.apply(snapshot)
    assert sorted(map(str, fresh.rows())) == sorted(map(str, on.rows()))


def test_an_older_snapshot_changes_nothing() -> None:
    """Readers keep the highest offset and tick; a worker that wakes from a freeze cannot overwrite."""
    of, _ = run(attendance(departed=YESTERDAY))
    on = board()
    (new,), (old,) = snapshots(of, offset=9), snapshots(engine_with_two(), offset=8)
    assert (True, False) == (on.apply(new), on.apply(old))
    assert 1 == shown(on)["trust", "RJ1"].denominator


def engine_with_two() -> Any:
    return run(attendance("x", departed=YESTERDAY), attendance("y", departed=YESTERDAY))[0]


def test_a_topic_made_anew_starts_again() -> None:
    """Another topic id with a later tick replaces higher offsets of the old topic."""
    on = board()
    (old,) = snapshots(run(attendance(departed=YESTERDAY))[0], offset=900)
    later = MORNING + timedelta(minutes=5)
    (new,) = snapshots(engine_with_two(), offset=3, topic_id="u", tick=later)
    assert (True, True) == (on.apply(old), on.apply(new))
    assert 2 == shown(on)["trust", "RJ1"].denominator


LATER, HOUR = MORNING + timedelta(minutes=5), timedelta(hours=1)


@pytest.mark.parametrize("heartbeat_first", [False, True])
def test_a_worker_that_lost_its_partition_cannot_overwrite(heartbeat_first: bool) -> None:
    """A lower epoch loses, with a higher offset and a later tick too, and before or after the heartbeat."""
    on = board()
    (new,) = snapshots(run(attendance(departed=YESTERDAY))[0], offset=8, epoch=2)
    (old,) = snapshots(engine_with_two(), offset=9, epoch=1, tick=LATER)
    beat = Heartbeat(position(offset=8, epoch=2), 0, [])
    for one in (new, beat, old) if heartbeat_first else (old, new, beat):
        on.apply(one)
    stale = Heartbeat(position(LATER, offset=9, epoch=1), 0, [])
    assert (False, False) == (on.apply(old), on.apply(stale))
    assert 1 == shown(on)["trust", "RJ1"].denominator
    assert beat == on.sources[AT]


def test_a_lower_epoch_is_void_for_organisations_that_the_new_worker_does_not_name() -> None:
    """It held something before, the rebuilt state holds nothing: its row goes, whatever the clocks say."""
    on = board()
    (old,) = snapshots(run(attendance(departed=YESTERDAY))[0], epoch=1, tick=MORNING)
    on.apply(old)
    hour_behind = int((MORNING - HOUR).timestamp() * 1000)
    on.apply(Heartbeat(position(MORNING - HOUR, epoch=2), hour_behind, []))
    assert {} == shown(on)
    assert not on.apply(old)


def test_a_clock_set_back_does_not_void_what_one_epoch_publishes() -> None:
    """Epoch and offset decide; complete since 08:00, and the clock says 07:00."""
    on = board()
    on.apply(Heartbeat(position(epoch=1), int(MORNING.timestamp() * 1000), []))
    (new,) = snapshots(run(attendance(departed=YESTERDAY))[0], offset=101, epoch=1, tick=MORNING - HOUR)
    assert on.apply(new)


def test_an_empty_snapshot_is_remembered() -> None:
    """An organisation that holds nothing any more does not come back with an older record."""
    on = board()
    (old,) = snapshots(run(attendance(departed=YESTERDAY))[0], offset=100)
    on.apply(msgspec.structs.replace(old, at=position(offset=101), series=[]))
    assert not on.apply(old)
    assert {} == shown(on)


def test_a_record_without_an_epoch_is_read() -> None:
    """Records of before there were epochs have epoch 0."""
    (snapshot,) = snapshots(engine_with_two())
    assert b'"epoch"' in encode(snapshot)
    assert snapshot == decode_snapshot(encode(snapshot).replace(b',"epoch":0', b""))


def test_what_a_rebuilt_partition_no_longer_holds_disappears() -> None:
    """A heartbeat that says when everything was last published voids what is older."""
    on = board()
    (snapshot,) = snapshots(run(attendance(departed=YESTERDAY))[0])
    on.apply(snapshot)
    later = MORNING + timedelta(minutes=5)
    on.apply(Heartbeat(position(later), int(later.timestamp() * 1000), []))
    assert {} == shown(on)


def test_an_organisation_that_holds_nothing_disappears() -> None:
    """After a retraction the snapshot has no series, and no row is left to freeze."""
    of, _ = run(attendance(departed=YESTERDAY), append=MORNING)
    on = board()
    for snapshot in snapshots(of):
        on.apply(snapshot)
    of.process(AT, log(attendance(departed=YESTERDAY, version=2, retracted=True), append=MORNING))
    for snapshot in snapshots(of, offset=200):
        on.apply(snapshot)
    assert {} == shown(on)


def test_snapshots_survive_the_wire() -> None:
    """Encoding and decoding gives the same record."""
    (snapshot,) = snapshots(engine_with_two())
    assert snapshot == decode_snapshot(encode(snapshot))
    with pytest.raises(msgspec.MsgspecError):
        decode_snapshot(b"{}")


def test_a_source_on_two_partitions_is_seen() -> None:
    """The same publisher on two partitions of a topic is an error that can be seen."""
    of = engine_with_two()
    on = board()
    for partition in (0, 1):
        beat = Snapshotter(of).heartbeat(AT, position(partition=partition), 0)
        on.apply(beat)
    assert ["/ods/RJ1/pas"] == on.sources_on_two_partitions()


def test_strata_are_shown_beside_the_whole() -> None:
    """Declared strata have rows of their own; what has no quintile is unknown, not left out."""
    on = filled(
        attendance("a", departed=YESTERDAY, imd_quintile=1),
        attendance("b", departed=YESTERDAY),
    )
    rows = [
        row for row in on.rows() if (row.indicator, row.window, row.org) == ("ae_4h_all_types", "7d", "RJ1")
    ]
    assert {"": 2, "1": 1, "unknown": 1} == {
        row.strata.get("imd_quintile", ""): row.denominator for row in rows
    }


def test_cumulative_windows_keep_members_that_stopped_reporting() -> None:
    """RJ1 reports April and May, RJZ April only: since April is 30 of 60, and partial."""
    may = {"start": "2026-05-01", "end": "2026-06-01"}
    on = filled(
        report(numerator=10, denominator=20),
        report(numerator=10, denominator=20, **may),
        report(numerator=10, denominator=20, org="RJZ"),
    )
    found = shown(on, "core20_recruitment", "ytd")
    england, closed = found["england", "england"], found["trust", "RJZ"]
    assert (30, 60, date(2026, 6, 1)) == (england.numerator, england.denominator, england.period_end)
    assert (date(2026, 6, 1), True) == (closed.period_end, "partial" in closed.flags)


@pytest.mark.parametrize(("window", "partial"), [("28d", False), ("12m", True)])
def test_a_window_that_begins_before_the_first_whole_day_is_partial(window: str, *, partial: bool) -> None:
    """Sixty days are known, the older of them as totals: enough for 28 days, not for twelve months."""
    of, _ = run(*(attendance(f"k{n}", departed=MORNING - timedelta(days=60 - n)) for n in range(60)))
    on = board()
    (snapshot,) = snapshots(of, tick=MORNING)
    on.apply(snapshot)
    row = shown(on, window=window)["trust", "RJ1"]
    assert (partial, 28 if window == "28d" else 60) == ("partial" in row.flags, row.denominator)


@pytest.mark.parametrize(
    ("shown", "now", "before"),
    [
        ("not_judged", "ok", None),
        ("not_judged", "ok", "no_value"),
        ("ok", "ok", "ok"),
        ("near", "ok", "near"),
        ("breach", "ok", "breach"),
        ("near", "near", None),
        ("near", "near", "ok"),
        ("breach", "near", "breach"),
        ("breach", "breach", "ok"),
    ],
)
def test_a_figure_that_lacks_members_gets_no_better(shown: str, now: Any, before: Any) -> None:
    """What the others come to may be worse than before, and is then shown; better it is not believed."""
    assert shown == _unrecovered(now, before)
