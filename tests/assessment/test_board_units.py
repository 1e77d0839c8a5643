"""Roll-ups over places, clusters and councils, and over the day on which organisations end and begin."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from making import AT, MORNING, at, attendance, report, run
from organisations.tabling import BLACK_COUNTRY, own

from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.catalogue import Catalogue
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

CATALOGUE = Catalogue.shipped()
ODS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "ods"
CHANGE = date(2026, 4, 1)
Figures = dict[tuple[str, str], Row]


@pytest.fixture(scope="module")
def black_country(tmp_path_factory: pytest.TempPathFactory) -> Register:
    """Dudley with a neighbourhood, Sandwell, and a cluster until 1 October 2026."""
    return own(tmp_path_factory.mktemp("own"), **BLACK_COUNTRY)


def shown(register: Register, *events: Any, now: datetime = MORNING, **of: str) -> Figures:
    """The unstratified rows of an indicator and a window, by level and organisation."""
    engine, out = run(*events, append=now)
    assert not out.refused
    board = Board(CATALOGUE, register)
    changes = [day_number(day) for day in register.change_days()]
    position = Position(AT[0], "t", AT[1], 1, int(now.timestamp() * 1000))
    orgs = list(engine.partitions[AT].organisations)
    for snapshot in Snapshotter(engine, changes).current(AT, orgs, position):
        board.apply(snapshot)
    asked = {"indicator": "ae_4h_all_types", "window": "7d"} | of
    rows = (row for row in board.rows() if not row.strata)
    found = [row for row in rows if all(getattr(row, name) == want for name, want in asked.items())]
    assert len({(row.level, row.org) for row in found}) == len(found)
    return {(row.level, row.org): row for row in found}


def seen(trust: str, when: datetime, *, late: bool = False, key: str = "a") -> dict[str, Any]:
    """An attendance of a trust, within four hours or not."""
    return attendance(
        f"{key}-{trust}", departed=when, source=f"/ods/{trust}/pas", minutes=500 if late else 60
    )


def parts(rows: Figures) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Numerator and denominator of each row."""
    return {key: (row.numerator, row.denominator) for key, row in rows.items()}


def test_places_neighbourhoods_and_clusters_are_sums_of_their_members(black_country: Register) -> None:
    """ZZ9 is in Kingswinford, which lies in Dudley beside RNA; RL4 is in no place; the cluster has QNC too.

    within four hours and all: ZZ9 1/1, RNA 0/1, RXK 1/1, RL4 1/1 (QUA 3/4), RRE 0/1 (QNC)
    """
    yesterday = MORNING - timedelta(days=1)
    rows = shown(
        black_country,
        seen("ZZ9", yesterday),
        seen("RNA", yesterday, late=True),
        seen("RXK", yesterday),
        seen("RL4", yesterday),
        seen("RRE", yesterday, late=True),
    )
    assert {
        ("provider", "ZZ9"): (1, 1),
        ("trust", "RNA"): (0, 1),
        ("trust", "RXK"): (1, 1),
        ("trust", "RL4"): (1, 1),
        ("trust", "RRE"): (0, 1),
        ("neighbourhood", "KINGSWN"): (1, 1),
        ("place", "DUDLEY"): (1, 2),
        ("place", "SANDWELL"): (1, 1),
        ("icb", "QUA"): (3, 4),
        ("icb", "QNC"): (0, 1),
        ("cluster", "TWOICBS"): (3, 5),
        ("region", "Y60"): (3, 5),
        ("england", "england"): (3, 5),
    } == parts(rows)
    assert "assumed_membership" in rows["neighbourhood", "KINGSWN"].flags
    assert "assumed_membership" not in rows["place", "SANDWELL"].flags


def test_a_place_has_each_day_by_the_membership_of_that_day(black_country: Register) -> None:
    """RXK is in Sandwell from 1 April 2026: March's attendance is not Sandwell's, and the change is shown."""
    now = at("2026-04-03T08:00")
    rows = shown(
        black_country,
        seen("RXK", at("2026-03-31T12:00"), key="a"),
        seen("RXK", at("2026-04-02T12:00"), late=True, key="b"),
        now=now,
    )
    assert (0, 1) == parts(rows)["place", "SANDWELL"]
    assert (1, 2) == parts(rows)["trust", "RXK"]
    assert (0, 1) == parts(rows)["icb", "QUA"]
    assert (1, 1) == parts(rows)["icb", "QHL"]
    flagged = {key for key, row in rows.items() if "changed_footprint" in row.flags}
    assert {("place", "SANDWELL"), ("icb", "QUA"), ("icb", "QHL"), ("cluster", "TWOICBS")} == flagged


