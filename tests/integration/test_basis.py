"""Official, operational and synthetic figures stand side by side and never touch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from messages import attendance, report
from service import Metrics, Service

from streams.local import ApacheKafka

OFFICIAL = {"source": "/ods/X24/returns", "publication": "a_publication"}
EVENTS = [
    report(80, 100, measure="core20_recruitment", **OFFICIAL),
    report(70, 100, measure="core20_recruitment"),
    report(60, 100, measure="core20_recruitment", synthetic=True),
    report(50, 100, measure="core20_recruitment", synthetic=True, **OFFICIAL),
    report(900, 1000, **OFFICIAL),
    attendance(1),
    attendance(2),
    attendance(3, synthetic=True),
]


@pytest.fixture(scope="module")
def metrics(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    """What a worker shows that has read all of them."""
    directory: Path = tmp_path_factory.mktemp("basis")
    with Service(kafka.bootstrap, directory) as service:
        sent = service.publish(EVENTS)
        assert 0 == sent.returncode, sent.stderr
        yield service.wait_consumed(len(EVENTS))


def by_basis(metrics: Metrics, name: str, **labels: str) -> dict[str, float]:
    """Give one figure of each basis."""
    found = metrics.select(name, stratum="", **labels)
    return {dict(one)["basis"]: value for one, value in found.items()}


@pytest.mark.parametrize("org", ["RJ1", "england"])
def test_reports_of_one_measure_are_three_series(metrics: Metrics, org: str) -> None:
    """80 published, 70 of one's own, 60 and 50 made up, whatever the made-up one claims to be."""
    expected = {"official": 80, "operational": 70, "synthetic": 110}

    found = by_basis(metrics, "oversight_core20_recruitment_numerator", org=org, window="month")
    assert expected == found


@pytest.mark.parametrize("org", ["RJ1", "england"])
def test_events_do_not_touch_the_published_figure(metrics: Metrics, org: str) -> None:
    """Two real attendances, one made up, and the published month of the same indicator."""
    name = "oversight_ae_4h_all_types_denominator"

    assert {"operational": 2, "synthetic": 1} == by_basis(metrics, name, org=org, window="28d")
    assert 1000 == by_basis(metrics, name, org=org, window="ytd")["official"]
    assert 1000 == by_basis(metrics, name, org=org, window="month")["official"]
