"""Why a figure changed: every reason, roll-ups and gaps, worked out by hand."""

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from making import attendance, made, report

from schemas.outputs import ClosedThrough, DayTotal, TotalCell
from streams.assessment.explain import Inquiry
from streams.assessment.explain_answer import Explanation, Question
from streams.assessment.explain_mix import members_of
from streams.assessment.explain_reasons import fold
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue
from streams.commands.explain import as_json
from streams.commands.replay import AT, Line, as_log
from streams.engine.families import FAMILIES
from streams.engine.panes import SeriesKey
from streams.errors import ConfigurationError, SourceError
from streams.organisations import Register

REGISTER = Register.shipped()
EXACT = Rule(smallest=1)
CATALOGUE = Catalogue.shipped()
OLDER = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
"""Monday: the seven full days are 8 to 14 June."""
NEWER = OLDER + timedelta(days=1)
"""Tuesday: 9 to 15 June."""
WITHIN, OVER = 100, 300
FOUR = "ae_4h_all_types"


def on(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def left(key: str, day: int, minutes: int = WITHIN, **data: Any) -> dict[str, Any]:
    """An attendance that ended on a day in June, told then unless `recorded` says otherwise."""
    return attendance(key, departed=on(day, data.pop("hour", 10)), minutes=minutes, **data)


def why(
    *events: Any,
    of: str = "RJ1",
    indicator: str = FOUR,
    older: datetime = OLDER,
    rule: Rule = EXACT,
    **asked: Any,
) -> Explanation:
    question = Question(indicator, of, **asked)
    moments = int(older.timestamp() * 1000), int(NEWER.timestamp() * 1000)
    inquiry = Inquiry(CATALOGUE, REGISTER, question, moments, rule=rule)
    lines = [Line(f"log:{number}", json.dumps(one).encode()) for number, one in enumerate(events)]
    out = inquiry.feed(AT, as_log(lines))
    assert not out.refused
    return inquiry.answer()


def parts(of: Explanation) -> dict[str, tuple[Any, ...]]:
    """Give records, numerator and denominator of every reason that has any."""
    return {
        part.reason: (part.records, part.numerator, part.denominator)
        for part in of.parts
        if part.records or part.numerator or part.denominator
    }


LATER = OLDER + timedelta(hours=3)
EVERY_REASON = [
    *(left(f"stays{number}", 10) for number in range(3)),
    left("leaves", 8, OVER),
    left("known-before", 15),
    left("told-after", 15, OVER, hour=20),
    left("corrected", 11),
    left("corrected", 11, OVER, version=2, recorded=LATER),
    left("withdrawn", 12, OVER),
    left("withdrawn", 12, OVER, version=2, retracted=True, recorded=LATER),
    left("late", 13, recorded=LATER),
    left("late-over", 13, OVER, recorded=LATER),
    left("moves", 9),
    left("moves", 9, org="RDU", version=2, recorded=LATER),
]


def test_every_reason_by_hand() -> None:
    """5 of 7 within four hours became 5 of 8; each reason's part is (Δn - 5/7 Δd) / 8.

    before    stays 3/3   leaves 0/1   corrected 1/1   withdrawn 0/1   moves 1/1             = 5 of 7
    now       stays 3/3   known and told after 1/2     corrected 0/1   late 1/2              = 5 of 8
    """
    one = why(*EVERY_REASON)
    assert (5, 7, Fraction(5, 7)) == (one.older.numerator, one.older.denominator, one.older.value)
    assert (5, 8, Fraction(5, 8)) == (one.newer.numerator, one.newer.denominator, one.newer.value)
    assert {
        "entered": (2, 1, 2),
        "left": (1, 0, -1),
        "corrected": (2, -1, -1),
        "late": (2, 1, 2),
        "moved": (1, -1, -1),
    } == parts(one)
    assert {
        "entered": Fraction(-3, 56),
        "left": Fraction(5, 56),
        "corrected": Fraction(-2, 56),
        "late": Fraction(-3, 56),
        "moved": Fraction(-2, 56),
    } == {part.reason: part.value for part in one.parts}
    assert Fraction(-5, 56) == one.change


def test_it_moved_to_where_it_is_now() -> None:
    """The other trust sees the same record come in."""
    assert {"moved": (1, 1, 1)} == parts(why(*EVERY_REASON, of="RDU"))


def test_within_a_trust_only_the_sites_see_a_move() -> None:
    """From one site of a trust to another: the trust's own figure does not change."""
    told = [left("a", 10, site="RJ122"), left("a", 10, site="RJ101", version=2, recorded=LATER)]
    assert {} == parts(why(*told))
    assert {"moved": (1, -1, -1)} == parts(why(*told, of="RJ122", smallest=1))
    assert {"moved": (1, 1, 1)} == parts(why(*told, of="RJ101", smallest=1))


def test_to_another_day() -> None:
    """Corrected to a day that the window no longer, or not yet, or still covers."""
    told = [
        *(left(key, 10) for key in ("out", "inside")),
        left("in", 1),
        left("ahead", 8),
        left("out", 1, version=2, recorded=LATER),
        left("inside", 12, OVER, version=2, recorded=LATER),
        left("in", 11, version=2, recorded=LATER),
        left("ahead", 15, version=2, recorded=on(16)),
    ]
    one = why(*told)
    assert {
        "moved": (2, 0, 0),
        "corrected": (1, -1, 0),
        "left": (1, -1, -1),
        "entered": (1, 1, 1),
    } == parts(one)


def test_the_ending_told_after_it_happened_is_late() -> None:
    """Open when the older figure was made, although the patient had left: late, not entered."""
    known = attendance("a", departed=None, recorded=on(14, 9)) | {"time": on(14, 9).isoformat()}
    one = why(left("b", 13), known, left("a", 14, version=2, recorded=LATER))
    assert {"late": (1, 1, 1)} == parts(one)


def test_today_is_split_at_the_moment_not_at_midnight() -> None:
    """Since midnight: of what was told after the moment, what had happened by it is late, the rest entered.

    00:40 left, told at once    01:05 the moment    01:20 told: one left at 01:04, one at 01:06
    """
    moment = datetime(2026, 6, 16, 0, 5, tzinfo=UTC)
    minute, told = timedelta(minutes=1), moment + timedelta(minutes=15)
    one = why(
        attendance("known", departed=moment - 25 * minute),
        attendance("late", departed=moment - minute, recorded=told),
        attendance("entered", departed=moment + minute, minutes=OVER, recorded=told),
        older=moment,
        window="since_midnight",
    )
    assert {"late": (1, 1, 1), "entered": (1, 0, 1)} == parts(one)
    assert one.change is None, "below the minimum in a short window the value is withheld"


def test_a_mean() -> None:
    """Delays of 0 and 3 days before, 3 and 6 now: 1.5 became 4.5 days.

    left (0 - 1.5) / 2 taken away = +0.75; entered (6 - 1.5) / 2 = +2.25
    """

    def discharge(key: str, day: int, ready: int) -> dict[str, Any]:
        data = {
            "spell_key": key,
            "version": 1,
            "admitted_at": on(1).isoformat(),
            "discharge_ready_date": f"2026-06-{ready:02}",
            "discharged_at": on(day).isoformat(),
        }
        return made("spell.recorded.v1", data, recorded=on(day, 11))

    one = why(
        discharge("s1", 8, 8), discharge("s2", 10, 7), discharge("s3", 15, 9), indicator="drd_mean_delay"
    )
    assert (Fraction(3, 2), Fraction(9, 2)) == (one.older.value, one.newer.value)
    assert {"left": Fraction(3, 4), "entered": Fraction(9, 4)} == {
        part.reason: part.value for part in one.parts if part.records
    }


def test_a_count() -> None:
    """Waits of more than twelve hours for a bed: one left, two entered, so there is one more."""

    def waited(key: str, day: int) -> dict[str, Any]:
        decided = (on(day) - timedelta(hours=13)).isoformat()
        return left(key, day, 1000, decision_to_admit_at=decided, outcome="admitted")

    one = why(waited("a", 8), waited("b", 10), waited("c", 15), waited("d", 15), indicator="ae_dta_12h")
    assert (2, 3, 1) == (one.older.value, one.newer.value, one.change)
    assert {"left": (1, -1, None), "entered": (2, 2, None)} == parts(one)
    assert all(part.value == part.numerator for part in one.parts)


def test_a_return_restated_and_a_new_period() -> None:
    """Of the same period it is corrected; a later one enters, and the older leaves."""
    recruits = "core20_recruitment"
    march, april = ("2026-04-01", "2026-05-01"), ("2026-05-01", "2026-06-01")

    def told(period: Any, numerator: int, recorded: datetime, version: int = 1) -> Any:
        return report(
            recruits, *period, numerator=numerator, denominator=10, version=version, recorded=recorded
        )

    restated = why(told(march, 3, on(10)), told(march, 5, LATER, 2), indicator=recruits)
    assert {"corrected": (1, 2, 0)} == parts(restated)
    assert Fraction(2, 10) == restated.change
    later = why(told(march, 3, on(10)), told(april, 4, LATER), indicator=recruits)
    assert {"left": (1, -3, -10), "entered": (1, 4, 10)} == parts(later)
    ytd = why(told(march, 3, on(10)), told(april, 4, LATER), indicator=recruits, window="ytd")
    assert {"entered": (1, 4, 10)} == parts(ytd)


def test_censuses() -> None:
    """Each day is one state: the first left, one entered, one was replaced by a later state of that hour."""

    def beds(day: int, minute: int, occupied: int, recorded: datetime | None = None) -> dict[str, Any]:
        as_at = datetime(2026, 6, day, 6, minute, tzinfo=UTC)
        data = {
            "as_at": as_at.isoformat(),
            "bed_group": "adult_general_acute",
            "open_core": 100,
            "open_escalation": 0,
            "occupied": occupied,
            "version": 1,
        }
        return made("bed.state.observed.v1", data, recorded=recorded or as_at)

    told = [beds(8, 30, 90), beds(10, 30, 80), beds(10, 45, 82, LATER), beds(15, 30, 95)]
    one = why(*told, indicator="ga_bed_occupancy")
    assert {"left": (1, -90, -100), "corrected": (1, 2, 0), "entered": (1, 95, 100)} == parts(one)
    assert (Fraction(17, 20), Fraction(177, 200)) == (one.older.value, one.newer.value)


def test_rate_and_mix_of_a_roll_up() -> None:
    """Two trusts of one region, weights one half each, then a quarter and three quarters.

    RJ1   1 of 2 became 1 of 2     RJZ   2 of 2 became 6 of 6 of 8 attendances
    R     3/4 became 7/8; R̄ = 13/16
    RJ1   rate 0, mix (1/2 - 13/16) * (1/4 - 1/2) = +5/64
    RJZ   rate 0, mix (1 - 13/16) * (3/4 - 1/2) = +3/64
    """
    other = "/ods/RJZ/pas"
    told = [
        left("a", 10),
        left("b", 10, OVER),
        *(left(f"z{number}", 10, source=other) for number in range(2)),
        *(left(f"z{number}", 15, source=other) for number in range(2, 6)),
    ]
    one = why(*told, of="Y56")
    assert (Fraction(3, 4), Fraction(7, 8)) == (one.older.value, one.newer.value)
    assert {"RJ1": (0, Fraction(5, 64)), "RJZ": (0, Fraction(3, 64))} == {
        member.org: (member.rate, member.mix) for member in one.members
    }
    assert (0, Fraction(1, 8), Fraction(1, 8)) == (one.rate, one.mix, one.change)


def test_a_member_that_comes_is_mix() -> None:
    """Its value did not change: it had none. Rates alone would not tell that the weights did."""
    pairs = (
        {"A": (Fraction(1), Fraction(2))},
        {"A": (Fraction(1), Fraction(2)), "B": (Fraction(6), Fraction(6))},
    )
    rate, mix, members = members_of(*pairs, ratio=True, smallest=0)
    assert (0, Fraction(7, 8) - Fraction(1, 2)) == (rate, mix)
    assert ["A", "B"] == [member.org for member in members]


def test_a_gap_is_explained_by_both_strata() -> None:
    """1 less 5: from 9/10 - 5/10 to 9/10 - 8/10; the second stratum was restated, so the gap fell by 3/10."""

    def census(worst: int, version: int, recorded: datetime) -> dict[str, Any]:
        def bands(within: int) -> list[int]:
            return [within, *(0 for _ in range(51)), 10 - within] + [0] * (105 - 53)

        def stratum(value: str, within: int) -> dict[str, Any]:
            return {"dimension": "imd_quintile", "value": value, "bands": bands(within)}

        data = {
            "census_date": "2026-05-31",
            "cadence": "month",
            "bands": bands(9 + worst - 9),
            "strata": [stratum("1", 9), stratum("5", worst)],
            "version": version,
        }
        return made("rtt.census.reported.v1", data, recorded=recorded)

    one = why(census(5, 1, on(10)), census(8, 2, LATER), indicator="rtt_18w_imd_gap")
    assert (Fraction(2, 5), Fraction(1, 10), Fraction(-3, 10)) == (
        one.older.value,
        one.newer.value,
        one.change,
    )
    assert {"corrected": Fraction(-3, 10)} == {part.reason: part.value for part in one.parts if part.value}
    first, second = one.strata_of
    assert (0, Fraction(3, 10)) == (first.change, second.change)


def test_nothing_to_divide_by_on_one_side() -> None:
    """Nobody had left by then: no value, so no change of it; the counts are told."""
    one = why(left("a", 15), left("b", 15, OVER))
    assert (None, Fraction(1, 2), None) == (one.older.value, one.newer.value, one.change)
    assert {"entered": (2, 1, 2)} == parts(one)
    assert all(part.value is None for part in one.parts)
    assert any("no value" in note for note in one.notes)


def test_an_abolished_icb_has_no_figure_whatever_its_members_did() -> None:
    """RDU was of Frimley until 31 March; on 2 April Frimley is no more, and what it held has left."""
    april = datetime(2026, 4, 2, 12, tzinfo=UTC)
    told = [
        attendance(f"a{day}", departed=april - timedelta(days=day), source="/ods/RDU/pas")
        for day in range(1, 7)
    ]
    old = next(iter({REGISTER.parents("RDU", (april - timedelta(days=9)).date()).icb}))
    question = Question(FOUR, old, "7d")
    moments = (int((april - timedelta(days=2)).timestamp() * 1000), int(april.timestamp() * 1000))
    inquiry = Inquiry(CATALOGUE, REGISTER, question, moments)
    inquiry.feed(AT, as_log([Line("log:1", json.dumps(one).encode()) for one in told]))
    one = inquiry.answer()
    assert {"left"} == set(parts(one))
    assert None is one.newer.value


def test_what_the_board_hides_is_not_explained() -> None:
    """Three of quintile 1 and four of quintile 5: neither the stratum nor the gap, unless all may be seen."""
    few = [left(f"a{n}", 10, imd_quintile=1) for n in range(3)]
    told = [*few, *(left(f"b{n}", 11, imd_quintile=5) for n in range(4)), left("c", 15, imd_quintile=5)]
    asked = {"strata": ("imd_quintile", "1"), "window": "28d"}
    for more in (asked, {"indicator": f"{FOUR}_imd_gap", "window": "28d"}):
        with pytest.raises(SourceError, match="flag suppressed"):
            why(*told, rule=SHOWN_FROM_8, **more)
    assert 3 == why(*told, rule=SHOWN_FROM_8, smallest=1, **asked).newer.denominator


def test_members_that_hide_a_stratum_are_put_together() -> None:
    """One that is not shown, whatever its amounts, and the smallest of the others with it."""

    def pairs(**shown: int) -> dict[str, tuple[Fraction, Fraction]]:
        return {org: (Fraction(n), Fraction(2 * n)) for org, n in shown.items()}

    sides = pairs(a=50, b=20, c=30), pairs(a=51, b=21, c=31)
    _, _, members = members_of(*sides, ratio=True, smallest=8, hidden={"a"})
    assert {"c": (30, 31), "others": (70, 72)} == {one.org: (one.older[0], one.newer[0]) for one in members}


def test_of_a_stratum_no_reason_stands_for_few() -> None:
    """Ten entered and one was corrected: the one is not shown alone, nor found by subtraction."""
    told = [
        *(left(f"e{number}", 15, imd_quintile=1) for number in range(10)),
        left("stays", 10, imd_quintile=1),
        left("c", 11, imd_quintile=1),
        left("c", 11, OVER, imd_quintile=1, version=2, recorded=LATER),
    ]
    one = why(*told, strata=("imd_quintile", "1"))
    assert {"together": (11, 9, 10)} == parts(one)
    (together,) = [part for part in one.parts if part.reason == "together"]
    assert ("entered", "corrected") == together.of
    assert one.change == sum(part.value or 0 for part in one.parts)
    assert {"entered": (10, 10, 10), "corrected": (1, -1, 0)} == parts(why(*told)), (
        "as the trust's board shows"
    )


@pytest.mark.parametrize(
    ("folded", "counts"),
    [
        ("", [{"entered": 20, "left": 0, "late": 8}]),
        ("late entered", [{"entered": 20, "left": 0, "late": 7}]),
        ("late moved", [{"entered": 20, "left": 30, "late": 5, "moved": 6}]),
        ("late moved entered", [{"entered": 20, "left": 30, "late": 2, "moved": 3}]),
        ("late", [{"entered": 0, "left": 0, "late": 3}]),
        ("late left", [{"left": 20, "late": 9}, {"left": 20, "late": 2}]),
    ],
)
def test_small_reasons_are_folded(folded: str, counts: Any) -> None:
    """Fewer than eight with the next smallest, until together they are eight or all there is."""
    assert set(folded.split()) == fold(counts, 8)


def test_days_that_closed_before_the_log_begins_are_one_part() -> None:
    """12 months: of a shortened log the old days are totals. The day that the window leaves is not split.

    before    15 June 2025 4 of 10     15 June 2026 0 of 0      = 4 of 10
    now                                15 June 2026 1 of 2      = 1 of 2, of 16 June 2025 on
    """
    key = SeriesKey("RJ1", "", "ed_attendance", "operational")
    family = FAMILIES["ed_attendance"]
    facts = [10 if name == "attended" else 4 if name == "within_4h" else 0 for name in family.facts]
    before_log = DayTotal(
        *(AT[0], AT[1], key.org, key.site, key.stream, "operational", family.definition),
        day=date(2025, 6, 15),
        cells=[TotalCell([], facts, [{} for _ in family.histograms])],
        as_at_ms=1,
    )
    closed = ClosedThrough(AT[0], AT[1], date(2026, 5, 31), date(2025, 1, 1))
    question = Question(FOUR, "RJ1", "12m")
    inquiry = Inquiry(
        CATALOGUE, REGISTER, question, tuple(int(at.timestamp() * 1000) for at in (OLDER, NEWER))
    )
    inquiry.restore(AT, [before_log, closed], int(on(10).timestamp() * 1000))
    told = [left("a", 15, hour=15), left("b", 15, OVER, hour=16)]
    inquiry.feed(AT, as_log([Line("log:1", json.dumps(one).encode()) for one in told]))
    one = inquiry.answer()
    assert (Fraction(2, 5), Fraction(1, 2)) == (one.older.value, one.newer.value)
    assert {"entered": (2, 1, 2), "closed_days": (None, -4, -10)} == parts(one)
    assert one.change == sum(part.value or 0 for part in one.parts)


def test_no_identifier_is_in_the_answer() -> None:
    """Neither keys of patients nor sources of publishers come out, in any form."""
    told = json.dumps(as_json(why(*EVERY_REASON, smallest=1)))
    for secret in ("stays0", "withdrawn", "late-over", "known-before", "/ods/", "pas"):
        assert secret not in told.replace('"withdrawn', "")


@pytest.mark.parametrize(
    ("said", "asked", "error"),
    [
        ("no indicator 'nothing'", {"indicator": "nothing"}, ConfigurationError),
        ("not stratified by 'age'", {"strata": ("age", "5")}, ConfigurationError),
        (
            "leave --stratum out",
            {"indicator": "rtt_18w_imd_gap", "strata": ("imd_quintile", "1")},
            ConfigurationError,
        ),
        ("must lie before", {"older": NEWER}, ConfigurationError),
        ("the records read have it for", {"of": "RXX"}, SourceError),
        ("it has 12m (operational)", {"basis": "official"}, SourceError),
        ("nobody has: a moment knows what had been appended", {"indicator": "cancer_62d"}, SourceError),
    ],
)
def test_what_has_no_answer_is_refused_with_a_sentence(said: str, asked: Any, error: Any) -> None:
    """What was wrong, and what there is instead."""
    with pytest.raises(error, match=said.replace("(", r"\(").replace(")", r"\)")):
        why(left("a", 10), left("b", 15, hour=11), **asked)


@pytest.mark.parametrize(
    "indicator", [one.id for one in CATALOGUE.indicators.values() if one.quantile and one.windows != ("now",)]
)
def test_a_quantile_is_refused_and_told_why(indicator: str) -> None:
    """The median is no sum: no part of its change belongs to a record."""
    with pytest.raises(ConfigurationError, match="no sum of parts"):
        Inquiry(CATALOGUE, REGISTER, Question(indicator, "RJ1"), (0, 1))


@pytest.mark.parametrize("window", ["now", None])
def test_what_is_so_now_is_refused_and_told_why(window: str | None) -> None:
    """Time alone changes it, and time is no record."""
    with pytest.raises(ConfigurationError, match="with time alone"):
        Inquiry(CATALOGUE, REGISTER, Question("ed_over_12h_now", "RJ1", window), (0, 1))
