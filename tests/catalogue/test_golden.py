"""Every indicator of the catalogue on examples worked by hand, and rules that its traps ask for."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from golden import GOLDEN, Golden, found, shipped

from streams.catalogue import Catalogue
from streams.catalogue.thresholds import Bounds, Limits
from streams.commands.documents import DIRECTORY

ROOT = Path(__file__).parents[2]

CATALOGUE = {
    1: (
        "theatre_capped_utilisation",
        "theatre_capped_utilisation_sum",
        "theatre_capped_utilisation_duration",
    ),
    2: ("theatre_uncapped_utilisation", "theatre_uncapped_utilisation_union"),
    3: ("theatre_late_start_mean_all", "theatre_early_finish_mean_all", "theatre_overrun_mean_all"),
    4: ("theatre_intercase_downtime_mean",),
    5: ("theatre_cases_per_session", "theatre_cases_per_four_hours"),
    6: ("theatre_on_day_cancellation", "theatre_on_day_cancellation_all_reasons"),
    7: ("theatre_session_take_up",),
    8: ("drd_delayed", "drd_completeness"),
    9: ("drd_mean_delay", "drd_mean_delay_delayed_only", "drd_delay_p90", "drd_delay_p95"),
    10: ("drd_bed_days_lost",),
    11: ("nctr_bed_share",),
    12: ("discharged_before_17",),
    13: ("weekend_discharge_ratio",),
    14: ("los_21plus_patients",),
    15: ("ga_bed_occupancy",),
    16: ("escalation_bed_share",),
    17: ("ae_4h_all_types", "ae_4h_type1"),
    18: ("ae_12h_from_arrival",),
    19: ("ae_dta_12h",),
    20: ("amb_handover_over_45m", "amb_handover_mean", "amb_handover_p90", "amb_handover_p95"),
    21: ("amb_cat2_mean",),
    22: ("ucr_2h",),
    24: ("rtt_18w",),
    25: ("rtt_52w",),
    26: ("dm01_6w_breach",),
    27: ("cancer_62d",),
    28: ("op_dna",),
    29: ("rtt_18w_imd_gap",),
    30: ("ae_12h_imd_gap",),
    31: ("hypertension_control",),
    32: ("acsc_admissions_rate",),
    33: ("agency_spend",),
    34: ("finance_ytd_variance",),
    35: ("core20_recruitment",),
    36: ("social_value_weighting",),
}
"""The domain's 36 indicators with their twins; 23, OPEL, comes with its engine."""


@pytest.mark.parametrize("one", GOLDEN, ids=lambda one: f"{one.indicator}-{one.org}-{one.window}-{one.basis}")
def test_by_hand(one: Golden) -> None:
    """Numerator, denominator and value are those worked by hand from the events."""
    row = found(shipped(), one)
    assert (*one.parts, pytest.approx(one.value, rel=1e-12)) == (row.numerator, row.denominator, row.value)


@pytest.mark.parametrize("number", range(1, 37))
def test_every_number_of_the_catalogue_is_declared_and_worked(number: int) -> None:
    """Each of the 36 has its declaration and an example; 23 says on the page why it has not."""
    if number == 23:
        assert "`opel_acute_score` and `opel_level` (23)" in (DIRECTORY / "indicators.md").read_text("utf-8")
        return
    wanted = set(CATALOGUE[number])
    assert wanted == wanted & Catalogue.shipped().indicators.keys() & {one.indicator for one in GOLDEN}


@pytest.mark.parametrize("one", GOLDEN, ids=lambda one: one.indicator)
def test_direction_by_hand(one: Golden) -> None:
    """One sign error makes a whole board wrong: the direction is written down twice."""
    assert one.direction == Catalogue.shipped().indicators[one.indicator].direction


def test_a_sum_without_one_hospitals_count_is_partial() -> None:
    """RJZ's census leaves the long stays out: RJ1's 88 are not the whole of the ICB, and that shows."""
    long_stays = [one for one in GOLDEN if one.indicator == "los_21plus_patients"]
    assert [("RJ1", False), ("QKK", True)] == [
        (one.org, "partial" in found(shipped(), one).flags) for one in long_stays
    ]


def test_responses_stay_with_the_ambulance_service() -> None:
    """A service covers many ICBs: none of them, nor a region, has its figure; England has the sum."""
    rows = [row for row in shipped() if row.indicator == "amb_cat2_mean"]
    assert {("trust", "RYA"), ("england", "england")} == {(row.level, row.org) for row in rows}


def test_opening_escalation_beds_shows_beside_occupancy() -> None:
    """Of 600 core beds 98 % would be occupied; of 620 open it is 95 %, and escalation says why."""
    open_beds = [
        row.denominator
        for row in shipped()
        if (row.indicator, row.org, row.window) == ("ga_bed_occupancy", "RJ1", "day")
    ]
    share = [
        row.numerator
        for row in shipped()
        if (row.indicator, row.org, row.window) == ("escalation_bed_share", "RJ1", "day")
    ]
    assert ([620], [20]) == (open_beds, share)


def test_utilisation_never_stands_alone() -> None:
    """Where capped utilisation is shown, take-up and cases a session are: lists can be cut to raise it."""
    of = Catalogue.shipped().indicators
    beside = of["theatre_session_take_up"], of["theatre_cases_per_session"]
    one = of["theatre_capped_utilisation"]
    assert [(one.windows, one.levels)] * 2 == [(other.windows, other.levels) for other in beside]


def test_capped_utilisation_is_not_judged_before_its_series_breaks() -> None:
    """The 85 % of 2024 holds for the method in use from 26 August 2024, and for no uncapped figure."""
    shipped_catalogue = Catalogue.shipped()
    days = date(2024, 8, 25), date(2024, 8, 26)
    of = "theatre_capped_utilisation", "month", "trust", "RJ1"
    held_to = [shipped_catalogue.standing(*of, day) for day in days]
    assert ["no_threshold", Limits(Bounds(low=0.85))] == held_to


# --- the list of traps -------------------------------------------------------------------------------------


def test_every_trap_is_listed_with_a_test_that_exists_or_a_reason() -> None:
    """All thirty of the domain, in order; a test that is renamed or removed is missed here."""
    traps = tomllib.loads((DIRECTORY / "traps.toml").read_text("utf-8"))["trap"]
    assert list(range(1, 31)) == [one["number"] for one in traps]
    for one in traps:
        assert one.get("tests") or one.get("reason"), one
        for named in one.get("tests", ()):
            file, _, name = named.partition("::")
            text = (ROOT / file).read_text("utf-8")
            assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), named
