"""Daily discharges and criteria to reside: every kind of gap, areas and ICBs, and the published counts."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import figures, finals, write

from streams.assessment import Row
from streams.errors import SourceError
from streams.sources import discharge
from streams.sources.lookup import read_lookup

TRUSTS = [
    "nhs_trust22_code",
    "date",
    "discharged_by_1700",
    "discharged_between_1701_2359",
    "discharged_total",
]
ICBS = ["icb22_code", *TRUSTS[1:]]
CRITERIA = ["nhs_trust22_code", "date", "do_not_meet_criteria_to_reside"]
LONG = ["Period", "Level", "Region", "ICB", "Org Code", "Org Name", "Metric", "Metric Type", "Value"]
NCTR = "Number of patients who no longer meet the criteria to reside"
DISCHARGED = "Number of patients discharged"
DAY = "2023-05-01"


def day(code: str, early: str, late: str, total: str, when: str = DAY) -> list[str]:
    """One row of a table of discharges."""
    return [code, when, early, late, total]


def test_a_row_becomes_the_share_by_17_and_the_total(tmp_path: Path) -> None:
    """19 of 24 by 17:00; the day is local, and known at its end."""
    total, share = discharge.load(write(tmp_path / "a.csv", TRUSTS, day("RAJ", "19.0", "5.0", "24.0")))

    assert ("discharged_before_17", 19, 24) == tuple(
        share["data"][name] for name in ("measure", "numerator", "denominator")
    )
    assert ("discharges", 24) == (total["data"]["measure"], total["data"]["numerator"])
    assert (DAY, "2023-05-02") == (share["data"]["period_start"], share["data"]["period_end"])
    assert "2023-05-01T23:00:00Z" == share["time"] == share["recordedtime"]
    assert "acute_discharge_daily" == share["data"]["publication"]


@pytest.mark.parametrize(
    ("share", "total", "row"),
    [
        ((19, 24), 24, ("19", "5", "24")),
        ((0, 24), 24, ("0", "24", "24")),
        ((24, 24), 24, ("24", "0", "24")),
        ((1_019, 1_024), 1_024, ("1,019", "5", "1,024")),
        ((19, 24), 24, ("19", "", "24")),
        ((19, 24), 24, ("19", "6", "24")),
        ((None, None), 24, ("", "", "24")),
        ((None, None), 24, ("-", "5", "24")),
        ((None, None), None, ("19", "5", "")),
        ((None, None), None, ("19", "5", "NA")),
        ((None, None), None, ("0", "0", "0")),
        ((None, None), None, ("", "", "0")),
        ((None, None), None, ("", "", "")),
    ],
)
def test_gaps_stay_gaps(
    tmp_path: Path, share: tuple[int | None, int | None], total: int | None, row: tuple[str, str, str]
) -> None:
    """A blank is no value, nothing is derived from the others, and nought of nought is no return."""
    found = figures(discharge.load(write(tmp_path / "a.csv", TRUSTS, day("RAJ", *row))))

    assert {
        ("RAJ", "discharged_before_17", DAY): share,
        ("RAJ", "discharges", DAY): (total, None),
    } == found


@pytest.mark.parametrize(("expected", "published"), [(67, "67.0"), (None, ""), (None, "0.0"), (None, "*")])
def test_patients_without_criteria_to_reside(tmp_path: Path, expected: int | None, published: str) -> None:
    """Patients, not a share: there are no beds beside them; nought is no return."""
    found = figures(discharge.load(write(tmp_path / "a.csv", CRITERIA, ["RAJ", DAY, published])))

    assert {("RAJ", "nctr_patients", DAY): (expected, None)} == found


def test_counts_that_contradict_one_another_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They are taken as published."""
    list(
        discharge.load(
            write(tmp_path / "a.csv", TRUSTS, day("RAJ", "9", "1", "8"), day("RBK", "1", "1", "1"))
        )
    )

    assert 1 == len(caplog.records)
    assert (
        "2 times the discharges by 17:00 and after are not the total, first RAJ of 2023-05-01" in caplog.text
    )


