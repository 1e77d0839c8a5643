"""Ctrl-C, kill -9 and the same file twice: the figures stay what they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker import offsets, produce, records
from messages import SAMPLE, SAMPLE_DENOMINATOR, SAMPLE_NUMERATOR, attendance, encoded
from service import Labels, Metrics, Service

from streams.local import ApacheKafka

ATTENDANCES = [attendance(n, org=f"RX{n % 10}", minutes=100 + n % 200) for n in range(500)]
"""Fifty of each ten lie within four hours, whatever the hour: n % 200 up to 140."""
MANY = 10_000


def figures(metrics: Metrics) -> dict[str, dict[Labels, float]]:
    """Give the figures that no midnight changes: of the official month, and of the last 28 days."""
    kept = {("window", "28d"), ("basis", "official")}
    return {
        name: {labels: value for labels, value in samples.items() if kept & set(labels)}
        for name, samples in metrics.indicators.items()
    }


@pytest.fixture(scope="module")
def service(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A worker that has read the shipped month and five hundred attendances; each test leaves it running."""
    with Service(kafka.bootstrap, tmp_path_factory.mktemp("restart")) as one:
        sent = one.publish([*SAMPLE, *ATTENDANCES])
        assert 0 == sent.returncode, sent.stderr
        one.wait_consumed(len(SAMPLE) + len(ATTENDANCES))
        yield one


def test_figures_before_anything_happens(service: Service) -> None:
    """England's official month, and 355 of 500 attendances within four hours over 28 days."""
    metrics = service.metrics()

    england = {"org": "england", "stratum": ""}
    official = {**england, "window": "month", "basis": "official"}
    own = {**england, "window": "28d", "basis": "operational"}
    assert SAMPLE_NUMERATOR == metrics.get("oversight_ae_4h_all_types_numerator", **official)
    assert SAMPLE_DENOMINATOR == metrics.get("oversight_ae_4h_all_types_denominator", **official)
    within = sum(100 + n % 200 <= 240 for n in range(500))
    assert within == metrics.get("oversight_ae_4h_all_types_numerator", **own)
    assert 500 == metrics.get("oversight_ae_4h_all_types_denominator", **own)


def test_the_same_file_twice_changes_nothing(service: Service) -> None:
    """Every event of the second time is a duplicate."""
    before = service.metrics()
    duplicates = before.total("oversight_events_total", outcome="duplicate")

    sent = service.publish([*SAMPLE, *ATTENDANCES])

    assert 0 == sent.returncode, sent.stderr
    after = service.wait_for(
        lambda one: (
            one.total("oversight_events_total", outcome="duplicate")
            >= duplicates + len(SAMPLE) + len(ATTENDANCES)
        )
    )
    assert figures(before) == figures(service.wait_ticks(2))
    assert before.total("oversight_held_records") == after.total("oversight_held_records")


async def test_ctrl_c_and_a_new_start(service: Service) -> None:
    """Ends with 0, says nothing alarming, has committed to the end, and comes back with the same figures."""
    before = figures(service.metrics())

    code = service.stop()

    assert 0 == code
    for word in ("Traceback", "rror", "warning", "Unclosed"):
        assert word not in service.log.split("Ctrl-C stops")[-1]
    group = f"{service.name}-hot-path"
    found = await offsets(service.bootstrap, group, service.topic("events"), service.topic("returns"))
    assert {} == {at: pair for at, pair in found.items() if pair[0] != pair[1]}
    service.start()
    assert before == figures(service.wait_value(SAMPLE_NUMERATOR, **_england_official()))


def test_kill_9_and_a_new_start(service: Service) -> None:
    """The next process rebuilds the same figures from the log."""
    before = figures(service.metrics())

    service.kill()
    service.start()

    assert before == figures(service.wait_value(SAMPLE_NUMERATOR, **_england_official()))


async def test_kill_9_in_the_middle_of_work(service: Service) -> None:
    """Killed while it reads many attendances, bad ones among them: each counts once, no refusal is lost."""
    bad = {n: b'{"specversion": %d}' % n for n in range(0, MANY, 100)}
    lines = [bad.get(n) or encoded(attendance(1000 + n, org="RY1")) for n in range(MANY)]
    read = service.metrics().total("oversight_records_consumed_total")

    offset = (await produce(service.bootstrap, service.topic("events"), *lines, key=b"RY1"))[0]
    service.wait_for(lambda one: one.total("oversight_records_consumed_total") > read)
    service.kill()
    service.start()

    metrics = service.wait_value(
        MANY * 99 // 100, "oversight_ae_4h_all_types_denominator", org="RY1", window="28d", stratum=""
    )
    assert SAMPLE_NUMERATOR == metrics.get(**_england_official())
    service.wait_for(lambda one: one.total("oversight_lag_records") == 0)
    dead = await records(service.bootstrap, service.topic("dead-letters"))
    assert set(bad.values()) == {one.value for one in dead}
    assert all(int(dict(one.headers)["oversight_offset"]) >= offset for one in dead)


def _england_official() -> dict[str, str]:
    return {
        "name": "oversight_ae_4h_all_types_numerator",
        "org": "england",
        "window": "month",
        "stratum": "",
        "basis": "official",
    }
