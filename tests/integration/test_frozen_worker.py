"""A worker that is frozen longer than its session, and wakes: it overwrites nothing and serves nothing."""

from __future__ import annotations

import signal
import threading
from itertools import pairwise
from pathlib import Path

from broker import records
from messages import attendance
from service import Service, eventually

from schemas.outputs import decode_snapshot
from streams.assessment import Board
from streams.catalogue import Catalogue
from streams.local import ApacheKafka
from streams.organisations import Register

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
ENGLAND = {"org": "england", "window": "28d", "stratum": ""}
FIGURE = ("ae_4h_all_types", "england", "28d", {})
ORGS = [f"RX{n}" for n in range(8)]
"""Their partitions lie on both workers."""


def attendances(start: int, count: int) -> list[dict[str, object]]:
    """Give attendances of every organisation, each with a number of its own."""
    return [attendance(n, org=org) for org in ORGS for n in range(start, start + count)]


async def test_a_worker_that_wakes_from_a_freeze(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Figures only grow here, so no smaller one may follow, on /metrics and for a reader of the snapshots."""
    first = Service(kafka.bootstrap, tmp_path)
    second = Service(kafka.bootstrap, tmp_path, name=first.name)
    with first, second:
        both = (first, second)
        eventually(lambda: all(_partitions(one) == 4 for one in both), saying=lambda: second.log)
        assert 0 == first.publish(attendances(0, 5)).returncode
        serving = eventually(lambda: next((one for one in both if _england(one) == 40), None))
        other = second if serving is first else first
        shown: list[tuple[str, float]] = []
        overlaps: list[str] = []
        watched = threading.Event()
        watch = threading.Thread(target=_watch, args=(serving, other, watched, shown, overlaps))

        serving.process.signal(signal.SIGSTOP)
        try:
            eventually(lambda: _partitions(other) == 8, within=60, saying=lambda: other.log[-3000:])
            assert 0 == other.publish(attendances(5, 5)).returncode
            other.wait_value(80, DENOMINATOR, within=60, **ENGLAND)
        finally:
            watch.start()
            serving.process.signal(signal.SIGCONT)
        try:
            eventually(
                lambda: all(one.readyz() == (200, []) and _partitions(one) == 4 for one in both),
                within=90,
                saying=lambda: (serving.readyz(), other.readyz(), serving.log[-3000:]),
            )
            assert 0 == other.publish(attendances(10, 5)).returncode
            eventually(lambda: 120 in [_england(one) for one in both], within=60)
        finally:
            watched.set()
            watch.join()

    assert [] == overlaps
    assert {80, 120} <= {value for _, value in shown}
    assert [] == [(before, after) for before, after in pairwise(shown) if after[1] < before[1]]
    on = Board(Catalogue.shipped(), Register.shipped())
    figures = []
    for record in await records(kafka.bootstrap, first.topic("snapshots")):
        if on.apply(decode_snapshot(record.value)):
            figures += [
                row.denominator
                for row in on.rows()
                if (row.indicator, row.org, row.window, row.strata) == FIGURE
            ]
    assert 120 == figures[-1]
    assert sorted(figures) == figures


def _partitions(one: Service) -> int:
    return len(one.metrics().select("oversight_lag_records"))


def _england(one: Service) -> float | None:
    return one.metrics().get(DENOMINATOR, **ENGLAND)


def _watch(
    woken: Service,
    other: Service,
    until: threading.Event,
    shown: list[tuple[str, float]],
    overlaps: list[str],
) -> None:
    """Note every figure shown, and when both serve: asked one after the other and the first again."""
    while not until.is_set():
        found = [(one.name, _england(one)) for one in (woken, other, woken)]
        shown += [(name, value) for name, value in found if value is not None]
        if all(value is not None for _, value in found):
            overlaps.append(f"both serve: {found}")
