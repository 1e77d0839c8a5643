"""Completeness: sources expected, passed, missing and stale, and what their absence does to rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from making import AT, MORNING, at, attendance, engine, judging, log, report, run

from schemas.outputs import Heartbeat, Position, Source, SourceStream
from streams.assessment import Board, Row
from streams.assessment.completeness import Completeness, Feed, Group, SourceCount
from streams.catalogue import Catalogue, Expectations, ExpectedSource
from streams.catalogue.expectations import Pace
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

CATALOGUE = Catalogue.shipped()
REGISTER = Register.shipped()
HOUR = timedelta(hours=1)
TEN_SECONDS = 10_000
MIDNIGHT = at("2026-06-14T23:00")
"""The end of the last complete day, in London."""
YESTERDAY = MORNING - timedelta(days=1)
ENGLAND = ("england", "england", "ed_attendance", "operational")


def milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def position(tick: datetime, partition: int = 0, **other: Any) -> Position:
    fields = {
        "topic": AT[0],
        "topic_id": "t",
        "partition": partition,
        "next_offset": 1,
        "tick_ms": milliseconds(tick),
    }
    return Position(**fields | other)


def beat(
    *heard: tuple[str, datetime, datetime, Sequence[str]],
    tick: datetime = MORNING,
    partition: int = 0,
    stream: str = "ed_attendance",
) -> Heartbeat:
    """Make a heartbeat of sources: name, newest append, watermark, organisations."""
    sources = [
        Source(
            name,
            milliseconds(append),
            misrouted=False,
            streams=[
                SourceStream(stream, "operational", milliseconds(append), milliseconds(newest), list(orgs))
            ],
        )
        for name, append, newest, orgs in heard
    ]
    return Heartbeat(position(tick, partition), 0, sources)


def completeness(*expected: ExpectedSource) -> Completeness:
    return Completeness(REGISTER, Expectations(CATALOGUE.intervals, CATALOGUE.returns(), expected))


def test_sources_are_counted_up_the_roll_up() -> None:
    """RJ1 and RJZ share an ICB: two expected there, one passed; each trust has its own."""
    of = completeness()
    of.beat(
        beat(
            ("/ods/RJ1/ed", MORNING, MORNING - HOUR, ["RJ1"]),
            ("/ods/RJZ/ed", MIDNIGHT - HOUR, MIDNIGHT - HOUR, ["RJZ"]),
        ),
        milliseconds(MORNING),
    )
    end = milliseconds(MIDNIGHT)

    def tally(level: str, org: str) -> SourceCount:
        return of.tally(Group(level, org, "ed_attendance", "operational"), end, milliseconds(MORNING))

    assert (
        SourceCount(2, 1, 0, 1)
        == tally("icb", "QKK")
        == tally("region", "Y56")
        == tally("england", "england")
    )
    assert (SourceCount(1, 1), SourceCount(1, 0, 0, 1)) == (tally("trust", "RJ1"), tally("trust", "RJZ"))
    assert SourceCount() == tally("trust", "RRV")


@pytest.mark.parametrize(
    ("passed", "append", "newest"),
    [
        (True, MIDNIGHT, MIDNIGHT),
        (False, MIDNIGHT - HOUR / 60, MIDNIGHT - HOUR / 60),
        (True, MIDNIGHT + 3 * HOUR, MIDNIGHT - HOUR / 2),  # a nightly batch
        (False, MIDNIGHT + 3 * HOUR, MIDNIGHT - 48 * HOUR),  # the beginning of a backlog
    ],
)
def test_the_end_of_a_day_is_passed_by_watermark_or_by_what_came_after_it(
    passed: bool, append: datetime, newest: datetime
) -> None:
    """A record appended after the end counts only when the watermark is within an interval of the end."""
    feed = Feed("/ods/RJ1/ed", "ed_attendance", "operational", Pace(3_600_000, 0))
    heard = SourceStream("ed_attendance", "operational", milliseconds(append), milliseconds(newest), ["RJ1"])
    feed.hear(AT, heard)
    assert passed == feed.has_passed(milliseconds(MIDNIGHT), milliseconds(MORNING))


def test_a_return_passes_with_its_period_alone() -> None:
    """April's report, sent in June, has not passed the end of May."""
    feed = Feed("/ods/RJ1/returns", "measure:core20_recruitment", "operational", Pace(31 * 86_400_000, 0))
    april = SourceStream(
        feed.stream, "operational", milliseconds(MORNING), milliseconds(at("2026-04-30T23:00")), ["RJ1"]
    )
    feed.hear(AT, april)
    ends = [milliseconds(at(text)) for text in ("2026-04-30T23:00", "2026-05-31T23:00")]
    assert [True, False] == [feed.has_passed(end, milliseconds(MORNING)) for end in ends]


