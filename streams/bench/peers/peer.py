"""What every peer in Python does: read its task, take the time, hand in the result.

Standard library only, and imported as a sibling: a peer may run where this project is not installed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Facts = Mapping[str, Iterable[int]]
"""`organisation/day` to how many attended, and how many of them stayed at most four hours."""


@dataclass(frozen=True)
class Task:
    """What a peer is told, the part of it that a peer needs.

    Attributes:
        events: how many records to read, from the beginning of the topic.
        bootstrap: where Kafka is.
        topic: one partition.
        sums: the file for the result.
        states: a directory for state.
    """

    events: int
    bootstrap: str
    topic: str
    sums: str
    states: str

    @classmethod
    def told(cls) -> Task:
        """Read the task from the command line."""
        said = json.loads(sys.argv[1])
        return cls(**{name: said[name] for name in cls.__dataclass_fields__})


@dataclass
class Clock:
    """Wall time, processor time of all threads and memory, from `start` to `stop`."""

    started: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    _begin: tuple[float, float, int] = (0.0, 0.0, 0)

    def start(self) -> None:
        """Start, at the first record."""
        self.started = True
        self._begin = (time.perf_counter(), time.process_time(), _bytes("VmRSS"))

    def stop(self, events: int) -> None:
        """Stop, when the last record's result is in the state."""
        wall, cpu, resident = self._begin
        self.measured = {
            "events": events,
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "peak_bytes": _bytes("VmHWM"),
            "grown_bytes": _bytes("VmRSS") - resident,
        }


def hand_in(task: Task, clock: Clock, facts: Facts) -> None:
    """Write the result, without zeros, and say what was measured."""
    if not clock.measured:
        sys.exit(f"ended before {task.events} records of {task.topic} were handled")
    named = {
        place: dict(zip(("attended", "within_4h"), amounts, strict=True)) for place, amounts in facts.items()
    }
    nonzero = {place: {name: n for name, n in cell.items() if n} for place, cell in named.items()}
    Path(task.sums).write_text(json.dumps({place: cell for place, cell in nonzero.items() if cell}), "utf-8")
    sys.stdout.write(json.dumps(clock.measured) + "\n")


def _bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
