"""`make faults`: every kind of fault as often as it takes, into docs/reliability.json and its page."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import reliability
from kinds import KINDS
from runner import run_kind
from world import Broker, running_broker


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", help="kinds whose names contain one of these, with commas between"
    )
    parser.add_argument("--times", type=float, default=1.0, help="of the usual number, e.g. 0.1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=60, help="messages a second")
    parser.add_argument("--directory", type=Path, help="for logs; kept")
    parser.add_argument("--docs", type=Path, default=reliability.DOCS)
    parser.add_argument("--dry", action="store_true", help="write nothing into docs/")
    given = parser.parse_args()
    directory = given.directory or Path(tempfile.mkdtemp(prefix="oversight-faults-"))
    with ExitStack() as running:
        brokers: dict[int, Broker] = {}
        for number, kind in enumerate(sorted(KINDS, key=lambda one: one.nodes)):
            if not any(part in kind.name for part in given.only.split(",")):
                continue
            if kind.nodes not in brokers:
                running.close()
                brokers = {
                    kind.nodes: running.enter_context(
                        running_broker(directory / f"kafka-{kind.nodes}", nodes=kind.nodes)
                    )
                }
            times = max(1, round(kind.full * given.times))
            reliability.say(f"{kind.name}: {times}")
            began = time.monotonic()
            result = run_kind(
                kind,
                brokers[kind.nodes],
                directory / f"kind-{number}",
                times=times,
                seed=given.seed,
                rate=given.rate,
                say=reliability.say,
            )
            if not given.dry:
                entry = {**result.as_json(), "where": reliability.machine(), "seed": given.seed}
                reliability.record_fault(entry, [one.name for one in KINDS], given.docs)
            reliability.say(f"  {result}\n  {time.monotonic() - began:.0f} s")
    if not given.dry:
        faults = reliability.read(given.docs)["faults"]
        reliability.plot_faults(faults, given.docs / reliability.PLOT)


if __name__ == "__main__":
    main()
