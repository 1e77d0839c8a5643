"""The register: golden facts of the shipped tables, its rules on small ones, and what it refuses."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import ConfigurationError
from streams.organisations import ENGLAND, UNMAPPED, Organisation, Parents, Register, Succession
from streams.organisations.register import Membership

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared" / "data"
BEFORE = date(2026, 3, 31)
CHANGE = date(2026, 4, 1)

REGISTER = Register.shipped()
CODES = sorted(organisation.code for organisation in REGISTER.all())
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2028, 12, 31))


def active_icbs(day: date) -> int:
    """How many ICBs the shipped register has on a day."""
    return sum(1 for o in REGISTER.all() if o.kind == "icb" and REGISTER.is_active(o.code, day))


@pytest.mark.parametrize(
    ("expected", "code", "day"),
    [
        (Parents("QKK", "Y56", assumed=False), "RJ1", date(2025, 7, 1)),
        (Parents("QKK", "Y56", assumed=False), "RJ1", BEFORE),
        (Parents("QKK", "Y56", assumed=False), "RJ1", CHANGE),
        (Parents("QKK", "Y56", assumed=True), "RJ1", date(2025, 6, 30)),
        (Parents("QKK", "Y56", assumed=True), "RJ1", date(2022, 4, 1)),
        (Parents("QMJ", "Y56", assumed=False), "RAL", BEFORE),
        (Parents("Z9B2Z", "Y56", assumed=False), "RAL", CHANGE),
    ],
)
def test_a_trust_belongs_to_its_icb_of_the_day(expected: Parents, code: str, day: date) -> None:
    """Memberships are those of the day, and assumed before the older ODS file."""
    assert expected == REGISTER.parents(code, day)


@pytest.mark.parametrize(
    ("expected", "code", "day"),
    [
        (Parents("QKK", "Y56", assumed=False), "RPG", BEFORE),
        (Parents("QKS", "Y59", assumed=False), "RPG", CHANGE),
        (Parents("QHL", "Y60", assumed=False), "RXK", BEFORE),
        (Parents("QUA", "Y60", assumed=False), "RXK", CHANGE),
    ],
)
def test_a_change_without_a_date_applies_from_the_newer_file(expected: Parents, code: str, day: date) -> None:
    """RPG and RXK change between the ODS files without a date: 1 April 2026 it is, over the mapping too."""
    assert expected == REGISTER.parents(code, day)


@pytest.mark.parametrize(("expected", "code"), [("QRV", "RAN"), ("QNQ", "RWX"), ("QHL", "RXK")])
def test_ods_decides_over_the_mapping(expected: str, code: str) -> None:
    """Where System-Mapping says otherwise, the ODS file stands."""
    assert expected == REGISTER.parents(code, date(2025, 8, 1)).icb


@pytest.mark.parametrize(
    ("expected", "code", "day"),
    [
        (Parents("QHG", "Y61", assumed=False), "Y02428", BEFORE),
        (Parents("S1Y5D", "Y61", assumed=True), "Y02428", CHANGE),
        (Parents("QOQ", "Y63", assumed=False), "NNFA7", CHANGE),
        (Parents("QM7", "Y61", assumed=False), "DT301", BEFORE),
        (Parents(UNMAPPED, "Y61", assumed=True), "DT301", CHANGE),
        (Parents(UNMAPPED, "Y59", assumed=True), "Y04538", CHANGE),
        (Parents("QKS", "Y59", assumed=False), "AQM01", date(2025, 8, 1)),
        (Parents("QXU", "Y59", assumed=False), "NTV0B", date(2025, 8, 1)),
    ],
)
def test_a_mapped_provider_follows_an_unambiguous_succession_only(
    expected: Parents, code: str, day: date
) -> None:
    """A split ICB leaves its providers without an ICB, in the region all candidates share."""
    assert expected == REGISTER.parents(code, day)


def test_a_trust_that_opens_later_has_no_parents_before() -> None:
    """K0N6A opens on 1 June 2026, which lies after both files."""
    assert Parents(UNMAPPED, UNMAPPED, assumed=False) == REGISTER.parents("K0N6A", date(2026, 5, 31))
    assert Parents("QKK", "Y56", assumed=False) == REGISTER.parents("K0N6A", date(2026, 6, 1))
    assert not REGISTER.is_active("K0N6A", date(2026, 5, 31))


def test_a_closed_trust_of_the_newer_file_extends_backwards() -> None:
    """RA4 and RVY closed in 2023, stand only in the newer file, and keep their ICB, assumed."""
    assert Parents("QSL", "Y58", assumed=True) == REGISTER.parents("RA4", date(2022, 4, 1))
    assert Parents("QYG", "Y62", assumed=True) == REGISTER.parents("RVY", date(2023, 6, 30))
    assert not REGISTER.is_active("RVY", date(2023, 7, 1))
    assert REGISTER.is_active("RVY", date(2023, 6, 30))


def test_a_closed_trust_is_not_put_under_an_icb_that_did_not_exist() -> None:
    """RBF stands only under S0E4D, made of one ICB and a part of another: only the region is known."""
    assert Parents(UNMAPPED, "Y59", assumed=True) == REGISTER.parents("RBF", BEFORE)
    assert Parents("S0E4D", "Y59", assumed=False) == REGISTER.parents("RBF", CHANGE)


@pytest.mark.parametrize(("expected", "day"), [(42, date(2022, 4, 1)), (42, BEFORE), (36, CHANGE)])
def test_icbs_by_day(expected: int, day: date) -> None:
    """42 ICBs until 31 March 2026, 36 from 1 April 2026."""
    assert expected == active_icbs(day)


@pytest.mark.parametrize("code", ["RQF", "RT4", "RYT", "W00", "Q99"])
def test_wales_is_absent(code: str) -> None:
    """Trusts outside England, and their pseudo-codes, are not in the register."""
    assert None is REGISTER.organisation(code)


def test_an_unknown_code_is_an_unmapped_provider() -> None:
    """What nobody knows is counted as a provider, stays visible as unmapped and is always active."""
    assert "provider" == REGISTER.level("X9999")
    assert Parents(UNMAPPED, UNMAPPED, assumed=False) == REGISTER.parents("X9999", CHANGE)
    assert REGISTER.is_active("X9999", CHANGE)
    assert REGISTER.is_active(UNMAPPED, CHANGE)
    assert REGISTER.organisation("X9999") is None


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("Guy's and St Thomas' NHS Foundation Trust", "RJ1"),
        ("NHS Staffordshire and Stoke-on-Trent Integrated Care Board", "QNC"),
        ("The Pinn Unregistered WIC", "Y03218"),
        ("North East and Yorkshire", "Y63"),
        ("Unmapped organisations", UNMAPPED),
        ("England", ENGLAND),
        ("X9999", "X9999"),
    ],
)
def test_names_can_be_read(expected: str, code: str) -> None:
    """Names are in readable case, and a code without one stands for itself."""
    assert expected == REGISTER.name(code)


@pytest.mark.parametrize(
    ("expected", "code"),
    [("trust", "RJ1"), ("provider", "NNFA7"), ("icb", "QKK"), ("icb", "Z9B2Z"), ("region", "Y56")],
)
def test_levels(expected: str, code: str) -> None:
    """A level is what the register says, never parsed from the code."""
    assert expected == REGISTER.level(code)


def test_england_is_a_level_of_its_own() -> None:
    """The one organisation of the level england is itself."""
    assert ENGLAND == REGISTER.level(ENGLAND)


def test_icbs_and_regions_stand_for_themselves() -> None:
    """An ICB is its own ICB while it exists; a region has no ICB."""
    assert Parents("QMJ", "Y56", assumed=False) == REGISTER.parents("QMJ", BEFORE)
    assert Parents(UNMAPPED, UNMAPPED, assumed=False) == REGISTER.parents("QMJ", CHANGE)
    assert Parents(UNMAPPED, UNMAPPED, assumed=False) == REGISTER.parents("Z9B2Z", BEFORE)
    assert Parents("Z9B2Z", "Y56", assumed=False) == REGISTER.parents("Z9B2Z", CHANGE)
    assert Parents(UNMAPPED, "Y56", assumed=False) == REGISTER.parents("Y56", CHANGE)


def test_change_days_are_real_changes_only() -> None:
    """The ICB reform and the opening of K0N6A; not 1 July 2025, where only an assumption ends."""
    assert (date(2026, 4, 1), date(2026, 6, 1)) == REGISTER.change_days()


def test_a_split_has_several_successors() -> None:
    """Frimley went three ways; Hampshire keeps its code with another footprint."""
    assert {"QRL", "S0E4D", "S9B9J"} == {s.successor for s in REGISTER.succession("QNQ")}
    assert {("QNQ", "split"), ("QRL", "footprint")} == {
        (s.predecessor, s.kind) for s in REGISTER.succession("QRL")
    }
    assert (Succession("QH8", "D7T5G", CHANGE, "merger"),) == REGISTER.succession("QH8")
    assert () == REGISTER.succession("RJ1")


def test_every_icb_has_a_region_while_it_exists() -> None:
    """No ICB falls out of its region's roll-up on a day it exists."""
    missing = [
        (o.code, day)
        for o in REGISTER.all()
        for day in (date(2020, 1, 1), BEFORE, CHANGE)
        if o.kind == "icb" and o.is_active(day) and REGISTER.parents(o.code, day).region == UNMAPPED
    ]
    assert [] == missing


