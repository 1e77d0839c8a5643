"""Partitions and workers: a backlog is read by real workers, and a figure that is wrong is noticed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from streams.bench import workers
from streams.bench.served import ENGLAND
from streams.bench.workers import Case, Workers, expected, lines, measure
from streams.bench.workload import Workload, messages
from streams.errors import BenchmarkError
from streams.local import ApacheKafka

_CASE = Case(2, 1, 300_000, 13.0, 9.0, 14.0, 10.0, 4.0, 3.0, 3.0, 0.6)


def test_two_workers_read_a_backlog(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Every figure of a small backlog is right, and all is cleared away afterwards."""
    found = measure(kafka.bootstrap, tmp_path, [(2, 2)], events=2_000, organisations=8)

    (case,) = found.cases
    assert (2, 2, 2_000) == (case.partitions, case.workers, case.events)
    assert 0.5 <= case.largest_share < 1
    assert 0 < case.ready_seconds <= case.right_seconds
    assert 0 < case.cpu_seconds <= case.right_cpu_seconds


def test_what_is_wanted_is_counted_from_what_was_sent() -> None:
    """England is the sum of the organisations, and no attendance counts twice."""
    want = expected(messages(Workload("few", 500, 4, days=2), datetime(2026, 6, 15, 12, tzinfo=UTC)))

    organisations = {org for org, _ in want} - {ENGLAND}
    assert {"R00", "R01", "R02", "R03"} == organisations
    for part in ("numerator", "denominator"):
        assert want[ENGLAND, part] == sum(want[org, part] for org in organisations)
    assert want[ENGLAND, "numerator"] < want[ENGLAND, "denominator"] < 500


def test_a_figure_that_does_not_come_is_named() -> None:
    """The place, what is shown and what was sent."""
    said = workers._differs([], {("R00", "denominator"): 3})
    assert "the denominator of R00 is None, not 3" == said
    with pytest.raises(BenchmarkError, match="after 0 s the denominator of R00"):
        workers._wait([], lambda: said, 0.0)


def test_rate_and_processor_time_leave_the_start_out() -> None:
    """Worked by hand: 300,000 in 13 - 4 s, 9 - 3 s of CPU; two workers take 1.2 times 10 - 3 s in the end."""
    two = msgspec.structs.replace(_CASE, workers=2, right_cpu_seconds=14.4, empty_right_cpu_seconds=6.0)
    found = Workers([_CASE, two], 200)

    assert (20.0, 300_000 / 9) == (pytest.approx(_CASE.cpu), pytest.approx(_CASE.rate))
    assert 1.2 == pytest.approx(found.ratio(2))
    assert None is found.ratio(4)
    said = lines(found)
    assert "| 2 | 1 | 13.0 | 4.0 | 33,333 | 20.0 | 23.3 |" in said
    assert any("1.20 times" in one and "1.1, missed" in one for one in said)
