"""Building the register: the official files give the shipped tables, small ones show the rules."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from streams.errors import SourceError
from streams.organisations import Register
from streams.organisations._names import tidy
from streams.organisations._official import IcbRow, MappedRow, TrustRow, read_icbs, read_mapping, read_trusts
from streams.organisations.build import Snapshot, Sources, build, main

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared" / "data"
TABLES = ("organisations.csv", "memberships.csv", "succession.csv", "conflicts.csv")
OLDER, NEWER = date(2025, 7, 1), date(2026, 4, 1)

BEFORE = ("QH8", "QHG", "QJG", "QM7", "QMJ", "QMM", "QNQ", "QNX", "QRL", "QRV", "QU9", "QUE", "QXU")
AFTER = ("D7T5G", "QRL", "S0E4D", "S1Y5D", "S9B9J", "T6Y0W", "Z9B2Z")


def shipped(name: str) -> str:
    """A shipped table as text."""
    return files("streams.organisations").joinpath("data", name).read_text(encoding="utf-8")


def arguments(out: Path) -> list[str]:
    """The command line that built the shipped tables."""
    return [
        f"--trusts={SHARED / 'ods' / 'etr_2025-07.csv'}@2025-07-01",
        f"--trusts={SHARED / 'ods' / 'etr_2026-04.csv'}@2026-04-01",
        f"--icbs42={SHARED / 'ods' / 'icb42_2025.csv'}",
        f"--icbs36={SHARED / 'ods' / 'icb36_2026-04.csv'}",
        f"--mapping={SHARED / 'ae' / 'System-Mapping.csv'}",
        f"--out={out}",
    ]


def trust(code: str, region: str, icb: str, opened: date | None = None, name: str = "A TRUST") -> TrustRow:
    """A trust that is open."""
    return TrustRow(code, name, region, icb, opened, None)


def sources(older: list[TrustRow], newer: list[TrustRow], mapping: list[MappedRow] | None = None) -> Sources:
    """The ICBs that the reform touches, each in a region through a trust that never moves."""
    anchors_before = [trust(f"B{index}", "Y59", icb) for index, icb in enumerate(BEFORE)]
    anchors_after = [trust(f"A{index}", "Y59", icb) for index, icb in enumerate(AFTER)]
    return Sources(
        snapshots=(
            Snapshot(OLDER, {row.code: row for row in [*anchors_before, *older]}),
            Snapshot(NEWER, {row.code: row for row in [*anchors_after, *newer]}),
        ),
        icbs_before={code: IcbRow(code, code, "Y59") for code in BEFORE},
        icbs_after={code: IcbRow(code, code, "") for code in AFTER},
        mapping=mapping or [],
    )


@pytest.mark.shared_data
def test_building_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The official files give the shipped tables, byte for byte."""
    if not SHARED.is_dir():
        pytest.skip("the official files (../shared/data) are not beside the repository")
    assert 0 == main(arguments(tmp_path))
    assert {name: shipped(name) for name in TABLES} == {
        name: (tmp_path / name).read_bytes().decode() for name in TABLES
    }
    assert "48 icb, 56 provider, 7 region, 271 trust; 812 memberships" in capsys.readouterr().out


def test_the_shipped_tables_hold_what_the_documentation_counts() -> None:
    """docs/organisations.md counts the organisations and lists every conflict as the tables have them."""
    documentation = (ROOT / "docs" / "organisations.md").read_text(encoding="utf-8")
    kinds = Counter(organisation.kind for organisation in Register.shipped().all())
    assert {"trust": 271, "provider": 56, "icb": 48, "region": 7} == kinds
    for kind, count in kinds.items():
        assert f"| `{kind}` | {count} |" in documentation
    for row in list(csv.reader(shipped("conflicts.csv").splitlines()))[1:]:
        assert f"| {' | '.join(row)} |" in documentation


def test_the_tables_hold_no_addresses() -> None:
    """The columns are those that are documented; addresses and postcodes are not among them."""
    assert [
        "code,name,kind,valid_from,valid_to",
        "child,parent,role,valid_from,valid_to,assumed,source",
        "predecessor,successor,date,kind",
        "code,subject,ods,mapping,taken,reason",
    ] == [shipped(name).splitlines()[0] for name in TABLES]


