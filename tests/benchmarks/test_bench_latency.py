"""Latency: every followed event has its wait, and one that is lost or shown too soon is noticed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from schemas.fast import decode
from streams.bench import latency
from streams.bench.latency import Latency, Rate, delays, lines, measure, percentile
from streams.bench.served import figures, total
from streams.bench.steady import Sent, attendances
from streams.errors import BenchmarkError
from streams.local import ApacheKafka

_RATE = Rate(1_000, 20, 999.0, 500, 0.5, 0.9, 1.25, 0.03, 0.005, 400_000, 0.4, 0.06)


def test_every_event_of_a_short_run_is_followed(kafka: ApacheKafka, tmp_path: Path) -> None:
    """At 200 events a second for two seconds all that the standard counts become visible."""
    found = measure(kafka.bootstrap, tmp_path, [(200, 5)], seconds=2, warm_up=0.5)

    (rate,) = found.rates
    assert 330 < rate.events <= 400
    assert 0 < rate.p50 <= rate.p99 <= rate.longest
    assert 0 < rate.answer_seconds < rate.between_answers
    assert rate.checkpoint_seconds > 0 < rate.worker_cores


def test_delays_are_from_append_to_the_answer_that_shows_it() -> None:
    """Worked by hand: the warm-up's event is left out; two become visible with one answer."""
    sent = Sent(4, 1.0, 1_000, {"R00": [900, 1_000, 1_500], "R01": [1_200]})
    grew = [(1.1, "R00", 1), (1.75, "R00", 3), (2.0, "R01", 1)]

    assert [0.75, 0.25, 0.8] == [pytest.approx(one) for one in delays(sent, grew)]


def test_a_figure_that_goes_back_is_noticed() -> None:
    """A denominator only grows within a day, or something is wrong."""
    with pytest.raises(BenchmarkError, match="R00 went back from 2 to 1"):
        list(delays(Sent(2, 1.0, 0, {"R00": [1, 2]}), [(1.0, "R00", 2), (2.0, "R00", 1)]))


def test_percentiles_are_values_that_occurred() -> None:
    """Worked by hand, nearest rank: of 200 the 198th, of one that one."""
    assert 198 == percentile(range(1, 201), 0.99)
    assert 100 == percentile(range(1, 201), 0.5)
    assert 7 == percentile([7], 0.99)


def test_the_publisher_s_attendances_are_each_of_its_own() -> None:
    """Beyond the templates keys differ, every one meets the contract and none ends in the future."""
    now = datetime.now(UTC).replace(microsecond=0)
    some = list(islice(attendances(5, now), 11_000))
    events = [decode(one.value) for one in (*some[:50], *some[-50:])]

    assert 11_000 == len({msgspec.json.decode(one.value)["data"]["attendance_key"] for one in some})
    assert all(event.data.departed_at < now and event.recordedtime <= now for event in events)
    assert [one.org for one in some[:50]] == [event.partitionkey for event in events[:50]]
    assert any(not one.counts for one in some)


def test_figures_are_read_from_the_text() -> None:
    """Of one window, without strata, sites or regions, and operational only."""
    name = "oversight_x_denominator"
    text = (
        f"# HELP {name} X.\n# TYPE {name} gauge\n"
        f'{name}{{org="R00",level="provider",window="7d",stratum="",basis="operational"}} 4\n'
        f'{name}{{org="R00",level="provider",window="28d",stratum="",basis="operational"}} 5\n'
        f'{name}{{org="R01",level="trust",window="7d",stratum="",basis="synthetic"}} 6\n'
        f'{name}{{org="R02",level="trust",window="7d",stratum="imd_quintile=1",basis="operational"}} 7\n'
        f'{name}{{org="R0201",level="site",window="7d",stratum="",basis="operational"}} 8\n'
        f'{name}{{org="england",level="england",window="7d",stratum="",basis="operational"}} 9\n'
        '# HELP y Y.\ny_count{topic="a"} 2\ny_count{topic="b"} 3.5\n'
    ).encode()

    assert {("R00", "denominator"): 4, ("england", "denominator"): 9} == figures(text, "x", "7d")
    assert 5.5 == total(text, "y_count")


def test_the_table_says_whether_the_goal_was_reached() -> None:
    """The goal is one of 1,000 events a second; a rate that was not kept up is told."""
    slow = msgspec.structs.replace(_RATE, asked=10_000, sent=8_000.0, p99=4.0)
    late = msgspec.structs.replace(_RATE, organisations=200, p99=1.5)
    said = lines(Latency([_RATE, slow, late], 60.0, 4, 1.0))

    assert "| 1,000 | 20 organisations | 500 | 0.50 | 0.90 | 1.25 | 30 | 0.40 |" in said
    assert "| 10,000 (8,000 sent) | 20 organisations | 500 | 0.50 | 4.00 | 1.25 | 30 | 0.40 |" in said
    goal = next(one for one in said if "Goal" in one)
    assert goal.endswith("reached with 20 organisations, missed with 200 organisations.")
    assert any("not measured" in one for one in lines(Latency([], 60.0, 4, 1.0)))


def test_what_is_never_shown_gives_no_figure(
    kafka: ApacheKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that stays invisible is named with its organisation."""
    monkeypatch.setattr(latency, "_VISIBLE_SECONDS", 0.0)
    monkeypatch.setattr(latency, "figures", lambda *_: {("R00", "denominator"): 1})
    with pytest.raises(BenchmarkError, match=r"R00 has sent \d+, and 1 are shown"):
        measure(kafka.bootstrap, tmp_path, [(201, 5)], seconds=0.2, warm_up=0.0)
