"""Watches that every partition has a worker, whatever the group believes.

A worker with a name of its own comes back to the assignment that it left, and no member of the group works
out another while the others stay away from it: if a topic was missing or grew when the assignment was made,
its partitions belong to nobody until somebody asks to join anew. So every worker looks, and asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import mode
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.pipeline.membership import owners
from streams.pipeline.metrics import Metrics
from streams.settings import Settings

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""How often the groups are asked."""
_LOOKS_BEFORE_REJOIN = 2
"""One look may fall between a member that has just left and what the group makes of it."""


class Group(NamedTuple):
    """A consumer group, what it ought to have given out, and how this worker joins it anew.

    Attributes:
        name: of the group.
        partitions: topic to its number of partitions.
        rejoin: asks the group to assign again.
    """

    name: str
    partitions: Mapping[str, int]
    rejoin: Callable[[], Awaitable[None]]

    def expected(self) -> set[TopicPartition]:
        """Give every partition."""
        return {
            TopicPartition(topic, number)
            for topic, count in self.partitions.items()
            for number in range(count)
        }


class Coverage(mode.Service):
    """Has a settled group assign again when some partition belongs to nobody.

    Args:
        settings: how to reach the broker.
        metrics: where to show what is seen.
    """

    abstract = False

    def __init__(self, settings: Settings, metrics: Metrics, **kwargs: Any) -> None:
        self._settings = settings
        self._groups: list[Group] = []
        self._metrics = metrics
        self._orphans: dict[str, list[TopicPartition]] = {}
        self._looks: dict[str, int] = {}
        super().__init__(**kwargs)

    def over(self, group: Group) -> None:
        """Watch over a group too."""
        self._groups.append(group)

    def problems(self) -> Iterable[str]:
        """Say which partitions nobody reads although their group is settled."""
        for group, orphans in self._orphans.items():
            if self._looks[group] >= _LOOKS_BEFORE_REJOIN:
                names = ", ".join(f"{one.topic}/{one.partition}" for one in orphans[:3])
                yield f"{len(orphans)} partitions belong to no worker: {names}; the group has to assign again"

    async def look(self) -> None:
        """Ask the groups once, and join those anew that have left out partitions twice in a row.

        It asks again after twice as many looks each time, since an assignment takes a while.
        """
        for group in self._groups:
            try:
                found = await owners(self._settings, group.name)
            except (KafkaError, TimeoutError, OSError):
                continue
            orphans = [] if found is None else sorted(group.expected() - found.keys())
            self._metrics.orphans.labels(group.name).set(len(orphans))
            looks = self._looks[group.name] = self._looks.get(group.name, 0) + 1 if orphans else 0
            if not orphans:
                self._orphans.pop(group.name, None)
                continue
            self._orphans[group.name] = orphans
            if looks >= _LOOKS_BEFORE_REJOIN and looks & (looks - 1) == 0:
                log.warning(
                    "partitions belong to no worker: asking the group to assign again",
                    group=group.name,
                    partitions=", ".join(f"{one.topic}/{one.partition}" for one in orphans),
                )
                await group.rejoin()

    @mode.Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            if not self.should_stop:
                await self.look()
