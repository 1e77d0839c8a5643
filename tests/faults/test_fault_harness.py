"""The harness itself: it would notice what it is there to notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import reliability
from fault_proxy import OFFSET_COMMIT, Request
from ledger import Ledger, Verdict, compare_figures, compare_places, shown, utc_now
from soak import slope
from timeline import Seen, _falls, _longest
from traffic import Traffic

PLACE = ("events", 1, 7)


def filled(count: int = 400) -> Ledger:
    """A ledger of so many messages, each acknowledged."""
    ledger, traffic = Ledger(), Traffic(seed=5)
    for offset in range(count):
        ledger.take(traffic.next(), ("events", 0, offset))
    return ledger


def test_equal_figures_are_right() -> None:
    """The oracle agrees with itself, and repeats change nothing."""
    ledger, now = filled(), utc_now()
    before = ledger.expected(now)
    for message in list(ledger.messages):
        ledger.take(message, ("events", 1, ledger.offered))

    assert before
    assert compare_figures(before, ledger.expected(now)).is_right


@pytest.mark.parametrize(("change", "lost", "twice"), [(-1, 1, 0), (2, 0, 2)])
def test_a_missing_episode_is_lost_and_one_too_many_counted_twice(change: int, lost: int, twice: int) -> None:
    """By the denominators that count one for each episode, of organisations, in windows apart."""
    want = filled().expected(utc_now())
    key = next(one for one in want if one[0].endswith("over_45m_denominator") and one[2] == "28d")
    org = next(one[1] for one in want if one[0] == key[0] and one[1] != "england")
    got = {**want, (key[0], org, "28d", ""): want[key[0], org, "28d", ""] + change}

    verdict = compare_figures(want, got)

    assert (lost, twice) == (verdict.lost, verdict.double_counted)
    assert not verdict.is_right


def test_dead_letters_are_compared_by_place() -> None:
    """Missing is lost, repeated is told and allowed, and one that nobody sent is counted twice."""
    verdict = Verdict()
    other, third = ("events", 1, 8), ("events", 1, 9)

    compare_places(
        "dead letter",
        {PLACE: b"bad", other: b"worse"},
        [(PLACE, b"bad")] * 2 + [(third, b"?")],
        {b"bad"},
        verdict,
    )

    assert (1, 1, 1) == (verdict.lost, verdict.double_counted, verdict.repeated_outputs)


def test_a_dead_letter_of_an_unacknowledged_repeat_is_right() -> None:
    """The broker took it, the acknowledgement was lost, and the publisher sent it again."""
    verdict = Verdict()
    compare_places("dead letter", {}, [(PLACE, b"bad")], {b"bad"}, verdict)
    assert verdict.is_right


def test_a_series_served_twice_is_noticed() -> None:
    """At two levels under one code, say."""
    labels = 'org="RJ1",level="{}",window="28d",stratum="",basis="operational"'
    line = f"oversight_ae_4h_all_types_numerator{{{{{labels}}}}} 1\n"
    assert 1 == len(shown(line.format("trust")))
    with pytest.raises(AssertionError, match="served twice"):
        shown(line.format("trust") + line.format("provider"))


def test_gaps_and_absences() -> None:
    """Offered at 1, 2, 3, shown at 1.5 and 9: a gap of seven seconds, and the figure was there all along.

    offered   1    2    3
    shown       1    1 ......... 3
    time      1 1.5 2.5          9
    """
    seen = [Seen(at, at, "w", value) for at, value in ((1.5, 1.0), (2.5, 1.0), (9.0, 3.0))]

    gap, absence = _longest(seen, [(1, 1), (2, 2), (3, 3)])

    assert (7.0, 6.5) == (gap, absence)


def test_a_figure_that_falls_is_noticed_unless_the_scrape_had_begun_before() -> None:
    """A slow answer may be overtaken; one asked after the higher figure was shown may not."""
    higher = Seen(1.0, 1.1, "a", 5.0)

    assert (0, 0.0) == _falls([higher, Seen(1.05, 1.2, "b", 4.0)])
    assert 1 == _falls([higher, Seen(1.15, 1.3, "b", 4.0)])[0]


def test_the_proxy_reads_a_request() -> None:
    """Api key 8 of version 2 by a client named `c1`."""
    frame = bytes.fromhex("0008 0002 00000007 0002") + b"c1" + b"rest"
    assert (OFFSET_COMMIT, "c1", frame) == (
        Request.read(frame).api_key,
        Request.read(frame).client,
        Request.read(frame).body,
    )


def test_the_slope_of_a_line() -> None:
    """Two MiB an hour."""
    assert pytest.approx(2.0) == slope([(0, 10), (1, 12), (2, 14)])


def test_parts_of_the_report_do_not_lose_each_other(tmp_path: Path) -> None:
    """Faults and soak are written one after the other, by different runs."""
    entry = dict.fromkeys(("times", "offered", "lost", "double_counted"), 1) | {
        "longest_gap_seconds": 1.0,
        "recovery_seconds": 2.0,
    }
    reliability.record_fault({"fault": "two", **entry}, ["one", "two"], tmp_path)
    soak = ("rate", "offered", "episodes", "restarts", "restart_every_seconds", "comparisons", "lost", "flat")
    soak += ("double_counted", "longest_gap_seconds", "recovery_seconds", "memory_mib_at_half")
    soak += ("memory_mib_at_end", "slope_mib_an_hour", "flat_below_mib_an_hour")
    reliability.record_soak(dict.fromkeys(soak, 1) | {"minutes": 60}, tmp_path)
    reliability.record_fault({"fault": "one", **entry}, ["one", "two"], tmp_path)
    reliability.record_fault({"fault": "one", **entry, "times": 5}, ["one", "two"], tmp_path)

    found = json.loads((tmp_path / reliability.JSON).read_text())
    assert [("one", 5), ("two", 1)] == [(one["fault"], one["times"]) for one in found["faults"]]
    assert 60 == found["soak"]["minutes"]
    assert found["rebuild"] is None


def test_the_page_is_what_was_measured() -> None:
    """Between its marks docs/reliability.md is made of docs/reliability.json; `make docs` makes both anew.

    The rebuild is the benchmark's.
    """
    text = (reliability.DOCS / reliability.PAGE).read_text("utf-8")
    assert reliability.rebuild_of() == reliability.read()["rebuild"]
    assert text == reliability.page(reliability.read(), text)
