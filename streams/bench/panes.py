"""An engine fed as the hot path feeds it, and its panes as the oracle has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from streams.bench.measured import PARTITION, Measured
from streams.bench.oracle import Sums
from streams.engine import Engine, Outputs
from streams.engine.calendar import civil_date
from streams.engine.families import FAMILIES
from streams.engine.partition import Partition
from streams.pipeline.topics import ACCEPTS


class Panes:
    """An engine with one partition."""

    def __init__(self, topic: str) -> None:
        self.at = (topic, PARTITION)
        self.engine = Engine({})
        self._not_taken = 0

    @property
    def partition(self) -> Partition:
        """The partition's state."""
        return self.engine.partitions[self.at]

    def take(self, records: list[Any]) -> None:
        """Hand over a batch."""
        out: Outputs = self.engine.process(self.at, records, accepts=ACCEPTS["events"])
        self._not_taken += len(out.refused) + len(out.late)

    def result(self, measured: Measured, sums: str) -> Measured:
        """Write the sums for the check, and give the figures with the counts."""
        Path(sums).write_bytes(msgspec.json.encode(_sums(self.partition)))
        return msgspec.structs.replace(measured, held=len(self.partition.held), not_taken=self._not_taken)


def _sums(partition: Partition) -> Sums:
    found: Sums = {}
    for key, series in partition.series.items():
        names = FAMILIES[key.stream].facts
        for day, pane in series.panes.items():
            for ((_, quintile),), tally in pane.items():
                place = f"{key.org}/{key.site}/{civil_date(day)}/{quintile}"
                found[place] = {name: fact for name, fact in zip(names, tally.facts, strict=True) if fact}
    return found
