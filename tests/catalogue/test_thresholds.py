"""Thresholds: who is held to what, when, and what is said ahead of an end.

2025            2026                                2027
──A───────────M────┼──────────────────── … ──────────M───
              ├78 %┤        nothing judges           ├82 %…      by = "2026-03", by = "2027-03"
"""

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.catalogue import Catalogue, Threshold
from streams.catalogue.thresholds import Bounds, Limits, Thresholds, held_to

DAY = timedelta(days=1)


def threshold(**fields: Any) -> Threshold:
    given_fields: dict[str, Any] = {
        "indicator": "x",
        "kind": "standard",
        "breach": 0.8,
        "windows": ["month"],
        "levels": ["trust"],
        "evidence": "V",
        "source": "here",
    }
    if fields.get("kind", "standard") in ("standard", "local"):
        given_fields["valid_from"] = date(2025, 4, 1)
    if fields.get("kind") == "trajectory":
        del given_fields["breach"]
    return Threshold.model_validate(given_fields | fields)


def judged(value: float, direction: Any = "higher", **fields: Any) -> str:
    (span,) = threshold(**fields).spans(direction)
    return span.holds.judge(value)


@pytest.mark.parametrize(
    ("status", "day"),
    [
        ("expired", date(2025, 9, 1)),
        ("expired", date(2026, 2, 28)),
        (0.78, date(2026, 3, 1)),
        (0.78, date(2026, 3, 31)),
        ("expired", date(2026, 4, 1)),
        ("expired", date(2027, 2, 1)),
        (0.82, date(2027, 3, 1)),
    ],
)
def test_a_milestone_judges_from_its_month_on(status: str | float, day: date) -> None:
    """78 % by March 2026 judges March 2026, and not the eleven months before it."""
    held = Catalogue.shipped().standing("ae_4h_all_types", "month", "trust", "RJ1", day)
    assert status == (held if isinstance(held, str) else held.breach.low)


def test_a_milestone_judges_the_way_there_if_it_says_so() -> None:
    """A valid_from of its own goes before the month."""
    one = threshold(kind="milestone", by="2026-03", valid_from=date(2025, 4, 1))
    assert (date(2025, 4, 1), None) == (one.valid_from, one.valid_to)


def test_each_month_of_a_trajectory_is_judged_by_its_own_value() -> None:
    """April 61 %, May 63 %, and nothing in June, which the plan leaves out."""
    one = threshold(kind="trajectory", org="RJ1", months={"2026-05": 0.63, "2026-04": 0.61, "2026-07": 0.66})
    of = Thresholds([one], {"x": "higher"})
    found = [of.standing("x", "month", "trust", "RJ1", date(2026, month, 1)) for month in range(3, 9)]
    assert ["no_threshold", 0.61, 0.63, "expired", 0.66, "expired"] == [
        one if isinstance(one, str) else one.breach.low for one in found
    ]


def test_an_organisations_own_goes_before_that_of_its_level() -> None:
    """The trajectory of RJ1 judges RJ1 in its months; everybody else, and RJ1 later, the standard."""
    own = threshold(kind="trajectory", org="RJ1", months={"2026-04": 0.61})
    of = Thresholds([threshold(), own], {"x": "higher"})
    assert [] == of.mistakes
    found = [
        of.standing("x", "month", "trust", org, date(2026, month, 1))
        for org, month in (("RJ1", 4), ("RJ1", 5), ("RJ2", 4))
    ]
    assert [0.61, 0.8, 0.8] == [one.breach.low for one in found if isinstance(one, Limits)]


@pytest.mark.parametrize(
    ("status", "value"),
    [("breach", 0.79), ("near", 0.80), ("near", 0.84), ("ok", 0.85), ("ok", 1.0)],
)
def test_near_lies_between_warn_and_breach(status: str, value: float) -> None:
    """Higher is better: below 80 % misses, from there to 85 % it is near; the values themselves are good."""
    assert status == judged(value, breach=0.80, warn=0.85)


@pytest.mark.parametrize(
    ("status", "value"),
    [("ok", 9), ("ok", 10), ("near", 11), ("near", 12), ("breach", 13)],
)
def test_where_lower_is_better_it_is_the_other_way_round(status: str, value: float) -> None:
    """Up to 10 is good, up to 12 near."""
    assert status == judged(value, "lower", breach=12, warn=10)


