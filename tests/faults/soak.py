"""`make soak`: an hour at a steady rate, a worker restarted every five minutes, memory sampled throughout."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import reliability
from ledger import Verdict
from service import Service
from world import World, running_broker

_SAMPLE_SECONDS = 10.0
_MEBIBYTE = 1 << 20
FLAT_BELOW = 5.0
"""MiB an hour, over the second half, that still count as flat."""


@dataclass
class Soak:
    """What an hour gave, so far."""

    began: float
    samples: list[dict[str, float]] = field(default_factory=list)
    restarts: int = 0
    comparisons: int = 0
    lost: int = 0
    double_counted: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def minute(self) -> float:
        """Minutes since the beginning."""
        return (time.monotonic() - self.began) / 60

    def take(self, verdict: Verdict) -> None:
        """Note a comparison."""
        self.comparisons += 1
        self.lost = max(self.lost, verdict.lost)
        self.double_counted = max(self.double_counted, verdict.double_counted)
        self.wrong += [f"minute {self.minute:.0f}: {one}" for one in verdict.wrong[:5]]


def resident_mib(service: Service) -> float | None:
    """Give the resident memory of a worker, MiB; None while it does not run."""
    pid = service.process.pid
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return round(pages * 4096 / _MEBIBYTE, 2)


def slope(points: list[tuple[float, float]]) -> float:
    """Give the slope of the line fitted to points (least squares)."""
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def run(directory: Path, *, minutes: float, rate: float, episodes: int, every: float) -> dict[str, Any]:
    """Run it, and give what the report keeps."""
    with (
        running_broker(directory / "kafka") as broker,
        World(broker, directory, workers=2, rate=rate, seed=7, pool=episodes, preload=2 * episodes) as world,
    ):
        stays, restarted = world.services
        soak = Soak(time.monotonic())
        world.publisher.resume()
        due, sample_due = time.monotonic() + every, 0.0
        while soak.minute < minutes:
            time.sleep(0.5)
            if time.monotonic() >= sample_due:
                sample_due = time.monotonic() + _SAMPLE_SECONDS
                sample = {"stays": resident_mib(stays), "restarted": resident_mib(restarted)}
                soak.samples.append(
                    {
                        "minute": round(soak.minute, 2),
                        **{name: value for name, value in sample.items() if value is not None},
                    }
                )
            if time.monotonic() >= due:
                due += every
                _restart(world, soak, restarted)
                reliability.say(
                    f"minute {soak.minute:.1f}: {world.publisher.ledger.offered} offered, "
                    f"{soak.restarts} restarts, {soak.samples[-1]}, wrong: {soak.wrong[-2:]}",
                )
        soak.take(world.verdict())
        seen = world.timeline.summary(soak.began)
        recoveries = world.recoveries()
        half = [one for one in soak.samples if one["minute"] >= minutes / 2]
        growth = slope([(one["minute"] / 60, one["stays"]) for one in half])
        return {
            "minutes": round(soak.minute, 1),
            "rate": rate,
            "episodes": episodes,
            "offered": world.publisher.ledger.offered,
            "restarts": soak.restarts,
            "restart_every_seconds": every,
            "comparisons": soak.comparisons,
            "lost": soak.lost,
            "double_counted": soak.double_counted,
            "longest_gap_seconds": round(seen.longest_gap, 1),
            "longest_absence_seconds": round(seen.longest_absence, 1),
            "recovery_seconds": round(max(recoveries), 1) if recoveries else None,
            "figures_went_back": seen.went_back,
            "memory_mib_at_half": half[0]["stays"],
            "memory_mib_at_end": half[-1]["stays"],
            "slope_mib_an_hour": round(growth, 2),
            "flat_below_mib_an_hour": FLAT_BELOW,
            "flat": growth < FLAT_BELOW,
            "wrong": soak.wrong,
            "where": reliability.machine(),
            "samples": soak.samples,
        }


def _restart(world: World, soak: Soak, one: Service) -> None:
    """Restart a worker while traffic goes on, wait until all is shown, then compare."""
    world.begin()
    if soak.restarts % 2:
        one.kill()
    else:
        one.process.terminate()
        one.process.wait_ended(grace_seconds=30)
    one.process.start()
    world.removed()
    soak.restarts += 1
    try:
        world.wait_shown()
        world.wait_ready(one)
        soak.take(world.verdict())
    except AssertionError as error:
        soak.wrong.append(f"minute {soak.minute:.0f}: {error}"[:500])
        world.ensure_running()
    world.publisher.resume()


def main() -> None:
    """Run what the arguments ask for, and write it into docs/reliability.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=62)
    parser.add_argument("--rate", type=float, default=40, help="messages a second")
    parser.add_argument("--episodes", type=int, default=5_000)
    parser.add_argument("--every", type=float, default=300, help="seconds between two restarts")
    parser.add_argument("--docs", type=Path, default=reliability.DOCS)
    parser.add_argument("--directory", type=Path, help="for logs; kept")
    given = parser.parse_args()
    directory = given.directory or Path(tempfile.mkdtemp(prefix="oversight-soak-"))
    found = run(directory, minutes=given.minutes, rate=given.rate, episodes=given.episodes, every=given.every)
    reliability.record_soak(found, given.docs)
    reliability.plot_soak(found, given.docs / reliability.SOAK_PLOT)
    reliability.say({name: value for name, value in found.items() if name != "samples"})


if __name__ == "__main__":
    main()
