"""Six official months through a real Kafka, each alone: what NHS England published comes out again.

CSV ─ load ─► publish ─► Kafka ─► worker ─► /metrics ─► Prometheus
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import PrometheusFactory
from service import Metrics, Service, eventually

from streams.local import ApacheKafka, Prometheus, free_ports

NUMERATOR, DENOMINATOR = "oversight_ae_4h_all_types_numerator", "oversight_ae_4h_all_types_denominator"
MONTH = {"window": "month", "stratum": "", "basis": "official"}
ENGLAND = {"April": (1_718_099, 2_297_421), "September": (1_733_831, 2_310_222)}
"""Attendances within four hours, and all: added up by hand from the files; the others are in `Published`."""
MONTHS = ("April", "May", "June", "July", "August", "September")


class Provider(NamedTuple):
    """One row of the file."""

    within: int
    attendances: int
    percentage: Decimal


class Shown(NamedTuple):
    """What a worker that has read one month shows, and what was published."""

    month: str
    service: Service
    metrics: Metrics
    published: dict[str, Provider]


def read(path: Path) -> dict[str, Provider]:
    """Give the file's figures by provider, read without any code of ours."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]

    def count(cell: str) -> int:
        return int(float(cell.replace(",", "").replace("-", "") or 0))

    return {
        row[0]: Provider(count(row[10]), count(row[6]), Decimal(row[15].rstrip("%").replace("-", "") or 0))
        for row in rows
        if row and row[0]
    }


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """A port for each month's worker, known before any of them starts."""
    return dict(zip(MONTHS, free_ports(len(MONTHS)), strict=True))


@pytest.fixture(scope="module")
def prometheus(prometheus_factory: PrometheusFactory, ports: dict[str, int]) -> Prometheus:
    """One Prometheus, which scrapes whichever of the workers runs."""
    scrape = {
        "job_name": "oversight",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports.values()]}],
    }
    return prometheus_factory(json.dumps({"scrape_configs": [scrape]}))


@pytest.fixture(scope="module", params=MONTHS)
def shown(
    request: pytest.FixtureRequest,
    kafka: ApacheKafka,
    shared_data: Path,
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shown]:
    """A worker that has read one month and nothing else."""
    month = request.param
    path = shared_data / "ae" / f"{month}-2025-AE.csv"
    with Service(kafka.bootstrap, tmp_path_factory.mktemp(month), port=ports[month]) as service:
        loaded = service.run("load", "ae", str(path))
        assert (0, "") == (loaded.returncode, loaded.stderr)
        lines = loaded.stdout.encode().splitlines()
        sent = service.publish(lines)
        assert (0, f"{service.topic('returns')}: {len(lines)} acknowledged") == (
            sent.returncode,
            sent.stderr.strip(),
        )
        yield Shown(month, service, service.wait_consumed(len(lines)), read(path))
        assert 0 == service.stop()


def test_england_is_what_was_published(shown: Shown) -> None:
    """Attendances within four hours and all attendances, over every provider of the file."""
    expected = (
        sum(one.within for one in shown.published.values()),
        sum(one.attendances for one in shown.published.values()),
    )

    assert ENGLAND.get(shown.month, expected) == expected
    england = {"org": "england", "level": "england", **MONTH}
    assert expected == (shown.metrics.get(NUMERATOR, **england), shown.metrics.get(DENOMINATOR, **england))


def test_every_providers_percentage_is_what_was_published(shown: Shown) -> None:
    """Each at one decimal, half up; a provider without attendances has no percentage."""
    expected = {
        code: one.percentage.quantize(Decimal("0.1"), ROUND_HALF_UP)
        for code, one in shown.published.items()
        if one.attendances
    }

    def found(level: str) -> dict[str, Decimal]:
        within = shown.metrics.select(NUMERATOR, level=level, **MONTH)
        return {
            dict(labels)["org"]: (100 * Decimal(within[labels]) / Decimal(every)).quantize(
                Decimal("0.1"), ROUND_HALF_UP
            )
            for labels, every in shown.metrics.select(DENOMINATOR, level=level, **MONTH).items()
            if every
        }

    assert len(expected) > 180
    assert expected == found("trust") | found("provider")
    values = [
        *shown.metrics.select("oversight_ae_4h_all_types_ratio", level="trust", **MONTH),
        *shown.metrics.select("oversight_ae_4h_all_types_ratio", level="provider", **MONTH),
    ]
    assert len(expected) == len(values)


def test_prometheus_says_the_same(shown: Shown, prometheus: Prometheus) -> None:
    """Scraped by a real Prometheus: England, the largest provider, and ICBs with the unmapped add up."""
    here = f'instance="127.0.0.1:{shown.service.port}",window="month",stratum="",basis="official"'

    def ask(promql: str) -> float | None:
        answer = prometheus.query(promql)
        return float(answer[0]["value"][1]) if answer else None

    within = sum(one.within for one in shown.published.values())
    every = sum(one.attendances for one in shown.published.values())
    eventually(lambda: within == ask(f'{NUMERATOR}{{org="england",{here}}}'), saying=prometheus.targets)
    assert within == ask(f'{NUMERATOR}{{org="england",{here}}}')
    assert every == ask(f'{DENOMINATOR}{{org="england",{here}}}')
    assert every == ask(f'sum({DENOMINATOR}{{level="icb",{here}}})')
    assert every == ask(f'sum({DENOMINATOR}{{level="region",{here}}})')
    assert within == ask(f'sum({NUMERATOR}{{level="icb",{here}}})')
    assert 0 < (ask(f'{DENOMINATOR}{{level="icb",org="unmapped",{here}}}') or 0) < 20_000
    code, largest = max(shown.published.items(), key=lambda item: item[1].attendances)
    ratio = ask(f'oversight_ae_4h_all_types_ratio{{org="{code}",{here}}}')
    assert largest.within / largest.attendances == ratio
