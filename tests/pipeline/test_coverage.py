"""When a group is asked to assign again, and when not."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from streams.pipeline import coverage
from streams.pipeline.coverage import Coverage, Group
from streams.pipeline.metrics import Metrics
from streams.settings import Settings

ALL = {TopicPartition("events", number): "worker" for number in range(2)}
ONE = {TopicPartition("events", 0): "worker"}
METRIC, LABELS = "oversight_partitions_without_worker", {"group": "hot-path"}


class Scene:
    """A coverage over one group of two partitions, whose answers are given beforehand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rejoined = 0
        self.metrics = Metrics()
        self.coverage = Coverage(Settings(), self.metrics)
        self.coverage.over(Group("hot-path", {"events": 2}, self._rejoin))
        self.answers: list[dict[TopicPartition, str] | type[Exception] | None] = []
        monkeypatch.setattr(coverage, "owners", self._owners)

    async def _rejoin(self) -> None:
        self.rejoined += 1

    async def _owners(self, _settings: Settings, _group: str) -> dict[TopicPartition, str] | None:
        answer = self.answers.pop(0)
        if isinstance(answer, type):
            raise answer
        return answer

    async def look(self, *answers: dict[TopicPartition, str] | type[Exception] | None) -> int:
        """Look once per answer; give how often the group was joined anew meanwhile."""
        before, self.answers = self.rejoined, list(answers)
        for _ in answers:
            await self.coverage.look()
        return self.rejoined - before


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A new one."""
    return Scene(monkeypatch)


async def test_a_partition_left_out_twice_in_a_row(scene: Scene) -> None:
    """It is said with its name, and the group is joined anew after 2, 4 and 8 looks."""
    assert 0 == await scene.look(ONE)
    assert [] == list(scene.coverage.problems())
    assert 1 == scene.metrics.registry.get_sample_value(METRIC, LABELS)

    assert 1 == await scene.look(ONE)
    (problem,) = scene.coverage.problems()
    assert problem.startswith("1 partitions belong to no worker: events/1;")
    assert [0, 1, 0, 0, 0, 1] == [await scene.look(ONE) for _ in range(6)]


async def test_what_is_mended_is_forgotten(scene: Scene) -> None:
    """No problem, no metric, and the next time it takes two looks again."""
    await scene.look(ONE, ONE)

    assert 0 == await scene.look(ALL)

    assert [] == list(scene.coverage.problems())
    assert 0 == scene.metrics.registry.get_sample_value(METRIC, LABELS)
    assert [0, 1] == [await scene.look(ONE) for _ in range(2)]


@pytest.mark.parametrize("between", [None, TimeoutError, OSError])
async def test_a_group_that_is_not_settled_or_cannot_be_asked(
    scene: Scene, between: type[Exception] | None
) -> None:
    """Nothing is asked of it; while it assigns, what was seen before says nothing about it any more."""
    assert 0 == await scene.look(between, between, between)

    assert [] == list(scene.coverage.problems())
