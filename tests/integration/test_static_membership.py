"""Workers with names of their own: one that comes back in time disturbs nobody."""

from __future__ import annotations

from pathlib import Path

from messages import attendance
from service import Service, eventually

from streams.local import ApacheKafka

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
ORGS = [f"RX{n}" for n in range(8)]
"""Their partitions lie on both workers."""


def partitions(one: Service) -> set[object]:
    """Give the partitions that a worker has."""
    return set(one.metrics().select("oversight_lag_records"))


def test_a_named_worker_comes_back_to_its_partitions(kafka: ApacheKafka, tmp_path: Path) -> None:
    """After kill -9 and a new start the same partitions, and the other never gave one of its own up."""
    first = Service(kafka.bootstrap, tmp_path, instance="one", session_timeout_seconds=45)
    second = Service(kafka.bootstrap, tmp_path, name=first.name, instance="two", session_timeout_seconds=45)
    with first, second:
        both = (first, second)
        eventually(
            lambda: all(len(partitions(one)) == 4 for one in both),
            within=60,
            saying=lambda: (first.log, second.log, first.readyz(), second.readyz()),
        )
        assert 0 == first.publish([attendance(1, org=org) for org in ORGS]).returncode
        england = {"org": "england", "window": "28d", "stratum": ""}
        serving = eventually(
            lambda: next((one for one in both if one.metrics().get(DENOMINATOR, **england) == 8), None)
        )
        other = second if serving is first else first
        had, revoked = partitions(serving), other.log.count("partitions revoked")

        serving.kill()
        serving.start()
        assert 0 == serving.publish([attendance(2, org=org) for org in ORGS]).returncode
        serving.wait_value(16, DENOMINATOR, within=60, **england)

        assert had == partitions(serving)
        assert revoked == other.log.count("partitions revoked")
        assert other.metrics().get(DENOMINATOR, **england) is None
        assert (200, []) == other.readyz()
