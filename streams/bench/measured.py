"""What a contender is told, and what it measures of itself."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

PARTITION = 0


class Task(msgspec.Struct, frozen=True):
    """What a contender is told.

    Attributes:
        contender: which.
        events: how many records there are.
        values: a file with one value a line, the topic's content.
        bootstrap: where Kafka is; empty when the contender needs none.
        topic: one partition with the same values.
        append_ms: append time of the records in memory.
        sums: where the result is written for the check; empty for contenders that have none.
        states: directory of saved states.
        mixed: whether the records are of all families (`streams.bench.mix`).
    """

    contender: str
    events: int
    values: str
    bootstrap: str = ""
    topic: str = "bench.events"
    append_ms: int = 0
    sums: str = ""
    states: str = ""
    mixed: bool = False


class Measured(msgspec.Struct, frozen=True):
    """What a contender measured of itself.

    Attributes:
        events: records handled.
        wall_seconds: elapsed.
        cpu_seconds: of this process, user and system, all threads.
        peak_bytes: largest resident set of the process.
        grown_bytes: growth of the resident set while the clock ran.
        held: episodes held at the end.
        not_taken: records refused or late.
        hold_seconds: longest time for which the event loop was held, where that is asked.
        hold_cpu_seconds: the same in processor time of its thread, without what others took meanwhile.
        view_seconds: time in which the view to be saved was taken.
        view_cpu_seconds: the same in processor time.
        file_bytes: size of the saved state.
    """

    events: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    grown_bytes: int
    held: int = 0
    not_taken: int = 0
    hold_seconds: float = 0.0
    hold_cpu_seconds: float = 0.0
    view_seconds: float = 0.0
    view_cpu_seconds: float = 0.0
    file_bytes: int = 0


class Clock:
    """Wall time, processor time and resident set between its making and `read`."""

    def __init__(self) -> None:
        self._resident = status_bytes("VmRSS")
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def read(self, events: int) -> Measured:
        """Give what was spent on so many events."""
        wall = time.perf_counter() - self._wall
        cpu = time.process_time() - self._cpu
        grown = status_bytes("VmRSS") - self._resident
        return Measured(events, wall, cpu, status_bytes("VmHWM"), grown)


def status_bytes(name: str) -> int:
    """Give a figure of this process's memory; 0 where the system does not tell.

    Not `getrusage`: its peak is inherited from the process that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name)), 0)
