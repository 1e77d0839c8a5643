"""The examples of local measures: each loads by itself, and its synthetic events give figures by hand."""

from functools import cache
from pathlib import Path

import pytest

from streams.assessment import Row
from streams.assessment.rows import Status
from streams.catalogue import Catalogue
from streams.commands.replay import as_log, read_lines, replay
from streams.exposition.renderer import render_rows
from streams.organisations import Register

EXAMPLES = Path(__file__).parents[2] / "deploy" / "local-measures"
REGISTER = Register.shipped()


@cache
def replayed(name: str) -> tuple[Catalogue, list[Row]]:
    catalogue = Catalogue.with_local(EXAMPLES / f"{name}.toml")
    records = as_log(read_lines([EXAMPLES / f"{name}.jsonl"]))
    rows, outputs = replay(records, catalogue=catalogue, register=REGISTER)
    assert ([], []) == (outputs.refused, outputs.late)
    return catalogue, rows


def row(name: str, indicator: str, org: str, window: str, quintile: str | None = None) -> Row:
    strata = {} if quintile is None else {"imd_quintile": quintile}
    (found,) = [
        one
        for one in replayed(name)[1]
        if (one.indicator, one.org, one.window, one.strata) == (indicator, org, window, strata)
        and one.level not in ("region", "england")
    ]
    return found


@pytest.mark.parametrize(
    ("value", "name", "indicator", "org", "window"),
    [
        # June: 3,800 appointments of the 4,000 planned from June on.
        (3800 / 4000, "dental", "dental_ringfenced_appointments", "QUA", "month"),
        # 41,250.6 + 43,810.2 + 44,939.2 units since April.
        (130_000, "dental", "dental_activity", "QUA", "ytd"),
        # ... of 50,000 contracted a month.
        (130_000 / 150_000, "dental", "dental_activity_delivered", "QUA", "ytd"),
        # Of 400 + 500 homes invited 240 + 310 were visited; of those 180 + 248 advised.
        (900, "warm-homes", "warm_homes_invited", "QUA", "ytd"),
        (550 / 900, "warm-homes", "warm_homes_visited_share", "QUA", "ytd"),
        (428 / 550, "warm-homes", "warm_homes_advised_share", "QUA", "ytd"),
        (61_250.50 + 74_810.25, "warm-homes", "warm_homes_spent", "QUA", "ytd"),
        (31 + 44 + 52, "work-and-health", "work_health_businesses_reached", "QUA", "quarter"),
        # 142 + 187 + 211 people of the 600 planned for a quarter.
        (540 / 600, "work-and-health", "work_health_people_supported", "QUA", "quarter"),
        (2080 / 26_000, "work-and-health", "fit_note_may_be_fit", "QUA", "month"),
        # 400,000 pounds paid; the first practice has 40 % of the need and got 148,000 (37 %).
        (0.37 / 0.40, "health-equity-payment", "equity_funding_to_need", "ZZP01", "quarter"),
        (90_000 / 80_000, "health-equity-payment", "equity_funding_to_need", "ZZP03", "quarter"),
        # 1,764 bed days and 231 admissions of 8,400 people, a thousand of them.
        (210, "waiting-list-cohort", "waiting_cohort_bed_days", "QUA", "month"),
        (27.5, "waiting-list-cohort", "waiting_cohort_emergency_admissions", "QUA", "month"),
        (0.57, "left-shift", "hospital_spend_share", "QUA", "quarter"),
        (341, "left-shift", "domiciliary_waiting", "QUA", "month"),
        # 5,120 + 4,950 + 4,480 days of 320 + 330 + 350 people.
        (14.55, "left-shift", "domiciliary_wait", "QUA", "quarter"),
        (0.75, "continuing-healthcare", "chc_decisions_28d", "QUA", "month"),
        (33, "continuing-healthcare", "chc_waiting_over_28d", "QUA", "month"),
        (378 / 450, "continuing-healthcare", "complex_packages_reviewed", "QUA", "month"),
        (87 + 92 + 79, "continuing-healthcare", "safeguarding_enquiries", "QUA", "quarter"),
        (0.824, "access", "gp_appointments_14d", "QUA", "month"),
        (1180 / 29_500, "access", "community_waits_52w", "QUA", "month"),
        (1310 + 1020 + 870, "access", "cyp_mental_health_access", "QUA", "ytd"),
        # 14,850.5 + 15,375.25 + 13,950.75 days of 300,000 + 310,000 + 300,500.
        (44_176.5 / 910_500, "workforce", "sickness_absence_local", "QUA", "quarter"),
        (0.08, "workforce", "vacancy", "QUA", "month"),
        (34 / 50, "partner-survey", "partner_confidence", "QUA", "quarter"),
        (27 / 48, "partner-survey", "accountability_clarity", "QUA", "quarter"),
        # -1,200,000 - 850,000.50 + 400,000.25.
        (-1_650_000.25, "finance", "system_variance", "QUA", "ytd"),
        # 3.1 + 3.6 + 4.3 million of 4 million a month.
        (11 / 12, "finance", "efficiency_delivered", "QUA", "ytd"),
        (3.06 / 102, "finance", "agency_pay_share", "QUA", "month"),
        # 1.45 + 1.50 + 1.55 million of the year's 18.
        (0.25, "finance", "running_cost_of_cap", "QUA", "ytd"),
        # Handovers of 10, 40, 75 and 18 minutes: 0 + 25 + 60 + 3 minutes beyond 15 each.
        (88 / 60, "from-events", "handover_hours_lost", "RJ1", "day"),
        # Five left, one on the day it came; of four three have a known ready date; one of these left later.
        (4, "from-events", "way_home_overnight", "RJ1", "day"),
        (3 / 4, "from-events", "way_home_ready_share", "RJ1", "day"),
        (1 / 3, "from-events", "way_home_late_share", "RJ1", "day"),
    ],
)
def test_a_figure_worked_by_hand(value: float, name: str, indicator: str, org: str, window: str) -> None:
    """Its synthetic events give what a pocket calculator gives."""
    assert pytest.approx(value, rel=1e-12) == row(name, indicator, org, window).value


