"""A worker's engine over many organisations: what the parts on ticks and scrapes have in common.

One trust is simulated, with the ambulance service that brings its patients, and all their events are sent
again under the code of every organisation of the register that there was on the day, so that figures roll up
through real ICBs and regions. Sites are left out: they would only be more series of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle, islice

import msgspec
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from streams.bench.measured import PARTITION
from streams.catalogue import Catalogue
from streams.engine import Engine
from streams.engine.calendar import LONDON, day_number
from streams.engine.snapshots import Snapshotter
from streams.errors import BenchmarkError
from streams.organisations import Register
from streams.pipeline.hot_path import MAX_RECORDS
from streams.pipeline.topics import ACCEPTS
from streams.sources.events import Event
from streams.sources.simulator import DEFAULT_UNTIL, Settings, Simulation
from streams.sources.simulator.trusts import CODES

NOW_MS = int(DEFAULT_UNTIL.timestamp() * 1000)
"""The last instant of the simulation, a Monday morning; clocks of the benchmark begin there."""
TODAY = DEFAULT_UNTIL.astimezone(LONDON).date()
EVENTS = TopicPartition("oversight.events", PARTITION)
_DAYS = 3
_EVENTS_EACH = 250
_NEW_EACH = 2
_TEMPLATE = CODES[0]
_ACCEPTS = ACCEPTS["events"] | ACCEPTS["returns"]
_TAKEN = frozenset({"applied", "between_censuses", "outdated"})
"""Outcomes of an event that stands for itself: a state may be none of a census, or no longer the last."""


class Scene:
    """The engine and what is sent to it.

    Args:
        organisations: how many.
        families: the families of events that each of them publishes.

    Raises:
        BenchmarkError: the register has not so many, or an event was not taken.
    """

    def __init__(self, organisations: int, families: Sequence[str]) -> None:
        self.catalogue = Catalogue.shipped()
        self.register = Register.shipped()
        self.engine = Engine(self.catalogue.measures)
        self.snapshotter = Snapshotter(self.engine, [day_number(day) for day in self.register.change_days()])
        self.codes = [
            one.code
            for one in self.register.all()
            if one.kind in ("trust", "provider") and self.register.is_active(one.code, TODAY)
        ][:organisations]
        if len(self.codes) < organisations:
            raise BenchmarkError(f"the register has {len(self.codes)} organisations, not {organisations}")
        self._next = cycle(self.codes)
        self._sent = self._copies = 0
        templates = [_templates(family) for family in families]
        self._newest = [one for of in templates for one in _ended(of)[-_NEW_EACH:]]
        self._send([one for of in templates for one in of], self.codes)

    @property
    def position(self) -> int:
        """Offset of the next record."""
        return self._sent

    def change(self, share: float) -> int:
        """Send new events of a share of the organisations, others at every call; give of how many."""
        count = max(1, round(share * len(self.codes)))
        self._copies += 1
        self._send([_renamed(one, self._copies) for one in self._newest], list(islice(self._next, count)))
        return count

    def _send(self, events: Sequence[Event], codes: Iterable[str]) -> None:
        values = [msgspec.json.encode(one) for one in events]
        sent = [value.replace(_TEMPLATE.encode(), code.encode()) for code in codes for value in values]
        records: list[ConsumerRecord[bytes, bytes]] = [
            ConsumerRecord(EVENTS.topic, PARTITION, offset, NOW_MS, 1, b"", value, None, 0, len(value), ())
            for offset, value in enumerate(sent, self._sent)
        ]
        for start in range(0, len(records), MAX_RECORDS):
            batch = records[start : start + MAX_RECORDS]
            out = self.engine.process(EVENTS, batch, accepts=_ACCEPTS)
            if out.refused or out.late or not out.counts.keys() <= _TAKEN:
                first = [*out.refused, *out.late][:1]
                raise BenchmarkError(f"of {len(batch)} events not all were taken: {out.counts} {first}")
        self._sent += len(records)


def _templates(family: str) -> list[Event]:
    """Give some events of one family, in order, all of one trust and without sites."""
    settings = Settings(
        trusts=1, days=_DAYS, duplicates=0, disorder=0, corrections=0, retractions=0, families=(family,)
    )
    icb = Register.shipped().parents(_TEMPLATE, TODAY).icb
    found = [one for one in Simulation(settings).events() if one["data"]["org"] != icb]
    return [_of_one_trust(one) for one in found[:: -max(1, len(found) // _EVENTS_EACH)][::-1]]


def _of_one_trust(one: Event) -> Event:
    data = {name: value for name, value in one["data"].items() if name != "site"}
    about = {"source": f"/ods/{_TEMPLATE}/simulator", "partitionkey": _TEMPLATE}
    return one | about | {"data": data | {"org": _TEMPLATE}}


def _ended(events: Sequence[Event]) -> list[Event]:
    """Give the last of an episode each: those that say the most. States and returns have none."""
    most = max(len(one["data"]) for one in events)
    return [one for one in events if len(one["data"]) == most and _keys(one)]


def _keys(one: Event) -> dict[str, str]:
    return {name: value for name, value in one["data"].items() if name.endswith("_key")}


def _renamed(one: Event, copy: int) -> Event:
    """Give another event like one, of an episode of its own."""
    return one | {"data": one["data"] | {name: f"{key}c{copy}" for name, key in _keys(one).items()}}
