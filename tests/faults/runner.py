"""Runs kinds of faults, and says of each what was lost, what was counted twice and how long it took."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kinds import Kind
from world import Broker, World

Say = Callable[[str], None]


@dataclass
class Result:
    """What one kind of fault did.

    Attributes:
        fault: its name.
        times: how often it was injected.
        offered: messages acknowledged to the publisher meanwhile, repeats included.
        lost: episodes and outputs that ought to be there and are not, at the worst comparison.
        double_counted: those that are there once too often.
        longest_gap_seconds: the longest time without a new figure while the publisher published.
        recovery_seconds: the longest time from the end of a fault until everything acknowledged was shown.
        typical_recovery_seconds: the median of those.
        longest_absence_seconds: the longest time in which nobody served the figure.
        figures_went_back: scrapes in which a figure was less than it had been shown before.
        went_back_seconds: the longest stretch of those.
        repeated_outputs: dead letters and late records written again under the same identity.
        comparisons: how often everything was compared.
        notes: what else was counted.
        wrong: figures that differed, and errors; empty when all was right.
        skipped: why it was not run.
    """

    fault: str
    times: int = 0
    offered: int = 0
    lost: int = 0
    double_counted: int = 0
    longest_gap_seconds: float | None = None
    recovery_seconds: float | None = None
    typical_recovery_seconds: float | None = None
    longest_absence_seconds: float | None = None
    figures_went_back: int = 0
    went_back_seconds: float = 0.0
    repeated_outputs: int = 0
    comparisons: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    skipped: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as the report keeps it."""
        return asdict(self)


def run_kind(
    kind: Kind, broker: Broker, directory: Path, *, times: int, seed: int = 1, rate: float = 60, say: Say
) -> Result:
    """Inject a kind of fault so often, compare after each batch and at the end, and sum up."""
    result = Result(kind.name)
    if (lacking := kind.lacks()) is not None:
        result.skipped = f"there is no {lacking}"
        return result
    world = World(broker, directory, workers=kind.workers, rate=rate, seed=seed, preload=kind.preload)
    with world:
        time.sleep(1)
        _compare(world, result, say)
        since = time.monotonic()
        world.publisher.resume()
        time.sleep(1)
        for number in range(1, times + 1):
            try:
                kind.inject(world)
            except Exception as error:  # noqa: BLE001 - a fault that could not be borne is a result
                result.wrong.append(f"{number}: {_short(error)}")
                say(f"  {number}: {traceback.format_exc()}")
                world.ensure_running()
            if number % kind.batch == 0 or number == times:
                _compare(world, result, say, at=number)
                world.publisher.resume()
        _sum_up(world, result, since)
    return result


def _compare(world: World, result: Result, say: Say, at: int = 0) -> None:
    """Compare, starting again what has ended: a supervisor's work."""
    world.ensure_running()
    try:
        verdict = world.verdict()
    except Exception as error:  # noqa: BLE001 - as above
        result.wrong.append(f"after {at}: {_short(error)}")
        say(f"  after {at}: {traceback.format_exc()}")
        return
    result.comparisons += 1
    result.lost = max(result.lost, verdict.lost)
    result.double_counted = max(result.double_counted, verdict.double_counted)
    result.repeated_outputs = verdict.repeated_outputs
    result.wrong += [f"after {at}: {one}" for one in verdict.wrong[:10]]
    state = "right" if verdict.is_right else f"WRONG: {verdict.wrong[:5]}"
    say(f"  after {at}: {world.publisher.ledger.offered} offered, {state}")


def _sum_up(world: World, result: Result, since: float) -> None:
    seen = world.timeline.summary(since)
    recoveries = sorted(world.recoveries())
    result.times = len(world.injections)
    result.notes = world.notes
    result.offered = world.publisher.ledger.offered
    result.longest_gap_seconds = round(seen.longest_gap, 1)
    result.longest_absence_seconds = round(seen.longest_absence, 1)
    result.figures_went_back = seen.went_back
    result.went_back_seconds = round(seen.stale_seconds, 1)
    if recoveries:
        result.recovery_seconds = round(recoveries[-1], 1)
        result.typical_recovery_seconds = round(recoveries[len(recoveries) // 2], 1)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