@pytest.mark.parametrize(("stale", "hours"), [(False, 3), (True, 3.001)])
def test_silent_for_three_intervals_is_stale(stale: bool, hours: float) -> None:
    """Attendances are expected hourly: three hours are still fine."""
    of = completeness()
    last = MORNING - timedelta(hours=hours)
    of.beat(beat(("/ods/RJ1/ed", last, last, ["RJ1"])), milliseconds(MORNING))
    assert stale == bool(list(of.troubled(milliseconds(MORNING))))


def test_a_source_is_not_stale_because_its_worker_is_absent() -> None:
    """Heard last at eight: at noon nobody knows what the source did meanwhile."""
    of = completeness()
    of.beat(beat(("/ods/RJ1/ed", MORNING, MORNING, ["RJ1"])), milliseconds(MORNING))
    assert [] == list(of.troubled(milliseconds(MORNING + 4 * HOUR)))


def test_a_declared_source_is_missing_until_it_is_heard_and_has_its_own_interval() -> None:
    """A walk-in centre that closes at night is declared with fourteen hours."""
    declared = ExpectedSource.model_validate(
        {"source": "/ods/RJ1/walk-in", "family": "ed_attendance", "interval": "14h"}
    )
    of = completeness(declared)
    group, now = Group(*ENGLAND), milliseconds(MORNING)
    assert SourceCount(1, 0, 1, 0) == of.tally(group, milliseconds(MIDNIGHT), now)
    last = MORNING - 20 * HOUR
    of.beat(beat(("/ods/RJ1/walk-in", last, last, ["RJ1"])), now)
    assert SourceCount(1, 0, 0, 0) == of.tally(group, milliseconds(MIDNIGHT), now)
    assert [] == list(of.troubled(now))


def test_a_source_that_a_partition_no_longer_names_is_forgotten() -> None:
    """What the log no longer holds is expected no longer."""
    of = completeness()
    of.beat(beat(("/ods/RJ1/ed", MORNING, MORNING, ["RJ1"])), milliseconds(MORNING))
    of.beat(beat(), milliseconds(MORNING))
    assert [] == list(of.feeds)


def test_the_operators_file_is_checked(tmp_path: Path) -> None:
    """An error names the file, the line, the entry and what is wrong."""
    from streams.catalogue import read_sources  # noqa: PLC0415
    from streams.errors import ConfigurationError  # noqa: PLC0415

    path = tmp_path / "sources.toml"
    path.write_text('[[source]]\nsource = "/ods/RJ1/ed"\nfamily = "ed_attendance"\ninterval = "2h"\n')
    (one,) = read_sources(path)
    assert (7200, ("RJ1",)) == (one.interval, one.about)
    path.write_text('[[source]]\nsource = "/ods/RJ1/ed"\nfamily = "ed"\ninterval = "2 hours"\n')
    with pytest.raises(ConfigurationError, match=r"sources.toml:3: source /ods/RJ1/ed: family: ") as error:
        read_sources(path)
    assert "sources.toml:4: source /ods/RJ1/ed: interval: a duration is" in str(error.value)


class Scene:
    """An engine, its board, and a clock that a test moves."""

    def __init__(self, *expected: ExpectedSource) -> None:
        self.engine = engine()
        self.board = Board(CATALOGUE, REGISTER, expected)
        self.offset = 0

    def publish(self, *events: Any, append: datetime) -> None:
        """Append events."""
        self.engine.process(AT, log(*events, append=append))

    def tick(self, now: datetime, *, alive: bool = True) -> None:
        """Let the worker publish, if it is alive, and let the board observe."""
        if alive:
            self.offset += 1
            place = position(now, next_offset=self.offset)
            snapshotter = Snapshotter(self.engine)
            orgs = list(self.engine.partitions[AT].organisations)
            for snapshot in snapshotter.current(AT, orgs, place):
                self.board.apply(snapshot, milliseconds(now))
            self.board.apply(snapshotter.heartbeat(AT, place, 0), milliseconds(now))
        self.board.observe(milliseconds(now), TEN_SECONDS, [AT])

    def row(self, window: str = "7d", org: str = "england") -> Row:
        """Give England's four-hour figure."""
        rows = [
            row
            for row in self.board.rows()
            if (row.indicator, row.window, row.org, row.strata) == ("ae_4h_all_types", window, org, {})
        ]
        (found,) = rows
        return found


