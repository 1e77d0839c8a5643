"""Figures as published in the engine: value and peers, each with whether it is there."""

from __future__ import annotations

from typing import Any

from making import facts, report, run

NOF: dict[str, Any] = {
    "measure": "nof_of0023",
    "start": "2026-01-01",
    "end": "2026-04-01",
    "source": "/ods/X24/nof",
    "publication": "nof",
    "org": "RJ1",
}


def test_a_value_and_its_peers_are_facts() -> None:
    """62.31 with a median of 61 and rank 58; there were no quartiles."""
    of, out = run(report(**NOF, numerator="62.31", peers={"median": 61, "rank": 58}))
    (found,) = facts(of, "published:nof_of0023").values()

    assert not out.refused
    assert {
        "reports": 1,
        "with_numerator": 1,
        "numerator_e6": 62_310_000,
        "with_median": 1,
        "median_e6": 61_000_000,
        "with_rank": 1,
        "rank_e6": 58_000_000,
    } == found


def test_a_suppressed_value_leaves_its_peers() -> None:
    """No value is not nought."""
    of, _ = run(report(**NOF, numerator=None, peers={"median": 0}))
    (found,) = facts(of, "published:nof_of0023").values()

    assert {"reports": 1, "with_median": 1} == found


def test_a_later_publication_replaces_value_and_peers() -> None:
    """Whole: a rank that is no longer published is gone."""
    of, _ = run(
        report(**NOF, numerator=62, peers={"rank": 58}),
        report(**NOF | {"version": 2}, numerator=63, peers={}),
    )
    (found,) = facts(of, "published:nof_of0023").values()

    assert {"reports": 1, "with_numerator": 1, "numerator_e6": 63_000_000} == found


def test_peers_of_another_measure_are_refused() -> None:
    """They would be lost in silence."""
    _, out = run(report(numerator=1, denominator=2, peers={"rank": 1}))

    assert ["data.peers: the catalogue does not declare the measure as published"] == [
        problem for one in out.refused for problem in one.problems
    ]