def test_every_example_has_its_figures() -> None:
    """No file without events, and no measure that its events do not reach."""
    names = {one.stem for one in EXAMPLES.glob("*.toml")}
    assert names == {one.stem for one in EXAMPLES.glob("*.jsonl")}
    shipped = Catalogue.shipped().indicators.keys()
    for name in names:
        catalogue, rows = replayed(name)
        assert catalogue.indicators.keys() - shipped == {one.indicator for one in rows} - shipped, name


def test_all_examples_load_together() -> None:
    """A directory of them: identifiers clash neither with one another nor with what ships."""
    single = {one for path in EXAMPLES.glob("*.toml") for one in Catalogue.with_local(path).indicators}
    assert single == set(Catalogue.with_local(EXAMPLES).indicators)


@pytest.mark.parametrize(
    ("status", "threshold", "name", "indicator", "org"),
    [
        ("near", 0.9, "dental", "dental_ringfenced_appointments", "QUA"),
        ("near", 0.9, "health-equity-payment", "equity_funding_to_need", "ZZP01"),
        ("ok", 1.1, "health-equity-payment", "equity_funding_to_need", "ZZP02"),
        ("breach", 1.1, "health-equity-payment", "equity_funding_to_need", "ZZP03"),
        ("near", 0.9, "health-equity-payment", "equity_funding_to_need", "ZZP04"),  # 0.9 itself
        ("ok", 0.70, "continuing-healthcare", "chc_decisions_28d", "QUA"),
        ("ok", 1.0, "finance", "running_cost_of_cap", "QUA"),
        ("no_threshold", None, "finance", "agency_pay_share", "QUA"),
    ],
)
def test_judged_by_their_own_thresholds(
    status: Status, threshold: float | None, name: str, indicator: str, org: str
) -> None:
    """Near, on two sides, month by month; and a plan beside a figure judges nothing."""
    window = {"equity_funding_to_need": "quarter", "running_cost_of_cap": "ytd"}.get(indicator, "month")
    found = row(name, indicator, org, window)
    assert (status, threshold) == (found.status, found.threshold)


def test_strata_come_with_the_figure() -> None:
    """Of 240 homes invited in the most deprived fifth in May 140 were visited."""
    found = row("warm-homes", "warm_homes_visited_share", "QUA", "month", "1")
    assert pytest.approx(140 / 240) == found.value


def test_plan_and_baseline_stand_beside_the_value() -> None:
    """As series of their own, with the labels of the figure and only where one is declared."""
    plan = 'indicator="warm_homes_spent",org="QUA",level="icb",window="month",stratum="",basis="synthetic"'
    baseline = plan.replace("warm_homes_spent", "waiting_cohort_bed_days")
    assert [f"oversight_indicator_plan{{{plan}}} 70000.0"] == lines("warm-homes", "oversight_indicator_plan")
    assert [f"oversight_indicator_baseline{{{baseline}}} 225.0"] == lines(
        "waiting-list-cohort", "oversight_indicator_baseline"
    )


def test_a_programme_is_an_info_family() -> None:
    """One series an indicator that belongs to it: asked for by whom, and until when."""
    labels = (
        'programme="health_equity_payment",indicator="equity_funding_to_need",'
        'title="Health-equity payment to practices",requester="Example: primary care committee",'
        'start="2026-04-01",funding_end="",review_date="2027-02-28"'
    )
    family = "oversight_programme_info"
    assert [f"{family}{{{labels}}} 1"] == lines("health-equity-payment", family)


def lines(name: str, family: str) -> list[str]:
    catalogue, rows = replayed(name)
    text = render_rows(rows, catalogue, REGISTER)
    return [line for line in text.splitlines() if line.startswith(f"{family}{{")]