def test_a_cluster_stops_when_it_ends(black_country: Register) -> None:
    """On 2 October 2026 the last seven days end after it: no row, and its ICBs go on."""
    rows = shown(black_country, seen("RNA", at("2026-09-30T12:00")), now=at("2026-10-02T08:00"))
    assert ("icb", "QUA") in rows
    assert ("cluster", "TWOICBS") not in rows


def test_a_place_may_report_itself(black_country: Register) -> None:
    """Its own return stands at its level and counts in its ICB."""
    one = report("hypertension_control", org="DUDLEY", numerator=7, denominator=10, end="2026-07-01")
    rows = shown(
        black_country, one, now=at("2026-07-20T08:00"), indicator="hypertension_control", window="quarter"
    )
    assert {("place", "DUDLEY"), ("icb", "QUA"), ("cluster", "TWOICBS")} < rows.keys()
    assert {(7, 10)} == set(parts(rows).values())


def test_a_council_stands_by_itself() -> None:
    """What it reports of its residents is added to no ICB, no region and not to England."""
    one = report(org="E08000027", numerator=7, denominator=10)
    rows = shown(Register.shipped(), one, indicator="core20_recruitment", window="month")
    assert {("council", "E08000027"): (7, 10)} == parts(rows)


def test_a_council_is_never_inferred_from_the_trust() -> None:
    """A trust's return has no council, whatever council its patients live in."""
    rows = shown(
        Register.shipped(),
        report(org="RNA", numerator=1, denominator=2),
        indicator="core20_recruitment",
        window="month",
    )
    assert "council" not in {level for level, _ in rows}


@pytest.mark.parametrize("window", ["7d", "28d", "12m"])
def test_nothing_goes_on_under_a_successor(window: str) -> None:
    """QM7 was split, QHG merged with it into S1Y5D, on 1 April 2026: on 3 April the old have no window left.

    RWG (QM7, then D7T5G or S1Y5D as ODS says), RC9 (QHG, then S1Y5D): one attendance each side of midnight.
    """
    register = Register.shipped()
    now = at("2026-04-03T08:00")
    rows = shown(
        register,
        *(seen(trust, at("2026-03-31T12:00"), key="a") for trust in ("RWG", "RC9")),
        *(seen(trust, at("2026-04-01T12:00"), late=True, key="b") for trust in ("RWG", "RC9")),
        now=now,
        window=window,
    )
    assert {("icb", "QM7"), ("icb", "QHG")}.isdisjoint(rows)
    new = {register.parents(trust, CHANGE).icb for trust in ("RWG", "RC9")}
    assert new <= {"S1Y5D", "D7T5G"}
    after = [rows["icb", code] for code in new]
    assert (0, 2) == (sum(row.numerator or 0 for row in after), sum(row.denominator or 0 for row in after))
    assert all("partial" in row.flags for row in after)
    assert (2, 4) == parts(rows)["region", "Y61"]


@pytest.mark.parametrize("window", ["month", "quarter", "ytd"])
def test_the_year_of_a_successor_begins_with_it(window: str) -> None:
    """1 April begins a month, a quarter and a year: whole, of its own days, nothing of March."""
    register = Register.shipped()
    rows = shown(
        register,
        seen("RC9", at("2026-03-31T12:00"), key="a"),
        seen("RC9", at("2026-04-01T12:00"), late=True, key="b"),
        now=at("2026-04-03T08:00"),
        window=window,
    )
    row = rows["icb", "S1Y5D"]
    assert (0, 1, CHANGE) == (row.numerator, row.denominator, row.period_start)
    assert "changed_footprint" not in row.flags


def test_a_return_of_the_old_year_is_still_the_old_icbs() -> None:
    """The year to March 2026 is QHG's; when April is reported, that is S1Y5D's and no sum of both."""
    march = report(
        org="RC9",
        start="2026-03-01",
        end="2026-04-01",
        numerator=3,
        denominator=10,
        recorded=at("2026-04-19"),
    )
    april = report(org="RC9", numerator=5, denominator=20, recorded=at("2026-05-19"))
    of = {"indicator": "core20_recruitment", "window": "ytd"}
    rows = shown(Register.shipped(), march, now=at("2026-04-20T08:00"), **of)
    assert (3, 10) == parts(rows)["icb", "QHG"]
    assert ("icb", "S1Y5D") not in rows
    rows = shown(Register.shipped(), march, april, now=at("2026-05-20T08:00"), **of)
    assert (5, 20) == parts(rows)["icb", "S1Y5D"]
    assert ("icb", "QHG") not in rows