def test_a_silent_source_marks_its_figures_and_its_return_clears_them() -> None:
    """Two days of silence, then two days of backlog: marked, restated where late, and clear again."""
    scene = Scene()
    scene.publish(attendance("a", departed=MORNING - HOUR), append=MORNING)
    scene.tick(MORNING)
    assert "stale_source" not in scene.row("since_midnight").flags
    wednesday = MORNING + timedelta(days=2)
    scene.tick(wednesday)
    assert "stale_source" in scene.row("7d").flags
    assert ("7d", 1) == (scene.row("7d").window, scene.row("7d").denominator)

    backlog = [attendance(f"b{n}", departed=MORNING + n * HOUR) for n in range(48)]
    scene.publish(*backlog, append=wednesday)
    scene.tick(wednesday + timedelta(seconds=1))
    after = scene.row("7d")
    assert "stale_source" not in after.flags
    assert "restated" in after.flags
    assert {"a", *(f"b{n}" for n in range(40))} <= {
        identity.split()[-1] for identity in scene.engine.partitions[AT].held
    }


def test_a_missing_source_marks_figures_only_where_every_partition_is_heard() -> None:
    """At a first start nobody is missing yet: partitions are still being read."""
    scene = Scene(ExpectedSource(source="/ods/RJZ/ed", family="ed_attendance"))
    scene.publish(attendance("a", departed=YESTERDAY), append=MORNING)
    scene.tick(MORNING)
    assert "missing_source" in scene.row().flags
    scene.board.observe(milliseconds(MORNING), TEN_SECONDS, [AT, (AT[0], 1)])
    assert "missing_source" not in scene.row().flags


def test_an_absent_worker_marks_what_it_computed_and_values_stay() -> None:
    """Eleven seconds without a word: `stale`, the same value; a word more and it is gone."""
    scene = Scene()
    scene.publish(attendance("a", departed=YESTERDAY), append=MORNING)
    scene.tick(MORNING)
    before = scene.row()
    seconds = timedelta(seconds=1)
    scene.tick(MORNING + 10 * seconds, alive=False)
    assert before == scene.row()
    scene.tick(MORNING + 11 * seconds, alive=False)
    assert sorted(("stale", *before.flags)) == sorted(scene.row().flags)
    assert (before.value, before.numerator) == (scene.row().value, scene.row().numerator)
    assert {AT: 11_000} == scene.board.age_ms(milliseconds(MORNING + 11 * seconds))
    scene.tick(MORNING + 12 * seconds)
    assert before == scene.row()


def test_a_worker_whose_clock_is_wrong_is_heard_all_the_same() -> None:
    """Its heartbeat is an hour old by its own clock, and comes every second by ours."""
    on = Board(CATALOGUE, REGISTER)
    for second in range(3):
        heard = milliseconds(MORNING) + second * 1000
        on.apply(beat(tick=MORNING - HOUR + timedelta(seconds=second)), heard)
    on.observe(milliseconds(MORNING) + 3000, TEN_SECONDS)
    assert frozenset() == on.absent


def test_a_breach_does_not_recover_while_members_are_behind() -> None:
    """England misses; on the next day only the good trust has been published: no recovery yet."""
    of, _ = run(
        *(attendance(f"g{n}", departed=YESTERDAY, minutes=60) for n in range(30)),
        *(attendance(f"b{n}", departed=YESTERDAY, minutes=400, source="/ods/RJZ/ed") for n in range(30)),
        append=MORNING,
    )
    on, snapshotter = Board(judging(), REGISTER), Snapshotter(of)

    def england() -> list[tuple[str, float | None]]:
        return [
            (row.status, row.denominator)
            for row in on.rows()
            if (row.indicator, row.window, row.level) == ("ae_4h_all_types", "7d", "england")
            and not row.strata
        ]

    for snapshot in snapshotter.current(AT, ["RJ1", "RJZ"], position(MORNING)):
        on.apply(snapshot)
    assert [("breach", 60)] == england()
    later = position(MORNING + 24 * HOUR)
    for snapshot in snapshotter.current(AT, ["RJ1"], later):
        on.apply(snapshot)
    assert [("breach", 30)] == england()
    for snapshot in snapshotter.current(AT, ["RJZ"], later):
        on.apply(snapshot)
    assert [("breach", 60)] == england()

    fresh = Board(judging(), REGISTER)  # a new owner has no memory of the breach: it judges nothing yet
    on = fresh
    for snapshot in (
        *snapshotter.current(AT, ["RJZ"], position(MORNING)),
        *snapshotter.current(AT, ["RJ1"], later),
    ):
        fresh.apply(snapshot)
    assert [("not_judged", 30)] == england()


def test_replay_marks_no_source() -> None:
    """Without wall time nothing is silent."""
    of, _ = run(report(numerator=1, denominator=2))
    on = Board(CATALOGUE, REGISTER)
    for snapshot in Snapshotter(of).current(AT, ["RJ1"], position(MORNING + timedelta(days=900))):
        on.apply(snapshot)
    assert not {"stale", "stale_source", "missing_source"} & {flag for row in on.rows() for flag in row.flags}
