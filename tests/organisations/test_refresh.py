"""Refreshing from official files: what changes is shown first, and nothing that has been is rewritten."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from organisations.tabling import HEADERS

from streams.errors import ConfigurationError, SourceError
from streams.organisations import UNMAPPED, Parents, Register
from streams.organisations.refresh import Change, refresh

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "ods"
FIRST, SECOND = date(2026, 1, 1), date(2026, 4, 1)

ICBS = """\
ICB Code,ICB Name,Region Name
QAA,NHS ALPHA INTEGRATED CARE BOARD,London Commissioning Region
QBB,NHS BETA INTEGRATED CARE BOARD,London Commissioning Region
"""
NEW_ICBS = """\
Code,Name
QBB,NHS BETA INTEGRATED CARE BOARD
QNEW1,NHS GAMMA INTEGRATED CARE BOARD
,
"""


def etr(*trusts: tuple[str, str, str, str, str, str]) -> str:
    """An ODS trust file of (code, name, region, ICB, opened, closed)."""
    return "".join(
        ",".join(f'"{cell}"' for cell in (*one[:4], *[""] * 6, *one[4:], *[""] * 15)) + "\r\n"
        for one in trusts
    )


TRUSTS = (
    ("RA1", "FIRST NHS TRUST", "Y56", "QAA", "19910401", ""),
    ("RB1", "SECOND NHS TRUST", "Y56", "QBB", "19910401", ""),
    ("RB2", "THIRD NHS TRUST", "Y56", "QBB", "19910401", ""),
    ("RW1", "WELSH NHS TRUST", "W00", "Q99", "19910401", ""),
)
LATER = (
    ("RA1", "FIRST NHS TRUST", "Y56", "QNEW1", "19910401", ""),
    ("RB1", "SECOND AND BETTER NHS TRUST", "Y56", "QBB", "19910401", ""),
    ("RB2", "THIRD NHS TRUST", "Y56", "QNEW1", "19910401", ""),
    ("RC1", "FUTURE NHS TRUST", "Y56", "QBB", "20260601", ""),
    ("RD1", "OLD NHS TRUST", "Y56", "QBB", "20200101", "20260331"),
)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A register of two ICBs and three trusts, made by refreshing an empty one."""
    directory = tmp_path / "register"
    directory.mkdir()
    for name, header in HEADERS.items():
        (directory / name).write_text(header + "\n", encoding="utf-8")
    (directory / "organisations.csv").write_text(
        f"{HEADERS['organisations.csv']}\nY56,London,region,,\nY58,South West,region,,\n", encoding="utf-8"
    )
    refresh(directory, [file(tmp_path, "a.csv", etr(*TRUSTS)), file(tmp_path, "b.csv", ICBS)], FIRST).write(
        directory
    )
    return directory


def file(directory: Path, name: str, content: str) -> Path:
    path = directory / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def add_provider(tables: Path) -> None:
    """A provider that no trust file has, in an ICB that will end."""
    with (tables / "organisations.csv").open("a", encoding="utf-8") as lines:
        lines.write("PP1,A provider,provider,,\n")
    with (tables / "memberships.csv").open("a", encoding="utf-8") as lines:
        lines.write("PP1,QAA,icb,,,false,test\n")


def test_everything_that_changes_is_named(tables: Path, tmp_path: Path) -> None:
    """An ICB ends and one begins; a trust is renamed, two moved, one will open, one has closed."""
    files = [file(tmp_path, "c.csv", etr(*LATER)), file(tmp_path, "d.csv", NEW_ICBS)]
    successions = file(tmp_path, "s.csv", f"{HEADERS['succession.csv']}\nQAA,QNEW1,2026-04-01,merger\n")
    add_provider(tables)
    found = refresh(tables, files, SECOND, successions)
    no_date = "ODS gives no date: from the day of the file"
    whole = "assumed: the whole ICB went there"
    assert [
        Change("opened", "QNEW1", "NHS Gamma Integrated Care Board", "", "icb", SECOND, "from QAA"),
        Change("closed", "QAA", "NHS Alpha Integrated Care Board", "icb", "", SECOND, "into QNEW1"),
        Change("moved", "RA1", "First NHS Trust", "QAA", "QNEW1", SECOND, "by succession"),
        Change(
            "renamed",
            "RB1",
            "Second and Better NHS Trust",
            "Second NHS Trust",
            "Second and Better NHS Trust",
            None,
            "ODS gives no date",
        ),
        Change("moved", "RB2", "Third NHS Trust", "QBB", "QNEW1", SECOND, no_date),
        Change("opened", "RC1", "Future NHS Trust", "", "QBB", date(2026, 6, 1)),
        Change("opened", "RD1", "Old NHS Trust", "", "QBB", date(2020, 1, 1)),
        Change("moved", "PP1", "A provider", "QAA", "QNEW1", SECOND, whole),
    ] == list(found.changes)