@pytest.mark.parametrize(
    ("status", "value"),
    [("breach", 0.84), ("near", 0.85), ("ok", 0.90), ("ok", 0.95), ("near", 1.0), ("breach", 1.01)],
)
def test_two_sides_can_both_be_bad(status: str, value: float) -> None:
    """Utilisation of 85 to 100 %, near below 90 and above 95."""
    sides = {"breach": {"low": 0.85, "high": 1.0}, "warn": {"low": 0.90, "high": 0.95}}
    assert status == judged(value, "none", **sides)


def test_a_gap_is_bad_on_both_sides_of_zero() -> None:
    """Five points either way."""
    assert ["breach", "ok", "breach"] == [
        judged(value, "towards_zero", breach=0.05) for value in (-0.06, 0.05, 0.06)
    ]


@pytest.mark.parametrize(
    ("shown", "value"), [(0.85, 0.5), (0.85, 0.9), (1.0, 0.95), (1.0, 2.0), (0.85, None)]
)
def test_of_two_bounds_the_nearer_is_shown(shown: float, value: float | None) -> None:
    """A row has one threshold beside its value."""
    assert shown == Limits(Bounds(0.85, 1.0)).shown(value)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("a month is written", {"kind": "milestone", "by": "March 2026"}),
        ("a month is written", {"kind": "milestone", "by": date(2026, 3, 31)}),
        ("a milestone, and nothing else, says by", {"kind": "milestone"}),
        ("a milestone, and nothing else, says by", {"by": "2026-03"}),
        (
            "has no other dates",
            {"kind": "trajectory", "org": "RJ1", "months": {}, "valid_to": date(2026, 1, 1)},
        ),
        ("has [threshold.months]", {"kind": "trajectory", "org": "RJ1"}),
        ("the plan of one organisation", {"kind": "trajectory", "months": {"2026-04": 1.0}}),
        (
            "neither warn nor clear",
            {"kind": "trajectory", "org": "RJ1", "months": {"2026-04": 1.0}, "warn": 1},
        ),
        (
            "does not judge a window of quarter",
            {"kind": "trajectory", "org": "RJ1", "months": {"2026-04": 1}, "windows": ["quarter"]},
        ),
        ("is needed, the value beyond which", {"breach": None}),
        ("low 2 is not below high 1", {"breach": {"low": 2, "high": 1}}),
        ("needs low, high or both", {"breach": {}}),
        ("valid number", {"breach": "0.8"}),
        ("valid number", {"breach": True}),
        ("finite number", {"breach": float("nan")}),
        ("is not after valid_from", {"valid_to": date(2025, 4, 1)}),
        ("'V' or 'S'", {"evidence": "X"}),
        ("'V' or 'S'", {"evidence": "U"}),
        ("at least 1 item", {"windows": []}),
    ],
)
def test_what_a_threshold_may_not_say(said: str, fields: dict[str, Any]) -> None:
    """Each mistake has its own sentence."""
    with pytest.raises(ValidationError) as error:
        threshold(**fields)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("said", "direction", "fields"),
    [
        ("warn lies on the bad side", "higher", {"warn": 0.7}),
        ("warn lies on the bad side", "lower", {"warn": 0.9}),
        ("clear lies on the bad side", "higher", {"clear": 0.79}),
        ("has a side that breach has not", "higher", {"warn": {"high": 0.9}}),
        ("has no direction", "none", {}),
        ("above 0", "towards_zero", {"breach": -0.1}),
    ],
)
def test_values_must_go_with_the_direction(said: str, direction: Any, fields: dict[str, Any]) -> None:
    """What is near or mended is better than what is a breach."""
    (told,) = Thresholds([threshold(**fields)], {"x": direction}).mistakes
    assert said in told


def test_clear_is_carried() -> None:
    """Where a breach ends is part of the limits, for whoever has a memory of one."""
    (span,) = threshold(clear=0.85).spans("higher")
    assert Bounds(low=0.85) == span.holds.clear


def test_two_at_one_time_and_place_are_refused() -> None:
    """The second begins on the last day of the first."""
    one = threshold(valid_to=date(2026, 4, 2))
    other = threshold(valid_from=date(2026, 4, 1))
    (told,) = Thresholds([one, other], {"x": "higher"}).mistakes
    assert "two thresholds judge x at one time: this from 2026-04-01 and one from 2025-04-01" in told
    apart = [
        threshold(valid_to=date(2026, 4, 1)),
        other,
        threshold(levels=["icb"]),
        threshold(windows=["week"]),
    ]
    assert [] == Thresholds(apart, {"x": "higher"}).mistakes