def test_a_new_trust_begins_when_it_opens_after_the_older_file() -> None:
    """Absent from the older file: the open date counts when it lies after it, else it extends backwards.

        older file            newer file
        2025-07-01            2026-04-01
    T1  ......|...2025-10-01==|=========    opened between: assumed until the newer file
    T2  ======|===============|=========    opened long ago: assumed until the newer file
    """
    newer = [trust("T1", "Y59", "QRL", date(2025, 10, 1)), trust("T2", "Y59", "QRL", date(1991, 4, 1))]
    tables, _ = build(sources([], newer))
    assert [
        ("T1", date(2025, 10, 1), NEWER, True),
        ("T1", NEWER, None, False),
        ("T2", None, NEWER, True),
        ("T2", NEWER, None, False),
    ] == [
        (m.child, m.valid_from, m.valid_to, m.assumed) for m in tables.memberships if m.child in {"T1", "T2"}
    ]


def test_a_trust_that_opened_just_before_its_icb_has_a_region_first() -> None:
    """Opened in October 2025 under S0E4D, made on 1 April 2026 of one ICB and a part of another."""
    tables, _ = build(sources([], [trust("T1", "Y59", "S0E4D", date(2025, 10, 1))]))
    assert [("Y59", date(2025, 10, 1), NEWER, True), ("S0E4D", NEWER, None, False)] == [
        (m.parent, m.valid_from, m.valid_to, m.assumed) for m in tables.memberships if m.child == "T1"
    ]


def test_an_icb_lies_where_the_majority_of_its_trusts_lies() -> None:
    """A trust elsewhere does not move its ICB; the disagreement is listed for the ICB and for the trust."""
    tables, conflicts = build(sources([trust("T1", "Y58", "QRL"), trust("T2", "Y59", "QRL")], []))
    assert {"Y59"} == {m.parent for m in tables.memberships if m.child == "QRL"}
    assert [("QRL", "Y59"), ("T1", "Y59")] == [(c.code, c.taken) for c in conflicts if c.subject == "region"]


def test_a_split_icb_leaves_its_provider_in_the_region_the_candidates_share() -> None:
    """Without a shared region the provider has neither ICB nor region, and that is listed."""
    mapping = [MappedRow("P1", "P1", "P1", "QNQ", "Y59")]
    tables, conflicts = build(sources([], [], mapping))
    assert [("Y59", "region")] == [
        (m.parent, m.role) for m in tables.memberships if m.child == "P1" and m.valid_from == NEWER
    ]
    assert ["no ICB; region Y59"] == [c.taken for c in conflicts if c.code == "P1"]

    apart = sources([], [trust("X1", "Y56", "S0E4D"), trust("X2", "Y56", "S0E4D")], mapping)
    tables, conflicts = build(apart)
    assert [] == [m for m in tables.memberships if m.child == "P1" and m.valid_from == NEWER]
    assert ["no ICB, no region"] == [c.taken for c in conflicts if c.code == "P1"]


def test_wales_is_left_out() -> None:
    """A trust is outside England if any file has it in a Welsh region, or in none."""
    older = [trust("T1", "W00", "Q99"), trust("T2", "Y59", "QRL")]
    newer = [trust("T1", "", ""), trust("T2", "", "")]
    tables, _ = build(sources(older, newer))
    assert [] == [o.code for o in tables.organisations if o.code in {"T1", "T2"}]


def test_a_renamed_trust_has_its_newest_name() -> None:
    """A rename has no date in ODS; it is listed."""
    older, newer = (
        trust("T1", "Y59", "QRL", name="OLD NHS TRUST"),
        trust("T1", "Y59", "QRL", name="NEW NHS TRUST"),
    )
    tables, conflicts = build(sources([older], [newer]))
    assert ["New NHS Trust"] == [o.name for o in tables.organisations if o.code == "T1"]
    assert [("T1", "name")] == [(c.code, c.subject) for c in conflicts if c.code == "T1"]


def test_a_reform_that_the_table_of_successions_does_not_know_is_refused() -> None:
    """A list of ICBs with another abolished ICB means that the successions have to be read again."""
    given = sources([], [])
    more = {**given.icbs_before, "QZZ": IcbRow("QZZ", "QZZ", "Y59")}
    with pytest.raises(SourceError, match=r"the ICBs abolished on 2026-04-01 .*correct the table"):
        build(Sources(given.snapshots, more, given.icbs_after, ()))


def test_an_icb_needs_a_trust_file_of_its_time() -> None:
    """Without a file from 1 April 2026 on, no file says where the new ICBs lie."""
    given = sources([], [])
    with pytest.raises(SourceError, match=r"no trust file is of a day on which the ICB D7T5G exists"):
        build(Sources(given.snapshots[:1], given.icbs_before, given.icbs_after, ()))


