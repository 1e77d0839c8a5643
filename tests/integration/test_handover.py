"""A worker dies: what it computed stays and ages, and no breach looks recovered while another takes over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from messages import attendance
from service import Labels, Metrics, Service, eventually

from streams.local import ApacheKafka

GOOD = [attendance(n, org=f"RX{n % 9}", minutes=60) for n in range(60)]
BAD = [attendance(n, org="RX9", minutes=500) for n in range(40)]
"""England: 60 of 100 within four hours, a breach; whoever leaves RX9 out sees 60 of 60."""
STATUS = {"indicator": "ae_4h_all_types", "window": "12m", "stratum": "", "basis": "operational"}
THRESHOLD = """
[[threshold]]
indicator = "ae_4h_all_types"
kind = "local"
breach = 0.78
valid_from = 2020-01-01
windows = ["12m"]
levels = ["trust", "icb", "region", "england"]
evidence = "V"
source = "test"
"""
"""No national milestone judges twelve months, and none judges all year."""
ENGLAND = {"org": "england", **STATUS}
DENOMINATOR = "oversight_ae_4h_all_types_denominator"
OK, BREACH = 0, 2


def statuses(metrics: Metrics) -> dict[Labels, float]:
    """Give the status of every organisation's four-hour figure."""
    return metrics.select("oversight_indicator_status", **STATUS)


class Scrapes:
    """What both workers said, one scrape after the other, as Prometheus would have it."""

    def __init__(self, *services: Service) -> None:
        self._services = services
        self.england: list[tuple[float | None, ...]] = []
        self.recovered: set[Labels] = set()

    @contextmanager
    def running(self, breaches: set[Labels]) -> Iterator[None]:
        """Scrape until the block ends; note every breach that is ever shown as ok."""
        ended = threading.Event()

        def scrape() -> None:
            while not ended.is_set():
                answers = [one.metrics() for one in self._services]
                self.england.append(
                    tuple(one.get("oversight_indicator_status", **ENGLAND) for one in answers)
                )
                for answer in answers:
                    found = statuses(answer)
                    self.recovered |= {one for one in breaches if found.get(one) == OK}
                time.sleep(0.02)

        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def workers(bootstrap: str, directory: Path, **settings: object) -> tuple[Service, Service]:
    """Give two workers of one group that judge by the local threshold; neither has started."""
    local = directory / "local.toml"
    local.write_text(THRESHOLD, encoding="utf-8")
    first = Service(bootstrap, directory, local=local, **settings)
    return first, Service(bootstrap, directory, name=first.name, local=local, **settings)


def serving(services: tuple[Service, ...]) -> Service | None:
    """Give the worker that shows England's judgement."""
    found = [
        one for one in services if one.metrics().get("oversight_indicator_status", **ENGLAND) is not None
    ]
    return found[0] if found else None


def settled(one: Service) -> Metrics:
    """Wait until a worker serves and holds every partition complete."""
    return one.wait_for(
        lambda found: (
            found.get("oversight_serving") == 1
            and len(found.select("oversight_rebuilding")) == 8
            and found.total("oversight_rebuilding") == 0
        ),
        within=90,
    )


def test_a_breach_stays_a_breach_while_the_owner_is_killed_and_another_takes_over(
    kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Over all scrapes of both a breach is 2 or not there, never 0; and 2 again afterwards."""
    first, second = workers(kafka.bootstrap, tmp_path)
    with first, second:
        both = (first, second)
        assert 0 == first.publish([*GOOD, *BAD]).returncode
        owner = eventually(lambda: serving(both), within=60)
        standby = second if owner is first else first
        owner.wait_value(100, DENOMINATOR, org="england", window="28d", stratum="")
        before = statuses(owner.wait_ticks(2))
        breaches = {labels for labels, status in before.items() if status == BREACH}
        assert {"england", "RX9"} <= {dict(labels)["org"] for labels in breaches}

        scrapes = Scrapes(first, second)
        with scrapes.running(breaches):
            time.sleep(0.5)
            owner.kill()
            settled(standby)
            after = statuses(standby.wait_ticks(3))

        assert set() == scrapes.recovered
        assert before == after
        shown = {status for pair in scrapes.england for status in pair}
        assert {BREACH, None} == shown
        assert not any(None not in pair for pair in scrapes.england)


def test_what_an_absent_worker_computed_stays_and_ages_until_another_computes_it(
    kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Its figures keep their values and carry `stale`, the age rises, and both end with the take-over."""
    first, second = workers(kafka.bootstrap, tmp_path, session_timeout_seconds=25)
    denominator = {"name": DENOMINATOR, "window": "28d", "stratum": ""}
    with first, second:
        both = (first, second)
        assert 0 == first.publish([*GOOD, *BAD]).returncode
        eventually(
            lambda: all(len(one.metrics().select("oversight_lag_records")) == 4 for one in both), within=90
        )
        owner = eventually(lambda: serving(both), within=60)
        owner.wait_value(100, org="england", **denominator, within=60)
        standby = second if owner is first else first
        before = owner.wait_ticks(2)
        flags = {**STATUS, "flag": "stale"}
        assert {} == before.select("oversight_indicator_flag", **flags)

        standby.kill()
        marked = owner.wait_for(
            lambda one: one.get("oversight_indicator_flag", org="england", **flags) == 1, within=40
        )
        assert before.indicators == marked.indicators
        assert 4 == sum(age > 10 for age in marked.select("oversight_partition_age_seconds").values())
        orgs = {dict(labels)["org"] for labels in marked.select("oversight_indicator_flag", **flags)}
        assert 0 < len({org for org in orgs if org.startswith("RX")}) < 10

        after = owner.wait_for(lambda one: not one.select("oversight_indicator_flag", **flags), within=90)
        assert before.indicators == after.indicators
        assert max(settled(owner).select("oversight_partition_age_seconds").values()) < 10