def test_trusts_without_a_code_are_seen_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """10 of 20 and 3 of 4 without a code, 5 of 10 with one: England has 18 of 34, and 13 of 24 unmapped."""
    path = write(
        tmp_path / "a.csv",
        TRUSTS,
        day("RAJ", "5", "5", "10"),
        day("", "10", "10", "20"),
        day("NA", "3", "1", "4"),
        day("", "7", "1", "8", "2023-05-02"),
    )
    rows = {
        (one.level, one.org): (one.numerator, one.denominator)
        for one in finals(discharge.load(path))
        if (one.indicator, one.window, str(one.period_start)) == ("discharged_before_17", "day", DAY)
    }

    assert ((18, 34), (13, 24)) == (rows["england", "england"], rows["icb", "unmapped"])
    assert ((10, 20), (3, 4)) == (rows["provider", "NOCODE1"], rows["provider", "NOCODE2"])
    assert "3 rows have no organisation's code" in caplog.text


def test_an_area_stands_alone_until_it_is_looked_up(tmp_path: Path) -> None:
    """E54000056 is in nobody's sum; as QUE it has a name of its own, beside the sum of QUE's trusts."""
    trusts = write(tmp_path / "trusts.csv", TRUSTS, day("RGT", "10", "10", "20"), day("RGN", "6", "4", "10"))
    icbs = write(tmp_path / "icbs.csv", ICBS, day("E54000056", "17", "15", "32"))
    lookup = read_lookup(write(tmp_path / "l.csv", ["ICB22CD", "ICB22CDH"], ["E54000056", "QUE"]))

    def of(rows: list[Row]) -> dict[tuple[str, str, str], tuple[float | None, float | None]]:
        return {
            (one.indicator, one.level, one.org): (one.numerator, one.denominator)
            for one in rows
            if one.window == "day" and "before_17" in one.indicator and one.level not in ("trust", "region")
        }

    alone = of(finals([*discharge.load(trusts), *discharge.load(icbs)]))
    looked_up = of(finals([*discharge.load(trusts), *discharge.load(icbs, lookup=lookup)]))

    assert {
        ("discharged_before_17", "provider", "E54000056"): (17, 32),
        ("discharged_before_17", "icb", "QUE"): (16, 30),
        ("discharged_before_17", "england", "england"): (16, 30),
    } == alone
    assert {
        ("discharged_before_17_icb", "icb", "QUE"): (17, 32),
        ("discharged_before_17", "icb", "QUE"): (16, 30),
        ("discharged_before_17", "england", "england"): (16, 30),
    } == looked_up


def test_a_look_up_does_not_contradict_itself(tmp_path: Path) -> None:
    """A code has one ODS code; a line may stand twice, and what is blank is passed over."""
    rows = [["code", "ods_code"], ["E54000056", "QUE"], ["E54000056", "QUE"], ["E54000057", ""]]

    assert {"E54000056": "QUE"} == read_lookup(write(tmp_path / "a.csv", *rows))
    with pytest.raises(SourceError, match=":5: E54000056 is QUE above and QHG here"):
        read_lookup(write(tmp_path / "b.csv", *rows, ["E54000056", "QHG"]))


def test_the_long_table_of_a_month(tmp_path: Path) -> None:
    """Providers and ICBs are read, sums of them are not; other metrics are passed over."""

    def row(level: str, code: str, metric: str, value: str, name: str = "A trust") -> list[str]:
        return ["01/05/2023", level, "", "", code, name, metric, "Daily", value]

    path = write(
        tmp_path / "a.csv",
        LONG,
        row("National", "-", DISCHARGED, "900", "England"),
        row("Region", "Y61", DISCHARGED, "800"),
        row("ICB", "QUE", DISCHARGED, "32"),
        row("Provider", "RGT", NCTR, "1,111"),
        row("Provider", "RGT", DISCHARGED, "20"),
        row("Provider", "-", DISCHARGED, "3", "One trust"),
        row("Provider", "-", DISCHARGED, "4", "Another trust"),
        row("Provider", "RGT", "Pathway 1: to a domestic home", "7"),
    )

    assert {
        ("QUE", "discharges_icb", DAY): (32, None),
        ("RGT", "nctr_patients", DAY): (1_111, None),
        ("RGT", "discharges", DAY): (20, None),
        ("NOCODE1", "discharges", DAY): (3, None),
        ("NOCODE2", "discharges", DAY): (4, None),
    } == figures(discharge.load(path))


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("a header and no figures", [TRUSTS]),
        (
            ":3: RAJ of 2023-05-01 stands already in line 2",
            [TRUSTS, day("RAJ", "1", "1", "2"), day("RAJ", "1", "2", "3")],
        ),
        (
            "stands already for 2023-05-01",
            [LONG, *(["1/5/23", "Provider", "", "", "RAJ", "", NCTR, "", v] for v in "12")],
        ),
        ("the header does not name once total", [TRUSTS[:4], ["RAJ", DAY, "1", "2"]]),
        ("column 2 .date.: 'May' is not a date", [TRUSTS, day("RAJ", "1", "1", "2", "May")]),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, said: str, rows: list[list[str]]) -> None:
    """Before the first event is out."""
    with pytest.raises(SourceError, match=said):
        next(discharge.load(write(tmp_path / "a.csv", *rows)))


