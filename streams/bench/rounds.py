"""Interleaved rounds: each contender in a fresh interpreter, its result checked before its time counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from streams.bench.measured import Measured, Task
from streams.bench.oracle import Expected
from streams.bench.peers import environment, jvm
from streams.bench.sums import Sums, difference
from streams.errors import BenchmarkError

_DEADLINE_SECONDS = 900
_WHOLE = frozenset({"panes", "engine", "log", "save", "snapshot"})
"""Contenders with every fact, upsert and corrections."""
_UNCHECKED = frozenset({"raw", "decode", "pydantic"})
"""Contenders without a result."""

PEERS = (*environment.PEERS, *jvm.PEERS)
"""Other stream processors; their result is one ratio by organisation and UTC day."""
FEWER = {"faust": 50_000}
"""Contenders that would take minutes over the whole topic, and how much of it they read."""

Say = Callable[[str], None]
Runs = dict[str, list[Measured]]
"""Contender to its measured rounds, in order: the n-th of two contenders ran one after the other."""


def run_rounds(
    task: Task, contenders: Sequence[str], *, want: Expected, rounds: int, warm_up: int, say: Say
) -> Runs:
    """Run all contenders round by round, every other round in reverse, and drop the warm-up.

    Args:
        task: what they have in common; contenders in `FEWER` are given less of it.
        contenders: names, in the order of the first round.
        want: the right results.
        rounds: how many count.
        warm_up: how many run before and do not.
        say: told after each run.

    Raises:
        BenchmarkError: a contender failed or gave a wrong result.
        LocalServerError: there is no Java or Maven for the contenders in Java.
    """
    runs: Runs = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        label = f"round {number - warm_up + 1} of {rounds}" if number >= warm_up else "warm-up"
        for name in contenders if number % 2 == 0 else reversed(contenders):
            events = min(task.events, FEWER.get(name, task.events))
            one = _run(msgspec.structs.replace(task, contender=name, events=events))
            if name not in _UNCHECKED:
                check(name, one, Path(task.sums), want, mixed=task.mixed)
            if number >= warm_up:
                runs[name].append(one)
            say(f"{label}: {name} {one.events / one.wall_seconds:,.0f} events/s")
    return runs


def _run(task: Task) -> Measured:
    Path(task.sums).unlink(missing_ok=True)
    command = (*_command(task.contender), msgspec.json.encode(task).decode())
    try:
        finished = subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{task.contender} did not end in {_DEADLINE_SECONDS} s") from None
    if finished.returncode != 0:
        said = "\n    ".join(finished.stderr.decode(errors="replace").splitlines()[-15:])
        raise BenchmarkError(f"{task.contender} failed (status {finished.returncode}); it said:\n    {said}")
    return msgspec.json.decode(finished.stdout, type=Measured)


def _command(contender: str) -> list[str]:
    """Give the command that starts a contender, without its task."""
    if contender in environment.PEERS:
        return environment.command(contender)
    if contender in jvm.PEERS:
        return jvm.command(contender)
    return [sys.executable, "-m", "streams.bench.contender"]


def check(name: str, measured: Measured, sums: Path, want: Expected, *, mixed: bool = False) -> None:
    """Compare a contender's result with the oracle's.

    Raises:
        BenchmarkError: naming the first difference.
    """
    if measured.not_taken:
        raise BenchmarkError(f"{name} did not take {measured.not_taken} of {measured.events} records")
    ours = name in _WHOLE or name == "one"
    if ours and not mixed and measured.held != want.episodes:
        raise BenchmarkError(f"{name} holds {measured.held} episodes, not {want.episodes}")
    if mixed:
        right = want.mix
    elif name in _WHOLE:
        right = want.cells
    else:
        right = want.ratio if ours else want.days(measured.events)
    where = difference(right, msgspec.json.decode(sums.read_bytes(), type=Sums))
    if where is not None:
        raise BenchmarkError(f"{name} gives a wrong result: {where}")
