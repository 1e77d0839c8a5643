"""The assessment reads everything before it serves, and again after records that another owner took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.assessment import Board
from streams.catalogue import Catalogue
from streams.exposition.renderer import Renderer
from streams.organisations import Register
from streams.pipeline.assess import Assessment
from streams.pipeline.metrics import Metrics
from streams.pipeline.pulse import Pulse
from streams.settings import Settings


class Stream:
    """Events without a value, at these offsets."""

    def __init__(self, *offsets: int) -> None:
        self._offsets = offsets

    async def events(self) -> AsyncIterator[Any]:
        """Give them."""
        for offset in self._offsets:
            yield SimpleNamespace(message=SimpleNamespace(offset=offset), key=b"", value=None)


def assessment() -> Assessment:
    """Give one that nobody has assigned anything."""
    catalogue, register = Catalogue.shipped(), Register.shipped()
    return Assessment(
        Settings(),
        Board(catalogue, register),
        Renderer(catalogue, register),
        metrics=Metrics(),
        pulse=Pulse(15),
    )


@pytest.mark.parametrize(
    ("expected", "offsets"),
    [
        (1, (5, 6, 7)),
        (1, (5, 6, 5, 6, 7)),  # from the committed offset again
        (2, (5, 6, 9, 10)),  # two were taken by somebody else
    ],
)
async def test_a_gap_has_everything_read_again(
    monkeypatch: pytest.MonkeyPatch, expected: int, offsets: tuple[int, ...]
) -> None:
    """Terms begun: the first with the assignment, another with each gap."""
    of = assessment()
    terms: list[Any] = []
    monkeypatch.setattr(of, "_catch_up", lambda term: term)
    monkeypatch.setattr(of, "add_future", terms.append)
    of.assigned({TopicPartition("oversight.snapshots", 0)})
    await of.consume(Stream(*offsets))
    assert expected == len(terms)


async def test_a_tick_s_snapshots_are_worked_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst of thirty is in before England's rows are made; one that comes alone does not wait for long."""
    of = assessment()
    upkeep = of._upkeep
    taken, seen = 0, []

    def refresh(most: int | None = None) -> int:  # noqa: ARG001 - as the board's
        if taken and (not seen or seen[-1] != taken):
            seen.append(taken)
        return 0

    monkeypatch.setattr(of.board, "refresh", refresh)
    working = asyncio.create_task(of._refresh.fun(of))
    try:
        await asyncio.sleep(0.1)
        for number in range(30):
            upkeep.take(b"%d" % number, b"{}")  # cannot be read: it is counted all the same
            taken += 1
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        upkeep.take(b"0", b"{}")
        taken += 1
        await asyncio.sleep(0.5)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert [30, 31] == seen


async def test_a_broker_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is served before everything has been read, and the worker goes on."""
    of = assessment()
    tries: list[bool] = []

    async def read(*_: object, **__: object) -> AsyncIterator[Any]:
        tries.append(of.serving)
        if len(tries) < 3:
            raise KafkaConnectionError("nobody answers")
        yield SimpleNamespace(value=None)

    monkeypatch.setattr("streams.pipeline.assess.read_to_end", read)
    monkeypatch.setattr("streams.pipeline.assess._RETRY_SECONDS", 0.01)
    begun: list[Any] = []
    monkeypatch.setattr(of, "add_future", begun.append)
    of.assigned({TopicPartition("oversight.snapshots", 0)})
    await begun[0]

    assert [False] * 3 == tries
    assert of.serving
