"""What did we know: replay of the retained log shows what the page showed; explain says why it changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from messages import attendance, report
from service import Labels, Metrics, Service

from streams.local import ApacheKafka

FIRST = [
    *(
        attendance(n, org=f"RX{n % 4}", minutes=100 + n, days_ago=n % 9, imd_quintile=n % 5 + 1)
        for n in range(240)
    ),
    report(7, 9, measure="core20_recruitment"),
]
THEN = [
    *(attendance(n, org=f"RX{n % 4}", minutes=500, days_ago=n % 9, version=2) for n in range(0, 40, 4)),
    *(attendance(n, org="RX1", minutes=100, days_ago=n % 9, version=2) for n in range(40, 80, 4)),
    *(
        attendance(n, org="RX0", minutes=100, days_ago=3, version=2, retracted=True)
        for n in range(80, 120, 4)
    ),
    *(attendance(n, org="RX0", minutes=90, days_ago=2) for n in range(1000, 1012)),
    report(5, 9, measure="core20_recruitment", version=2),
]
ENDED = "oversight_ae_4h_all_types_ratio"


class Seen(NamedTuple):
    """What the page showed at a moment, and the moment."""

    at: str
    figures: dict[str, dict[Labels, float]]


def shown(service: Service) -> Seen:
    """Look at the page; a look that a quarter of an hour ended under is repeated."""
    while True:
        before = time.time()
        service.wait_ticks(3)
        figures = service.metrics().indicators
        now = time.time()
        if before // 900 == now // 900:
            return Seen(datetime.fromtimestamp(now, UTC).isoformat(), figures)


@pytest.fixture(scope="module")
def service(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A worker that has read nothing yet."""
    with Service(kafka.bootstrap, tmp_path_factory.mktemp("known")) as one:
        yield one


@pytest.fixture(scope="module")
def looks(service: Service) -> tuple[Seen, Seen]:
    """The page after the first records, and after others have corrected them."""
    found = []
    count = 0
    for records in (FIRST, THEN):
        sent = service.publish(records)
        assert 0 == sent.returncode, sent.stderr
        count += len(records)
        service.wait_consumed(count)
        found.append(shown(service))
    return found[0], found[1]


@pytest.mark.parametrize("number", [0, 1])
def test_replay_shows_what_the_page_showed_then(
    service: Service, looks: tuple[Seen, Seen], number: int
) -> None:
    """Every value, numerator and denominator of every level, window and stratum; nothing more or less."""
    look = looks[number]
    done = service.run("replay", "--at", look.at, "--known-at", look.at, "--format", "prometheus")

    assert 0 == done.returncode, done.stderr
    replayed = Metrics(done.stdout).indicators
    assert len(look.figures[ENDED]) > 100
    assert look.figures == replayed


def test_what_was_known_then_is_not_what_is_known_now(looks: tuple[Seen, Seen]) -> None:
    """The corrections changed what the page shows, so that the test above compares two things."""
    assert looks[0].figures[ENDED] != looks[1].figures[ENDED]


@pytest.mark.parametrize("org", ["RX0", "RX1", "unmapped", "england"])
def test_explain_adds_up_to_what_the_page_showed(
    service: Service, looks: tuple[Seen, Seen], org: str
) -> None:
    """From the retained log: the change between both looks, and its parts as fractions."""
    before, now = looks
    done = service.run(
        "explain", "ae_4h_all_types", org, "--since", before.at, "--until", now.at, "--window", "28d",
        "--format", "json",
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    one: dict[str, Any] = json.loads(done.stdout)

    labels = {("org", org), ("level", one["level"]), ("window", "28d"), ("stratum", "")}
    for look, side in ((before, one["older"]), (now, one["newer"])):
        (value,) = [value for key, value in look.figures[ENDED].items() if labels <= set(key)]
        assert value == side["value"]
    parts = [Fraction(part["value_exact"]) for part in one["parts"]]
    assert Fraction(one["change_exact"]) == sum(parts)
    assert any(parts)
