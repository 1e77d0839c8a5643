"""What a heartbeat says of publishers: when each stream was last heard, its watermark, and about whom."""

from datetime import timedelta

from making import AT, MORNING, at, attendance, engine, log, report, run

from schemas.outputs import Heartbeat, Position, Source, SourceStream, decode_snapshot, encode
from streams.engine.snapshots import MOST_ORGS, Snapshotter


def milliseconds(when: object) -> int:
    return int(when.timestamp() * 1000)  # type: ignore[attr-defined]


def beat(of: object, now: object = MORNING) -> Heartbeat:
    position = Position(AT[0], "t", AT[1], 1, milliseconds(now))
    return Snapshotter(of).heartbeat(AT, position, 0)  # type: ignore[arg-type]


def test_the_watermark_is_the_newest_event_time_in_any_order() -> None:
    """An older record that comes later moves the append time alone."""
    newer = attendance("a", departed=MORNING - timedelta(hours=1))
    older = attendance("b", departed=MORNING - timedelta(hours=5))
    of, _ = run(newer, older, append=MORNING)
    expected = SourceStream(
        "ed_attendance",
        "operational",
        milliseconds(MORNING),
        milliseconds(MORNING - timedelta(hours=1)),
        ["RJ1"],
    )
    assert [Source("/ods/RJ1/pas", milliseconds(MORNING), misrouted=False, streams=[expected])] == beat(
        of
    ).sources


def test_a_return_is_as_new_as_the_end_of_its_period() -> None:
    """April's report passes the end of April, London time, whenever it was written."""
    of, _ = run(report(numerator=1, denominator=2))
    (source,) = beat(of).sources
    assert [milliseconds(at("2026-04-30T23:00"))] == [one.newest_ms for one in source.streams]


def test_bases_are_kept_apart_and_refused_records_count_for_nothing() -> None:
    """A publisher that only sends what is refused is heard, but has no stream."""
    of, out = run(
        attendance("a", synthetic=True),
        attendance("b"),
        report("unheard_of", numerator=1, denominator=2, source="/ods/RJZ/returns"),
        append=MORNING + timedelta(minutes=2),
    )
    assert 1 == len(out.refused)
    found = {one.source: {stream.basis for stream in one.streams} for one in beat(of).sources}
    assert {"/ods/RJ1/pas": {"synthetic", "operational"}, "/ods/RJZ/returns": set()} == found


def test_a_stream_that_the_log_no_longer_holds_is_forgotten() -> None:
    """After 60 days a new start would not know it either; the publisher's other stream stays."""
    of = engine()
    of.process(AT, log(attendance(), report(numerator=1, denominator=2), append=MORNING))
    later = MORNING + timedelta(days=61)
    of.process(AT, log(attendance("b", departed=later, source="/ods/RJZ/pas"), append=later))
    found = {one.source: [stream.stream for stream in one.streams] for one in beat(of, later).sources}
    assert {
        "/ods/RJ1/pas": [],
        "/ods/RJ1/returns": ["measure:core20_recruitment"],
        "/ods/RJZ/pas": ["ed_attendance"],
    } == found


def test_the_list_of_organisations_is_bounded() -> None:
    """A source that writes for more is counted beyond the bound, and the record stays small."""
    of, _ = run(attendance())
    state = of.partitions[AT].sources["/ods/RJ1/pas"].streams["ed_attendance", "operational"]
    state.orgs |= {f"X{n:05}" for n in range(MOST_ORGS)}
    (stream,) = beat(of).sources[0].streams
    assert (MOST_ORGS, 1) == (len(stream.orgs), stream.more_orgs)


def test_a_heartbeat_of_the_previous_version_is_read() -> None:
    """A worker that is not updated yet names its publishers without streams."""
    of, _ = run(attendance())
    old = encode(beat(of)).replace(b',"streams":', b',"unknown":')
    assert [[]] == [one.streams for one in decode_snapshot(old).sources]  # type: ignore[union-attr]
