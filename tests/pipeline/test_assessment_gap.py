"""The assessment reads everything again after records that another owner took."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

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
            yield SimpleNamespace(message=SimpleNamespace(offset=offset), value=None)


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
    catalogue, register = Catalogue.shipped(), Register.shipped()
    of = Assessment(
        Settings(),
        Board(catalogue, register),
        Renderer(catalogue, register),
        metrics=Metrics(),
        pulse=Pulse(15),
    )
    terms: list[Any] = []
    monkeypatch.setattr(of, "_catch_up", lambda term: term)
    monkeypatch.setattr(of, "add_future", terms.append)
    of.assigned({TopicPartition("oversight.snapshots", 0)})
    await of.consume(Stream(*offsets))
    assert expected == len(terms)
