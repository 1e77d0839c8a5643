"""An engine fed as the hot path feeds it, and its panes as the oracle has them."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from streams.bench.measured import PARTITION, Measured
from streams.bench.mix_oracle import KNOWN
from streams.bench.peers.attendance import decode as decode_attendance
from streams.bench.sums import Sums
from streams.catalogue import Catalogue
from streams.engine import Engine, Outputs
from streams.engine.calendar import civil_date
from streams.engine.families import FAMILIES, MEASURE_FACTS
from streams.engine.families.base import Reduced
from streams.engine.families.strata import DEPRIVATION
from streams.engine.partition import Partition


class Panes:
    """An engine with one partition."""

    def __init__(self, topic: str) -> None:
        self.at = (topic, PARTITION)
        self.engine = Engine(Catalogue.shipped().measures)
        self._not_taken = 0

    @property
    def partition(self) -> Partition:
        """The partition's state."""
        return self.engine.partitions[self.at]

    def take(self, records: list[Any]) -> Outputs:
        """Hand over a batch."""
        out = self.engine.process(self.at, records)
        self._not_taken += len(out.refused) + len(out.late)
        return out

    def settle(self) -> None:
        """Spread over their strata what was only noted: who shows or saves a day has that to do first."""
        for series in self.partition.series.values():
            series.spread()

    def result(self, measured: Measured, sums: str, *, mixed: bool = False) -> Measured:
        """Write the sums for the check, and give the figures with the counts."""
        found = _sums_of_mix(self.partition) if mixed else _sums(self.partition)
        Path(sums).write_bytes(msgspec.json.encode(found))
        return msgspec.structs.replace(measured, held=len(self.partition.held), not_taken=self._not_taken)


class Days:
    """The least that gives the ratio of the peers: nothing is checked, corrected or counted once."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, date], list[int]] = {}

    def take(self, records: list[Any]) -> None:
        """Count a batch."""
        days = self._days
        for record in records:
            event = decode_attendance(record.value)
            stay = event.data
            if stay.counts:
                place = (event.partitionkey, stay.departed_at.date())
                counted = days.get(place)
                if counted is None:
                    counted = days[place] = [0, 0]
                counted[0] += 1
                counted[1] += stay.within

    def result(self, measured: Measured, sums: str) -> Measured:
        """Write the sums for the check."""
        found = {
            f"{org}/{day}": {name: n for name, n in zip(("attended", "within_4h"), counted, strict=True) if n}
            for (org, day), counted in self._days.items()
        }
        Path(sums).write_bytes(msgspec.json.encode(found))
        return measured


def keep_one_ratio() -> None:
    """Declare attendances in this process as one indicator needs them: two facts, no strata, no histogram."""
    whole = FAMILIES["ed_attendance"]
    wanted = tuple(map(whole.facts.index, ("attended", "within_4h")))

    def reduce_ratio(data: Any) -> Reduced:
        instant, facts = whole.reduce(data)
        return instant, None if facts is None else tuple(facts[i] for i in wanted)

    FAMILIES["ed_attendance"] = dataclasses.replace(
        whole, facts=("attended", "within_4h"), reduce=reduce_ratio, dimensions=(), histograms=()
    )


def _sums(partition: Partition) -> Sums:
    found: Sums = {}
    for key, series in partition.series.items():
        names = FAMILIES[key.stream].facts
        for day in series.panes:
            for (dimension, value), tally in series.stretch(day, day + 1, (DEPRIVATION,)).sums.items():
                if bool(dimension) == bool(series.dimensions):
                    place = "/".join((key.org, key.site, str(civil_date(day)), *([value] if value else [])))
                    found[place] = {name: fact for name, fact in zip(names, tally.facts, strict=True) if fact}
    return {place: facts for place, facts in found.items() if facts}


def _sums_of_mix(partition: Partition) -> Sums:
    """Give the facts that the oracle of the mix knows, over all sites and strata."""
    known = {one.stream: one.facts for one in KNOWN.values()}
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, series in partition.series.items():
        family = FAMILIES.get(key.stream)
        names = family.facts if family else MEASURE_FACTS
        for day, pane in series.panes.items():
            place = found[f"{key.stream}/{key.org}/{civil_date(day)}"]
            for tally in pane.values():
                place.update(
                    {
                        name: fact
                        for name, fact in zip(names, tally.facts, strict=True)
                        if fact and name in known[key.stream]
                    }
                )
    return {place: dict(facts) for place, facts in found.items() if facts}