@given(code=st.sampled_from(CODES), day=DAYS)
def test_memberships_of_a_child_never_overlap(code: str, day: date) -> None:
    """On any day a child has at most one ICB and one region of its own."""
    held = [m.role for m in REGISTER.memberships() if m.child == code and m.holds(day)]
    assert len(set(held)) == len(held)


@given(code=st.sampled_from(CODES), day=DAYS)
def test_parents_exist_on_the_day(code: str, day: date) -> None:
    """Whatever a day's parents are, they were active on that day, and the region is the ICB's."""
    parents = REGISTER.parents(code, day)
    assert REGISTER.is_active(parents.icb, day)
    assert REGISTER.is_active(parents.region, day)
    if parents.icb != UNMAPPED:
        assert REGISTER.parents(parents.icb, day).region == parents.region


@given(code=st.sampled_from(CODES), day=DAYS)
def test_parents_change_on_change_days_only(code: str, day: date) -> None:
    """A day that is no change day has the parents of the day before."""
    before, after = REGISTER.parents(code, day - timedelta(days=1)), REGISTER.parents(code, day)
    if day not in REGISTER.change_days():
        assert (before.icb, before.region) == (after.icb, after.region)


@pytest.mark.shared_data
def test_every_trust_of_the_ae_files_has_an_icb() -> None:
    """Whoever published A&E figures in 2025 and stands in ODS is rolled up to an ICB."""
    paths = sorted((SHARED / "ae").glob("*-2025-AE.csv"))
    if not paths:
        pytest.skip("the official files (../shared/data) are not beside the repository")
    published: set[str] = set()
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            published |= {row[0].strip() for row in csv.reader(file) if row}
    trusts = {code for code in published if REGISTER.level(code) == "trust"}
    assert 6 == len(paths)
    assert len(trusts) > 120
    assert [] == [c for c in sorted(trusts) if REGISTER.parents(c, date(2025, 4, 1)).icb == UNMAPPED]


