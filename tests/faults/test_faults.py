"""Every kind of fault, done to one service once or a few times; `make faults` does each as often as it takes.

After each kind everything the service shows is compared with an oracle over what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import have
from kinds import KINDS, Kind
from world import World, running_broker

from streams.errors import LocalServerError

pytestmark = pytest.mark.broker

ONE_BROKER = [kind for kind in KINDS if kind.nodes == 1 and kind.short]
THREE_BROKERS = [kind for kind in KINDS if kind.nodes > 1 and kind.short]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One service on one broker, which suffers everything in turn."""
    with ExitStack() as running:
        yield _service(running, tmp_path_factory.mktemp("faults"), nodes=1)


@pytest.mark.parametrize("kind", ONE_BROKER, ids=lambda kind: kind.name)
def test_nothing_is_lost_and_nothing_counted_twice(kind: Kind, world: World) -> None:
    """Figures, dead letters, late records and committed offsets are those of the oracle afterwards."""
    have(lambda: _require(kind))
    _suffer(kind, world)


@pytest.mark.parametrize("kind", THREE_BROKERS, ids=lambda kind: kind.name)
def test_with_three_brokers(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same with replication 3 and two copies in sync: one broker away loses nothing."""
    with ExitStack() as running:
        _suffer(kind, _service(running, tmp_path_factory.mktemp("three"), nodes=kind.nodes))


def _service(running: ExitStack, directory: Path, *, nodes: int) -> World:
    broker = have(lambda: running.enter_context(running_broker(directory / "kafka", nodes=nodes)))
    return running.enter_context(World(broker, directory, preload=500))


def _require(kind: Kind) -> None:
    if (lacking := kind.lacks()) is not None:
        raise LocalServerError(f"there is no {lacking}")


def _suffer(kind: Kind, world: World) -> None:
    world.use(kind.workers)
    world.publisher.resume()
    since = world.now()
    for _ in range(kind.short):
        (kind.instead or kind.inject)(world)
    world.ensure_running()

    verdict = world.verdict()

    assert [] == verdict.wrong
    assert (0, 0) == (verdict.lost, verdict.double_counted)
    assert 0 == world.timeline.summary(since).went_back