def test_a_sum_and_a_repeated_row_count_once(tmp_path: Path) -> None:
    """The word tells the sum; a copy has the same figures."""
    rows = [day("RAJ", "1", "1", "2"), day("RAJ", "1", "1", "2"), day("ENGLAND", "1", "1", "2")]

    assert 2 == len(list(discharge.load(write(tmp_path / "a.csv", TRUSTS, *rows))))


def test_a_revised_file_restates_and_the_same_file_changes_nothing(tmp_path: Path) -> None:
    """9 of 20, then 12 of 20 published in July: the newer counts, whatever the order; the day is restated."""
    first = write(tmp_path / "a.csv", TRUSTS, day("RAJ", "9", "11", "20"))
    revised = write(tmp_path / "b.csv", TRUSTS, day("RAJ", "12", "8", "20"))
    published = datetime(2023, 7, 13, 8, 30, tzinfo=UTC)
    events = [*discharge.load(revised, published), *discharge.load(first), *discharge.load(first)]

    (row,) = [
        one
        for one in finals(events)
        if (one.indicator, one.window, one.org) == ("discharged_before_17", "day", "RAJ")
    ]

    assert (12, 20) == (row.numerator, row.denominator)
    assert "restated" in row.flags


def test_a_file_is_not_known_before_its_last_day(tmp_path: Path) -> None:
    """--recorded-at before the end of a period is a mistake."""
    path = write(tmp_path / "a.csv", TRUSTS, day("RAJ", "9", "11", "20"))

    with pytest.raises(SourceError, match="has a period that ends with 2023-05-02, after --recorded-at"):
        next(discharge.load(path, datetime(2023, 5, 1, 12, tzinfo=UTC)))


def test_a_member_without_figures_shows_in_the_sums(tmp_path: Path) -> None:
    """A blank makes England partial; a trust that is missing after a day with figures is a missing member."""
    path = write(
        tmp_path / "a.csv",
        TRUSTS,
        day("RGT", "1", "1", "2"),
        day("RGN", "1", "1", "2"),
        day("RGT", "1", "1", "2", "2023-05-02"),
        day("RGN", "", "", "2", "2023-05-02"),
        day("RGT", "1", "1", "2", "2023-05-03"),
    )
    england = {
        str(one.period_start): {"partial", "missing_members"} & set(one.flags)
        for one in finals(discharge.load(path))
        if (one.indicator, one.window, one.level) == ("discharged_before_17", "day", "england")
    }

    assert {DAY: set(), "2023-05-02": {"partial"}, "2023-05-03": {"missing_members"}} == england


COUNTS = st.none() | st.integers(0, 2_000)
CODES = st.sampled_from(["", "RAJ", "RGT", "RXX", "E54000056"])


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(CODES, COUNTS, COUNTS), min_size=1, max_size=8, unique_by=lambda one: one[0] or object()
    )
)
def test_england_is_the_sum_of_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int | None, int | None]]
) -> None:
    """Whatever is blank or nought: the rest is added up, uncoded rows too, areas not; gaps are flagged."""
    shown = [
        day(code, *("" if one is None else str(one) for one in (early, None, total)))
        for code, early, total in rows
    ]
    path = write(tmp_path_factory.mktemp("any") / "a.csv", TRUSTS, *shown)
    england = [
        one
        for one in finals(discharge.load(path))
        if (one.indicator, one.window, one.level) == ("discharged_before_17", "day", "england")
    ]
    members = [(early, total) for code, early, total in rows if code != "E54000056"]
    whole = [(early, total) for early, total in members if early is not None and total]

    assert bool(members) == bool(england)
    for one in england:
        assert (sum(total for _, total in whole) or None) == one.denominator
        assert (sum(early for early, _ in whole) if whole else None) == one.numerator
        assert (len(whole) < len(members)) == ("partial" in one.flags)