def test_a_region_of_ones_own_counts_where_the_icb_is_unknown() -> None:
    """The ICB's region decides on a day with an ICB, the own one on other days.

    day      1        10        20
    icb      -------- A ------- (none)
    region   ---------- own Y1 -------
    A in     --------- Y2 ------------
    """
    register = Register(
        [
            Organisation("A", "A", "icb", None, None),
            Organisation("P", "P", "provider", None, None),
            Organisation("Y1", "Y1", "region", None, None),
            Organisation("Y2", "Y2", "region", None, None),
        ],
        [
            Membership("A", "Y2", "region", None, None, assumed=False, source="test"),
            Membership("P", "A", "icb", date(2025, 1, 10), date(2025, 1, 20), assumed=False, source="test"),
            Membership("P", "Y1", "region", None, None, assumed=False, source="test"),
        ],
    )
    assert [(UNMAPPED, "Y1"), ("A", "Y2"), ("A", "Y2"), (UNMAPPED, "Y1")] == [
        (register.parents("P", date(2025, 1, day)).icb, register.parents("P", date(2025, 1, day)).region)
        for day in (9, 10, 19, 20)
    ]
    assert (date(2025, 1, 10), date(2025, 1, 20)) == register.change_days()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A copy of the shipped tables that a test may damage."""
    for entry in files("streams.organisations").joinpath("data").iterdir():
        if entry.name.endswith(".csv"):
            (tmp_path / entry.name).write_bytes(entry.read_bytes())
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    """Change the one place where a text stands in a file."""
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1
    path.write_text(content.replace(old, new), encoding="utf-8", newline="\n")


def test_a_directory_of_the_same_tables_is_the_same_register(tables: Path) -> None:
    """The shipped tables read from a directory give the shipped register."""
    assert list(REGISTER.all()) == list(Register.from_directory(tables).all())


@pytest.mark.parametrize(
    ("expected", "table", "old", "new"),
    [
        (
            r"organisations\.csv, line 1, column postcode: not a column",
            "organisations.csv",
            "kind,valid_from",
            "kind,postcode,valid_from",
        ),
        (
            r"organisations\.csv, line 1, column name: stands 0 times",
            "organisations.csv",
            "code,name,",
            "code,",
        ),
        (
            r"succession\.csv, line 2, column date: '2026-04-31' is not a date of the form YYYY-MM-DD",
            "succession.csv",
            "QH8,D7T5G,2026-04-01",
            "QH8,D7T5G,2026-04-31",
        ),
        (
            r"succession\.csv, line 2, column date: '20260401' is not a date",
            "succession.csv",
            "QH8,D7T5G,2026-04-01",
            "QH8,D7T5G,20260401",
        ),
        (
            r"succession\.csv, line 2, column successor: NOBODY is not in organisations\.csv",
            "succession.csv",
            "QH8,D7T5G",
            "QH8,NOBODY",
        ),
        (
            r"memberships\.csv, line \d+, column role: 'ICB' is not one of .*icb, .*region",
            "memberships.csv",
            "K0N6A,QKK,icb",
            "K0N6A,QKK,ICB",
        ),
        (
            r"memberships\.csv, line \d+, column assumed: 'no' is not one of true, false",
            "memberships.csv",
            "K0N6A,QKK,icb,2026-06-01,,false",
            "K0N6A,QKK,icb,2026-06-01,,no",
        ),
        (
            r"memberships\.csv, line \d+, column parent: Y56 is of kind region, but the role is icb",
            "memberships.csv",
            "K0N6A,QKK,icb",
            "K0N6A,Y56,icb",
        ),
        (
            r"memberships\.csv, line \d+, column valid_from: DT301 overlaps with line \d+",
            "memberships.csv",
            "DT301,QM7,icb,2025-07-01",
            "DT301,QM7,icb,2025-06-30",
        ),
        (
            r"memberships\.csv, line \d+, column valid_to: 2025-01-01 is not after valid_from 2025-07-01",
            "memberships.csv",
            "DT301,QM7,icb,2025-07-01,2026-04-01",
            "DT301,QM7,icb,2025-07-01,2025-01-01",
        ),
        (
            r"organisations\.csv, line \d+, column code: QKK already stands in line \d+",
            "organisations.csv",
            "\nQKS,",
            "\nQKK,",
        ),
        (
            r"organisations\.csv, line \d+, column kind: the line has 3 fields instead of 5",
            "organisations.csv",
            "Y56,London,region,,\n",
            "Y56,London,region\n",
        ),
    ],
)
def test_a_damaged_table_is_refused_with_its_place(
    expected: str, table: str, old: str, new: str, tables: Path
) -> None:
    """An error names file, line and column, and what to do."""
    replace(tables / table, old, new)
    with pytest.raises(ConfigurationError, match=expected + r".*rebuild the tables"):
        Register.from_directory(tables)


def test_a_torn_table_is_refused(tables: Path) -> None:
    """A file that ends inside a line was not written to its end."""
    path = tables / "memberships.csv"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ConfigurationError, match=r"memberships\.csv, line 813: .*torn"):
        Register.from_directory(tables)


def test_a_missing_table_is_refused(tables: Path) -> None:
    """The table that is missing is named."""
    (tables / "succession.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"succession\.csv .*cannot be read"):
        Register.from_directory(tables)


def test_a_table_that_is_not_utf8_is_refused(tables: Path) -> None:
    """A spreadsheet's own encoding is not guessed."""
    with (tables / "organisations.csv").open("ab") as file:
        file.write(b"X1,Caf\xe9,provider,,\n")
    with pytest.raises(ConfigurationError, match=r"organisations\.csv, byte \d+: not UTF-8"):
        Register.from_directory(tables)


def test_the_shipped_tables_are_sorted() -> None:
    """Sorted lines make a new ODS file a difference one can read."""
    for name in ("organisations.csv", "memberships.csv", "succession.csv", "conflicts.csv"):
        content = files("streams.organisations").joinpath("data", name).read_text(encoding="utf-8")
        rows = list(csv.reader(content.splitlines()))[1:]
        assert all(earlier < later for earlier, later in pairwise(rows))
