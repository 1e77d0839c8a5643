"""Two workers of one group: one serves each indicator, and the other takes over."""

from __future__ import annotations

import threading
from pathlib import Path

from messages import SAMPLE, SAMPLE_NUMERATOR, attendance
from service import Service, eventually

from streams.local import ApacheKafka

NUMERATOR = {
    "name": "oversight_ae_4h_all_types_numerator",
    "window": "month",
    "stratum": "",
    "basis": "official",
}


def test_each_series_is_served_by_one_and_the_other_takes_over(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Never two at once, not even during the change; afterwards the same figures."""
    first = Service(kafka.bootstrap, tmp_path)
    second = Service(kafka.bootstrap, tmp_path, name=first.name)
    events = [attendance(n, org=f"RX{n}") for n in range(10)]
    with first:
        assert 0 == first.publish([*SAMPLE, *events]).returncode
        first.wait_value(SAMPLE_NUMERATOR, org="england", **NUMERATOR)
        with second:
            both = (first, second)
            eventually(lambda: all(_partitions(one) == 4 for one in both), saying=lambda: second.log)
            (serving,) = eventually(lambda: _one_serves(both))
            standby = second if serving is first else first
            before = serving.wait_value(SAMPLE_NUMERATOR, org="england", **NUMERATOR).indicators
            assert before
            assert {} == standby.metrics().indicators
            eventually(lambda: all(one.readyz() == (200, []) for one in both))

            overlaps: list[str] = []
            watching = threading.Event()
            watch = threading.Thread(target=_watch, args=(serving, standby, watching, overlaps))
            watch.start()
            code = serving.stop()
            after = standby.wait_value(SAMPLE_NUMERATOR, org="england", **NUMERATOR)
            standby.wait_for(lambda one: len(one.select("oversight_lag_records")) == 8)
            watching.set()
            watch.join()

            assert 0 == code
            assert [] == overlaps
            assert before == standby.wait_ticks(3).indicators
            assert 1 == after.get("oversight_serving")
            assert 0 == standby.stop()


def _partitions(one: Service) -> int:
    return len(one.metrics().select("oversight_lag_records"))


def _one_serves(both: tuple[Service, Service]) -> list[Service] | None:
    found = [one for one in both if one.metrics().indicators]
    return found if len(found) == 1 else None


def _watch(leaving: Service, coming: Service, until: threading.Event, overlaps: list[str]) -> None:
    """Note every moment in which both show indicators: asked one after the other and the first again."""
    while not until.is_set():
        if leaving.metrics().indicators and coming.metrics().indicators and leaving.metrics().indicators:
            overlaps.append("both serve")