def published(path: Path) -> list[dict[str, str]]:
    """The rows of a shared file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


SHARED = "discharge/trust_discharged_2022-04_2023-12.csv.gz"
FIRST, LAST = "2023-04-24", "2023-06-25"
"""Nine weeks around the day from which the counts by 17:00 are no longer published."""


@cache
def shared_finals(directory: Path, name: str) -> list[Row]:
    """The shared file's nine weeks through engine and assessment."""
    events = [
        one
        for one in discharge.load(directory / "discharge" / name)
        if FIRST <= one["data"]["period_start"] <= LAST
    ]
    return finals(events)


def counts(row: dict[str, str]) -> tuple[int, int] | None:
    """The published counts by 17:00 and in all; None where one is blank or all are nought."""
    early, total = row["discharged_by_1700"], row["discharged_total"]
    return (int(float(early)), int(float(total))) if early and float(total or 0) else None


@pytest.mark.parametrize("whose", ["trust", "icb"])
def test_every_published_day_comes_out(shared_data: Path, whose: str) -> None:
    """Of trusts, and of ICBs under their ONS codes: the published counts, and no value where one is blank."""
    name = f"{whose}_discharged_2022-04_2023-12.csv.gz"
    code = "nhs_trust22_code" if whose == "trust" else "icb22_code"
    expected = {
        (row[code], row["date"]): counts(row)
        for row in published(shared_data / "discharge" / name)
        if FIRST <= row["date"] <= LAST
    }
    ours = {
        (one.org, str(one.period_start)): (one.numerator, one.denominator) if one.value is not None else None
        for one in shared_finals(shared_data, name)
        if (one.indicator, one.window) == ("discharged_before_17", "day")
        and one.level in ("trust", "provider")
    }

    assert expected == ours
    assert {True, False} == {one is None for one in expected.values()}


def test_england_and_icbs_are_the_sums_of_what_is_published(shared_data: Path) -> None:
    """A day's sum holds the trusts with both counts and is partial where any lacks them."""
    rows = [row for row in published(shared_data / SHARED) if FIRST <= row["date"] <= LAST]
    early: Counter[str] = Counter()
    total: Counter[str] = Counter()
    gaps: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        if (found := counts(row)) is None:
            gaps[row["date"]] += 1
        else:
            early[row["date"]] += found[0]
            total[row["date"]] += found[1]
    england = {
        str(one.period_start): one
        for one in shared_finals(shared_data, Path(SHARED).name)
        if (one.indicator, one.window, one.level) == ("discharged_before_17", "day", "england")
    }

    assert early.keys() == {when for when, one in england.items() if one.value is not None}
    for when, one in england.items():
        if one.value is not None:
            assert (early[when], total[when]) == (one.numerator, one.denominator), when
        assert bool(gaps[when]) == ("partial" in one.flags), when


def test_the_file_of_criteria_to_reside(shared_data: Path) -> None:
    """Every trust-day's number, England's as their sum; nought is no return."""
    path = shared_data / "discharge" / "trust_criteria_to_reside_2022-04_2023-12.csv.gz"
    expected = {
        row["nhs_trust22_code"]: int(float(row["do_not_meet_criteria_to_reside"] or 0))
        for row in published(path)
        if row["date"] == "2022-12-31"
    }
    events = [one for one in discharge.load(path) if one["data"]["period_start"] == "2022-12-31"]
    rows = [one for one in finals(events) if one.window == "day"]
    ours = {one.org: one.value for one in rows if one.level in ("trust", "provider")}
    (england,) = [one for one in rows if one.level == "england"]

    assert {code: number or None for code, number in expected.items()} == ours
    assert sum(expected.values()) == england.value