@pytest.mark.parametrize("merged", [True, False])
def test_a_merged_trust_is_no_member_that_is_missing(tmp_path: Path, merged: bool) -> None:
    """RBK goes into RL4 on 1 May 2026: in May nobody waits for it. Had it not, it would be missing."""
    register = own(tmp_path, succession="RBK,RL4,2026-05-01,acquisition") if merged else Register.shipped()
    april = [report(org=org, numerator=3, denominator=10) for org in ("RBK", "RL4")]
    may = report(org="RL4", start="2026-05-01", end="2026-06-01", numerator=7, denominator=20)
    rows = shown(register, *april, may, indicator="core20_recruitment", window="month")
    for place in (("icb", "QUA"), ("england", "england")):
        assert (7, 20) == parts(rows)[place]
        assert merged != ("missing_members" in rows[place].flags)


def test_a_merged_trust_stops_and_nobody_sums_across(tmp_path: Path) -> None:
    """RBK goes into RL4 on 1 June 2026: RL4 has its own past alone, flagged; the ICB has both throughout."""
    register = own(tmp_path, succession="RBK,RL4,2026-06-01,acquisition")
    rows = shown(
        register,
        seen("RBK", at("2026-05-31T12:00"), key="a"),
        seen("RL4", at("2026-05-31T12:00"), key="a"),
        seen("RL4", at("2026-06-01T12:00"), late=True, key="b"),
        now=at("2026-06-03T08:00"),
    )
    assert ("trust", "RBK") not in rows
    assert (1, 2) == parts(rows)["trust", "RL4"]
    assert "changed_footprint" in rows["trust", "RL4"].flags
    assert (2, 3) == parts(rows)["icb", "QUA"]


def test_a_new_trust_made_of_others_begins_partial(tmp_path: Path) -> None:
    """NEWTR is made of RBK and RL4 on 1 June 2026: the last seven days hold two of its own."""
    register = own(
        tmp_path,
        organisations="NEWTR,A new trust,trust,2026-06-01,",
        memberships="NEWTR,QUA,icb,2026-06-01,,false,ours",
        succession="RBK,NEWTR,2026-06-01,merger\nRL4,NEWTR,2026-06-01,merger",
    )
    rows = shown(
        register,
        seen("RBK", at("2026-05-31T12:00")),
        seen("RL4", at("2026-05-31T12:00")),
        seen("NEWTR", at("2026-06-01T12:00"), late=True),
        now=at("2026-06-03T08:00"),
    )
    assert {"NEWTR"} == {org for level, org in rows if level == "trust"}
    assert (0, 1) == parts(rows)["trust", "NEWTR"]
    assert "partial" in rows["trust", "NEWTR"].flags
    assert (2, 3) == parts(rows)["icb", "QUA"]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("day", "file", "count"),
    [(date(2026, 3, 31), "etr_2025-07.csv", 42), (date(2026, 4, 1), "etr_2026-04.csv", 36)],
)
def test_icb_sums_each_side_of_the_reform_are_by_the_membership_of_the_day(
    day: date, file: str, count: int
) -> None:
    """One attendance of every open trust of a day, counted by the ICB that the ODS file of the day gives."""
    if not ODS.is_dir():
        pytest.skip("the official files (../shared/data) are not beside the repository")
    with (ODS / file).open(encoding="utf-8-sig", newline="") as lines:
        trusts = {
            line[0]: line[3]
            for line in csv.reader(lines)
            if line[2].startswith("Y") and not line[11] and line[10] < "20260401"
        }
    noon = at(f"{day}T12:00")
    rows = shown(
        Register.shipped(),
        *(seen(trust, noon) for trust in trusts),
        now=noon + timedelta(days=1),
        window="day",
    )
    assert Counter(trusts.values()) == {
        org: row.denominator for (level, org), row in rows.items() if level == "icb"
    }
    assert count == len({org for level, org in rows if level == "icb"})
    assert len(trusts) == rows["england", "england"].denominator