def test_nothing_is_written_until_it_is_asked_for(tables: Path, tmp_path: Path) -> None:
    """Looking leaves every byte; writing gives a register that knows both sides of the day."""
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    files = [file(tmp_path, "c.csv", etr(*LATER)), file(tmp_path, "d.csv", NEW_ICBS)]
    found = refresh(tables, files, SECOND)
    assert before == {path.name: path.read_bytes() for path in tables.iterdir()}
    found.write(tables)
    register = Register.from_directory(tables)
    day = date(2026, 3, 31)
    assert Parents("QAA", "Y56", assumed=False) == register.parents("RA1", day)
    assert Parents("QNEW1", "Y56", assumed=False) == register.parents("RA1", SECOND)
    assert Parents("QBB", "Y56", assumed=False) == register.parents("RB2", day)
    assert Parents("QBB", "Y56", assumed=True) == register.parents("RD1", day)
    assert Parents(UNMAPPED, UNMAPPED, assumed=False) == register.parents("RC1", date(2026, 5, 31))
    assert Parents("QBB", "Y56", assumed=False) == register.parents("RC1", date(2026, 6, 1))
    assert [False, True] == [register.is_active("RD1", one) for one in (SECOND, day)]
    assert [True, False] == [register.is_active("QAA", one) for one in (day, SECOND)]


def test_the_same_files_again_change_nothing(tables: Path, tmp_path: Path) -> None:
    """What has been written is what the files say; a trust that the file lacks is named each time."""
    files = [file(tmp_path, "c.csv", etr(*LATER)), file(tmp_path, "d.csv", NEW_ICBS)]
    refresh(tables, files, SECOND).write(tables)
    assert () == refresh(tables, files, SECOND).changes
    shorter = [file(tmp_path, "e.csv", etr(*LATER[:2])), files[1]]
    found = refresh(tables, shorter, SECOND)
    assert [("absent", "RB2")] == [(one.kind, one.code) for one in found.changes]
    assert Register.from_directory(tables).parents("RB2", SECOND).icb == "QNEW1"


def test_a_provider_of_an_icb_that_ends_without_a_known_successor_is_unmapped(
    tables: Path, tmp_path: Path
) -> None:
    """It stays visible, and the change says so; the successions are asked for."""
    add_provider(tables)
    files = [file(tmp_path, "c.csv", etr(*LATER)), file(tmp_path, "d.csv", NEW_ICBS)]
    found = refresh(tables, files, SECOND)
    assert ("PP1", "QAA", "unmapped", "no file says where to") in {
        (one.code, one.before, one.after, one.note) for one in found.changes
    }
    assert {"of which ICBs is not known: --successions", "into which ICBs is not known: --successions"} == {
        one.note for one in found.changes if one.code in {"QAA", "QNEW1"}
    }


def test_an_icb_that_moves_to_another_region_is_seen(tables: Path, tmp_path: Path) -> None:
    """Its trusts say so; from the day of the file on, they lie there with it."""
    moved = [("RA1", "FIRST NHS TRUST", "Y58", "QAA", "19910401", ""), *TRUSTS[1:]]
    found = refresh(tables, [file(tmp_path, "c.csv", etr(*moved))], SECOND)
    assert [("moved", "QAA", "Y56", "Y58")] == [
        (one.kind, one.code, one.before, one.after) for one in found.changes
    ]


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        (r"c\.csv, line 2: 3 fields instead of 27", etr(*TRUSTS[:1]) + '"RB1","SECOND","Y5"'),
        (r"c\.csv, line 2: not CSV \(unexpected end of data\)", etr(*TRUSTS[:2])[:-3]),
        (r"c\.csv, line 2: the file ends inside this line", etr(*TRUSTS[:2])[:-4]),
        (r"c\.csv, line 1: 2 fields instead of 27, so this is not an ODS trust file", "Org,Value\nRA1,5\n"),
        (r"c\.csv is empty", ""),
        (
            r"c\.csv, line 1: 5 fields instead of 27",
            "Code,Name,ICB Code,ICB Name,Region Name\nRA1,A,QAA,A,London\n",
        ),
        (
            r"c\.csv, line 2, column 11: '2026-06-01' is not a date",
            etr(TRUSTS[0], (*TRUSTS[1][:4], "2026-06-01", "")),
        ),
        (
            r"c\.csv, line 1, column 4: 'QZZ', the ICB of RA1, is not one on 2026-04-01; give the list",
            etr(("RA1", "FIRST NHS TRUST", "Y56", "QZZ", "19910401", "")),
        ),
        (r"c\.csv, line 2: 3 fields instead of 2", "Code,Name\nQAA,ALPHA,London\n"),
    ],
)
def test_a_torn_or_foreign_file_is_refused_with_its_place(
    expected: str, content: str, tables: Path, tmp_path: Path
) -> None:
    """Before anything is compared, by file and line."""
    with pytest.raises(SourceError, match=expected):
        refresh(tables, [file(tmp_path, "c.csv", content)], SECOND)