def test_an_icb_that_nobody_lists_is_refused() -> None:
    """A trust or provider under an unknown ICB is named."""
    with pytest.raises(
        SourceError, match=r"'QZZ', the ICB of P1 in the mapping, is not an ICB on 2025-07-01"
    ):
        build(sources([], [], [MappedRow("P1", "P1", "P1", "QZZ", "Y59")]))


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("Guy's and St Thomas' NHS Foundation Trust", "GUY'S AND ST THOMAS' NHS FOUNDATION TRUST"),
        ("The Newcastle upon Tyne Hospitals", "THE NEWCASTLE UPON TYNE HOSPITALS"),
        ("NHS Staffordshire and Stoke-on-Trent ICB", "NHS STAFFORDSHIRE AND STOKE-ON-TRENT ICB"),
        (
            "LLR EA - The Merlyn Vaz Health & Social Care Centre",
            "Llr Ea - The Merlyn Vaz Health & Social Care Centre",
        ),
        ("DHU Health Care C.I.C", "Dhu Health Care C.I.C"),
        ("Herne Bay Health Care Ltd", "Herne Bay  Health Care LTD "),
    ],
)
def test_names_are_put_into_readable_case(expected: str, name: str) -> None:
    """Acronyms stay in capitals, small words are small except at a beginning."""
    assert expected == tidy(name)


def test_the_mapping_is_read_as_it_is_written(tmp_path: Path) -> None:
    """A code with a blank or a small letter is the code the A&E files have; how it was written is kept."""
    path = tmp_path / "mapping.csv"
    path.write_text(
        "Code,Name,ICB Code,ICB Name,Region Name\n"
        "AQM01 ,Faversham,QKS,Kent,South East Commissioning Region\n"
        "NTV0b,Ashford,QXU,Surrey,South East Commissioning Region\n",
        encoding="utf-8",
    )
    assert [("AQM01", "AQM01 ", "Y59"), ("NTV0B", "NTV0b", "Y59")] == [
        (row.code, row.written, row.region) for row in read_mapping(path)
    ]


def test_a_list_of_icbs_may_end_in_an_empty_row(tmp_path: Path) -> None:
    """The official list of 36 ICBs ends in a line of commas, which is no ICB."""
    path = tmp_path / "icbs.csv"
    path.write_text(
        "Commissioner Parent Org Code,Commissioner Parent Name\nQKK,NHS\n,\n", encoding="utf-8-sig"
    )
    assert {"QKK": IcbRow("QKK", "NHS", "")} == read_icbs(path)


def etr(code: str, region: str, opened: str) -> str:
    """One line of an ODS trust file."""
    return ",".join(f'"{cell}"' for cell in [code, "A TRUST", region, "QKK", *[""] * 6, opened, *[""] * 16])


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        (r"line 1: 2 fields instead of 27", "RJ1,GUY'S\n"),
        (r"line 1, column 11: '2026' is not a date of the form YYYYMMDD", etr("RJ1", "Y56", "2026")),
        (r"line 1, column 3: region 'Y57' is not one of", etr("RJ1", "Y57", "20260401")),
        (r"line 2, column 1: RJ1 stands twice", f"{etr('RJ1', 'Y56', '')}\n{etr('RJ1', 'Y56', '')}"),
        (r"line 1: not CSV", '"RJ1","torn'),
    ],
)
def test_a_file_that_is_not_an_ods_trust_file_is_refused(expected: str, content: str, tmp_path: Path) -> None:
    """A source error names the file, the line and the column."""
    path = tmp_path / "etr.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=rf"etr\.csv.*{expected}|{expected}"):
        read_trusts(path)


def test_an_unknown_region_name_is_refused(tmp_path: Path) -> None:
    """A region name that is none of NHS England's is a mistake in the file."""
    path = tmp_path / "icbs.csv"
    path.write_text("ICB Code,ICB Name,Region Name\nQKK,NHS,Atlantis\n", encoding="utf-8")
    with pytest.raises(SourceError, match="line 2, column Region Name: 'Atlantis' is not a region"):
        read_icbs(path)


def test_the_command_explains_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is one line on standard error, exit code 1 and no table."""
    missing = tmp_path / "none.csv"
    arguments = [
        f"--icbs42={missing}",
        f"--icbs36={missing}",
        f"--mapping={missing}",
        f"--out={tmp_path / 'out'}",
    ]
    assert 1 == main([f"--trusts={missing}@2025-07-01", *arguments])
    assert "none.csv cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("argument", ["etr.csv", "etr.csv@yesterday", "@2025-07-01"])
def test_a_trust_file_needs_its_day(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An ODS file says nothing of the day it was true, so the command asks for it."""
    with pytest.raises(SystemExit):
        main([f"--trusts={argument}"])
    assert "--trusts" in capsys.readouterr().err