def warnings(today: date, *thresholds: Threshold) -> list[str]:
    told = Thresholds(thresholds, {"x": "higher"}).warnings(today)
    return [one.removeprefix("declared in code:1: ") for one in told]


ENDING = threshold(valid_to=date(2026, 6, 1))


@pytest.mark.parametrize(
    ("said", "today"),
    [
        ([], date(2026, 4, 1)),
        (["x: ends on 2026-06-01, in 60 days, and nothing is declared after it"], date(2026, 4, 2)),
        (["x: ends on 2026-06-01, in 1 days, and nothing is declared after it"], date(2026, 5, 31)),
        (["x: expired on 2026-06-01: it judges no more"], date(2026, 6, 1)),
        (["x: expired on 2026-06-01: it judges no more"], date(2030, 1, 1)),
    ],
)
def test_an_end_is_told_sixty_days_ahead(said: list[str], today: date) -> None:
    """61 days before it nothing is said; on the day itself it has expired."""
    assert said == warnings(today, ENDING)


def test_one_that_is_followed_at_once_is_not_spoken_of() -> None:
    """Nothing lapses."""
    assert [] == warnings(date(2026, 5, 1), ENDING, threshold(valid_from=date(2026, 6, 1)))


def test_a_gap_is_told_until_it_has_passed() -> None:
    """What nothing judges, at which levels, and from when until when."""
    after = threshold(valid_from=date(2026, 9, 1), levels=["trust", "icb"])
    before = threshold(valid_to=date(2026, 6, 1), levels=["icb", "trust"])
    told = "x: nothing judges it from 2026-06-01 until 2026-09-01 at icb, trust"
    assert [[told], [told], []] == [
        warnings(day, before, after) for day in (date(2025, 5, 1), date(2026, 8, 31), date(2026, 9, 1))
    ]


_DAYS = st.integers(0, 400).map(lambda days: date(2026, 1, 1) + days * DAY)


@st.composite
def _dated(draw: st.DrawFn) -> Threshold:
    start = draw(_DAYS)
    return threshold(
        breach=draw(st.floats(0, 1)),
        valid_from=start,
        valid_to=draw(st.none() | st.integers(1, 200).map(lambda days: start + days * DAY)),
        windows=draw(st.lists(st.sampled_from(["week", "month"]), min_size=1, unique=True)),
        levels=draw(st.lists(st.sampled_from(["trust", "icb"]), min_size=1, unique=True)),
        org=draw(st.sampled_from([None, None, "RJ1"])),
    )


@given(st.lists(_dated(), max_size=5), _DAYS)
def test_found_as_if_all_were_looked_at(declared: list[Threshold], day: date) -> None:
    """Refused exactly when two overlap; else each place has its own, its level's, or none."""
    of = Thresholds(declared, {"x": "higher"})

    def ends(one: Threshold) -> date:
        return one.valid_to or date.max

    clash = any(
        one.org == other.org
        and set(one.windows) & set(other.windows)
        and set(one.levels) & set(other.levels)
        and one.valid_from < ends(other)
        and other.valid_from < ends(one)
        for number, one in enumerate(declared)
        for other in declared[:number]
    )
    assert clash == bool(of.mistakes)
    if clash:
        return
    for window, level, org in product(("week", "month"), ("trust", "icb"), ("RJ1", "RJ2")):
        here = [
            one
            for one in declared
            if window in one.windows and level in one.levels and one.org in (None, org)
        ]
        judging = sorted(
            (one for one in here if one.valid_from <= day < ends(one)), key=lambda one: one.org is None
        )
        held = of.standing("x", window, level, org, day)
        if judging:
            assert isinstance(held, Limits)
            assert judging[0].breach == held.breach.low
        else:
            assert held == ("expired" if any(ends(one) <= day for one in here) else "no_threshold")


def test_documentation_writes_both_sides() -> None:
    """As a person would say it."""
    one = threshold(breach={"low": 0.85, "high": 1}, warn={"low": 0.9})
    assert ("below 0.85 or above 1, near from below 0.9", "0.8") == (held_to(one), held_to(threshold()))