def test_a_file_older_than_the_register_is_refused(tables: Path, tmp_path: Path) -> None:
    """What has been is not rewritten."""
    with pytest.raises(SourceError, match=r"knows ODS as of 2026-01-01, and the files are of 2025-12-31"):
        refresh(tables, [file(tmp_path, "c.csv", etr(*TRUSTS))], date(2025, 12, 31))


def test_two_files_of_a_kind_are_refused(tables: Path, tmp_path: Path) -> None:
    """A refresh is of one day."""
    path = file(tmp_path, "c.csv", etr(*TRUSTS))
    with pytest.raises(SourceError, match="is a second ODS trust file"):
        refresh(tables, [path, path], SECOND)


def test_successions_are_held_against_the_lists(tables: Path, tmp_path: Path) -> None:
    """An ICB that goes over as a whole ends on that day, by the list too."""
    files = [file(tmp_path, "c.csv", etr(*LATER)), file(tmp_path, "d.csv", NEW_ICBS)]
    wrong = file(tmp_path, "s.csv", f"{HEADERS['succession.csv']}\nQAA,QNEW1,2026-05-01,merger\n")
    with pytest.raises(ConfigurationError, match=r"s\.csv, line 2, column date: QAA ended on 2026-04-01"):
        refresh(tables, files, SECOND, wrong)
    with pytest.raises(ConfigurationError, match=r"none\.csv of the organisation register cannot be read"):
        refresh(tables, files, SECOND, tmp_path / "none.csv")


@pytest.mark.shared_data
def test_the_shipped_register_is_what_the_newest_files_say() -> None:
    """Refreshing it from the files of 1 April 2026 finds nothing new."""
    if not SHARED.is_dir():
        pytest.skip("the official files (../shared/data) are not beside the repository")
    files = [SHARED / "etr_2026-04.csv", SHARED / "icb36_2026-04.csv"]
    assert () == refresh(None, files, date(2026, 4, 1)).changes


@pytest.mark.shared_data
def test_two_refreshes_come_to_the_shipped_register(tmp_path: Path) -> None:
    """From nothing over July 2025 to April 2026: the same ICB and region for every trust on both days."""
    if not SHARED.is_dir():
        pytest.skip("the official files (../shared/data) are not beside the repository")
    shipped = Register.shipped()
    regions = [one for one in shipped.all() if one.kind == "region"]
    content = {name: f"{header}\n" for name, header in HEADERS.items()}
    content["organisations.csv"] += "".join(f"{one.code},{one.name},region,,\n" for one in regions)
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    older, newer = date(2025, 7, 1), date(2026, 4, 1)
    refresh(tmp_path, [SHARED / "etr_2025-07.csv", SHARED / "icb42_2025.csv"], older).write(tmp_path)
    found = refresh(tmp_path, [SHARED / "etr_2026-04.csv", SHARED / "icb36_2026-04.csv"], newer)
    found.write(tmp_path)
    assert {"QHG", "QUE", "QM7", "QH8", "QJG", "QMM", "QU9", "QNQ", "QXU", "QNX", "QMJ", "QRV"} == {
        one.code for one in found.changes if one.kind == "closed" and one.before == "icb"
    }
    assert {"S1Y5D", "D7T5G", "T6Y0W", "S0E4D", "S9B9J", "Z9B2Z"} == {
        one.code for one in found.changes if one.kind == "opened" and one.after == "icb"
    }
    register = Register.from_directory(tmp_path)
    with (SHARED / "etr_2025-07.csv").open(encoding="utf-8-sig", newline="") as lines:
        trusts = [line[0] for line in csv.reader(lines) if line[2].startswith("Y")]
    assert len(trusts) > 200
    for day in (older, date(2026, 3, 31), newer):
        assert {code: shipped.parents(code, day) for code in trusts} == {
            code: register.parents(code, day) for code in trusts
        }
