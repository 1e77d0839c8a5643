"""Scrapes and ticks: small ones are measured whole, and a wrong body gives no figure."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from streams.bench.assessing import Assessing
from streams.bench.exposition import Exposition, Shape, Ticks, Work, lines, scrapes, ticks
from streams.bench.scene import Scene
from streams.errors import BenchmarkError
from streams.sources.simulator import FAMILY_NAMES

FAMILIES = ("ambulance_handover",)


async def test_scrapes_are_measured_and_checked() -> None:
    """Two organisations come to more than a thousand series, and compress well."""
    found = await scrapes(Shape(2, FAMILIES), 2)

    assert found.series > 1_000
    assert 1 == found.changed
    assert found.plain_bytes > 8 * found.gzip_bytes
    for times in (found.plain_changed, found.gzip_changed, found.plain_unchanged, found.gzip_unchanged):
        assert (2, 2) == (len(times.ms), len(times.cpu_ms))
        assert min(times.ms) > 0


async def test_ticks_are_measured_and_checked(tmp_path: Path) -> None:
    """Every kind of work has its line in the table, of every family that there is."""
    found = await ticks(Shape(3, FAMILY_NAMES), 1, tmp_path)

    assert (len(FAMILY_NAMES), 3, 1) == (found.families, found.organisations, found.changed)
    table = "\n".join(lines(Exposition([await scrapes(Shape(1, FAMILIES), 1)], [found])))
    assert len(found.work) == table.count("\n| ") - 4
    assert "Goals" in table


async def test_a_wrong_body_gives_no_figure() -> None:
    """One digit of one series, or one series less, is noticed and named."""
    worker = Assessing(Scene(1, FAMILIES))
    await worker.tick()
    body = await worker.body()
    count = worker.check(gzip.decompress(b"".join(await worker.scrape(gzip=True))))
    assert count == worker.check(body)

    at = body.index(b"oversight_amb_handover_over_45m_denominator{")
    end = body.index(b"\n", at)
    for wrong in (body[:end] + b"1" + body[end:], body[:at] + body[end + 1 :]):
        with pytest.raises(BenchmarkError, match="differ in 1 series; oversight_amb_handover_over_45m_denom"):
            worker.check(wrong)


async def test_a_change_that_is_not_shown_is_noticed() -> None:
    """Events that the assessment has not heard of make the body wrong."""
    scene = Scene(2, FAMILIES)
    worker = Assessing(scene)
    await worker.tick()
    scene.change(0.5)
    with pytest.raises(BenchmarkError, match="differ in"):
        worker.check(await worker.body())
    await worker.tick()
    assert worker.check(await worker.body()) > 1_000


def test_holds_stand_beside_their_processor_time() -> None:
    """Worked by hand: 12.4 ms of which 3.6 were the thread's own."""
    work = Work("save", 100.0, 50.0, 12.4, 3.6)
    table = lines(Exposition([], [Ticks(1, 250, 12, 60_000, [work])]))
    assert "| saving the engine's state | 100 (50) | 12 (4) |" in table
