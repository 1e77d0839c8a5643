"""The upkeep of the board: everything is taken, worked out and shown, and others get their turns."""

from __future__ import annotations

import asyncio

import pytest
from making import AT, MORNING, attendance, run
from msgspec.structs import replace

from schemas.outputs import Position, decode_snapshot, encode, snapshot_key
from streams.assessment import Board
from streams.catalogue import Catalogue
from streams.engine.snapshots import Snapshotter
from streams.exposition.body import Chunk
from streams.exposition.renderer import Renderer, render_board
from streams.organisations import Register
from streams.pipeline import upkeep as tested
from streams.pipeline.metrics import Metrics
from streams.pipeline.upkeep import Upkeep
from streams.turns import Turns, in_turns

DAY = MORNING.date()
NOW = MORNING.timestamp()


def filled() -> tuple[Upkeep, Renderer, list[tuple[bytes, bytes]]]:
    """Give an upkeep that has nothing yet, and records for it."""
    of, _ = run(*(attendance(f"k{n}", source=f"/ods/{org}/pas") for n, org in enumerate(("RJ1", "RJZ"))))
    catalogue, register = Catalogue.shipped(), Register.shipped()
    at = Position(AT[0], "t", AT[1], 2, int(NOW * 1000), 1)
    snapshotter = Snapshotter(of)
    found = [*snapshotter.current(AT, list(of.partitions[AT].organisations), at)]
    found.append(snapshotter.heartbeat(AT, at, at.tick_ms))
    records = [(snapshot_key(one), encode(one)) for one in found]
    renderer = Renderer(catalogue, register)
    return Upkeep(Board(catalogue, register), renderer, Metrics(), lambda: NOW), renderer, records


def text(chunks: list[Chunk]) -> str:
    return b"".join(one.plain for one in chunks).decode()


async def test_it_comes_to_what_the_board_says() -> None:
    """In turns, and with the counts of sources, the text is the obvious one of the same board."""
    upkeep, _, records = filled()
    for one in records:
        upkeep.take(*one)
    await upkeep.feed()
    await upkeep.observe(10.0, [AT])
    assert 0 == await upkeep.work_out()
    found = text(await upkeep.chunks(DAY))
    board = upkeep.board
    assert set(render_board(board, DAY).splitlines()) <= set(found.splitlines())
    assert 'oversight_sources{org="RJ1"' in found


async def test_a_newer_record_takes_the_place_of_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under more load than there is time for nobody works out what is old; the last of each key counts."""
    upkeep, _, records = filled()
    heard = decode_snapshot(records[-1][1])
    later = replace(heard, at=replace(heard.at, next_offset=heard.at.next_offset + 1))
    for one in (*records, *records, (snapshot_key(later), encode(later)), records[0]):
        upkeep.take(*one)
    applied: list[bytes] = []
    give = upkeep._give
    monkeypatch.setattr(upkeep, "_give", lambda *of: applied.append(of[0]) or give(*of))
    await upkeep.feed()
    assert applied == [*(value for _, value in records[1:-1]), encode(later), records[0][1]]
    assert {"RJ1", "RJZ"} <= {row.org for row in upkeep.board.rows()}
    assert later.at == upkeep.board.sources[AT].at


async def test_the_last_to_come_may_be_of_a_worker_that_lost_its_partition() -> None:
    """It stands behind the present owner's record under the same key, and takes nobody's place."""
    upkeep, _, records = filled()
    found = [decode_snapshot(value) for _, value in records]
    for one in found:
        now = replace(one, at=replace(one.at, epoch=one.at.epoch + 1, next_offset=one.at.next_offset + 1))
        upkeep.take(snapshot_key(now), encode(now))
    for late in records:
        upkeep.take(*late)
    await upkeep.feed()
    assert found[-1].at.epoch + 1 == upkeep.board.sources[AT].at.epoch
    assert {"RJ1", "RJZ"} <= {row.org for row in upkeep.board.rows()}


async def test_a_partition_may_be_heard_while_sources_are_told() -> None:
    """Telling of sources takes turns, and a heartbeat may come in one of them."""
    upkeep, _, records = filled()
    other = decode_snapshot(records[-1][1])
    heard = replace(other, at=replace(other.at, partition=AT[1] + 1))
    for one in records:
        upkeep.take(*one)
    await upkeep.feed()
    observing = asyncio.ensure_future(upkeep.observe(10.0, [AT]))
    await asyncio.sleep(0)
    upkeep.take(snapshot_key(heard), encode(heard))
    await upkeep.feed()
    await observing
    assert 2 == len(upkeep.board.sources)


async def test_a_scrape_waits_for_what_is_being_shown() -> None:
    """Between two steps of showing there is no text, so that no level is ahead of another."""
    upkeep, renderer, records = filled()
    for one in records:
        upkeep.take(*one)
    show, asked = renderer.show, []

    def slowly(rendered: object) -> object:
        for step in show(rendered):  # type: ignore[arg-type]
            asked.append(asyncio.ensure_future(upkeep.chunks(DAY)))
            yield step

    renderer.show = slowly  # type: ignore[method-assign,assignment]
    await upkeep.work_out()
    assert len(asked) > 2
    assert {text(await upkeep.chunks(DAY))} == {text(one) for one in await asyncio.gather(*asked)}


async def test_only_the_families_that_are_named() -> None:
    """The counts of sources have no rows, and are a family as every other."""
    upkeep, _, records = filled()
    for one in records:
        upkeep.take(*one)
    await upkeep.feed()
    await upkeep.observe(10.0, [AT])
    await upkeep.work_out()
    names = ["oversight_sources", "oversight_indicator_info"]
    assert set(names) == {
        line.split("{")[0] for line in text(await upkeep.chunks(DAY, names)).splitlines() if line[0] != "#"
    }
    assert "" == text(await upkeep.chunks(DAY, ["oversight_nothing"]))


async def test_records_that_never_rest_are_worked_out_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a quarter of a second at the latest."""
    upkeep, _, records = filled()
    monkeypatch.setattr(tested, "_BURST_SECONDS", 0.05)

    async def keep_coming() -> None:
        while True:
            upkeep.take(*records[0])
            await asyncio.sleep(0.001)

    coming = asyncio.create_task(keep_coming())
    try:
        await asyncio.sleep(0)
        await asyncio.wait_for(upkeep.until_calm(), 5)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_a_record_that_cannot_be_read_is_counted_and_passed_over() -> None:
    """Neither a tombstone nor a torn record ends the upkeep."""
    upkeep, _, records = filled()
    for one in ((b"a", None), (b"b", b""), (b"c", b"{"), *records):
        upkeep.take(*one)
    await upkeep.feed()
    assert 1 == upkeep._metrics.snapshots_ignored._value.get()
    assert {"RJ1", "RJZ"} <= {row.org for row in upkeep.board.rows()}


async def test_others_get_their_turn() -> None:
    """With every step over its time, another task runs as often as there are steps."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await in_turns(range(50), seconds=0)
    assert turns >= 50
    before, patient = turns, Turns(seconds=1e9)
    await patient.give()  # nobody knows how long the loop was held before
    assert before < turns
    before = turns
    await patient.give()  # not yet
    assert before == turns
    task.cancel()
