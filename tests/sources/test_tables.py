"""Tables as published: how they are packed, encoded and laid out, and what is refused."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import SourceError
from streams.sources.tables import Layout, Table, month, names_a_sum, read_number, rows

LAYOUT = Layout("a table of beds", {"code": "(trust)?code", "date": "date", "beds": "beds"}, {"note": "note"})
CONTENT = "Code,Date,Beds\nRL4,2025-04-30,12\nRNA,30/04/2025,\n"


def file(directory: Path, content: str | bytes, name: str = "beds.csv") -> Path:
    """Write a file."""
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path) -> list[tuple[str, date, int | None]]:
    """Read a table of beds."""
    table = Table(path, LAYOUT)
    return [(table.code(row), table.day(row), table.count(row, "beds")) for row in table]


EXPECTED = [("RL4", date(2025, 4, 30), 12), ("RNA", date(2025, 4, 30), None)]


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        CONTENT.encode("utf-8-sig"),
        CONTENT.encode("utf-16"),
        CONTENT.replace("\n", "\r\n"),
        CONTENT.replace("\n", "\r"),
        "Beds of trusts\n\n" + CONTENT,
        CONTENT + ",,\n\n,,\n",
        CONTENT + "Source: NHS England\n",
        CONTENT + "Notes,,\n",
        CONTENT.replace("Beds\n", "Beds,Trust é\n").replace("12", "12,à").encode("cp1252"),
        CONTENT.replace("Code", "TRUST CODE").replace("RL4", "rl4 ").replace("12", " 12.0"),
    ],
)
def test_a_table_is_read_whatever_varies(tmp_path: Path, content: str | bytes) -> None:
    """Marks, encodings, line ends, titles, empty rows and notes change nothing."""
    assert EXPECTED == read(file(tmp_path, content))


def test_it_may_be_packed(tmp_path: Path) -> None:
    """As .gz, or as the only CSV of a .zip."""
    path = tmp_path / "beds.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/beds.csv", CONTENT)
        archive.writestr("read me.txt", "notes")

    assert EXPECTED == read(file(tmp_path, gzip.compress(CONTENT.encode()), "beds.csv.gz"))
    assert EXPECTED == read(path)


def test_a_torn_archive_is_refused_before_its_first_row(tmp_path: Path) -> None:
    """Rows that can still be unpacked must not get out alone."""
    whole = gzip.compress(b"".join(b"RL4,2025-04-30,%d\n" % number for number in range(9_000)))
    path = file(tmp_path, whole[:-200], "beds.csv.gz")

    with pytest.raises(SourceError, match="cannot be unpacked"):
        next(rows(path))


def test_a_last_line_that_does_not_end_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """12 may have been 125 before the file was cut."""
    read(file(tmp_path, "Code,Date,Beds\nRL4,2025-04-30,12"))

    assert "beds.csv: the last line does not end: a torn file?" in caplog.text


def test_what_a_mac_packs_beside_a_table_is_passed_over(tmp_path: Path) -> None:
    """Its notes have the table's name, and are no table."""
    path = tmp_path / "beds.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("beds.csv", CONTENT)
        archive.writestr("__MACOSX/._beds.csv", b"\0")

    assert EXPECTED == read(path)


@pytest.mark.parametrize("names", [[], ["a.csv", "b.csv"]])
def test_a_zip_that_does_not_hold_one_table_is_refused(tmp_path: Path, names: list[str]) -> None:
    """Which one is meant is not guessed."""
    path = tmp_path / "beds.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)

    with pytest.raises(SourceError, match="needs one .csv inside and has " + (", ".join(names) or "none")):
        read(path)


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("empty", ""),
        ("binary", b"PK\x03\x04\0\0"),
        ("no header: is this a table of beds", "a,b\n1,2\n"),
        (":1: the header does not name once beds: is this a table of beds", "Code,Date\nRL4,2025-04-30\n"),
        (":1: the header does not name once code", "Code,Trust code,Date,Beds\n"),
        (":3: the row ends early", CONTENT.replace("RNA,30/04/2025,", "RNA,30/04/2025")),
        (":3: the row ends early", CONTENT.replace("RNA,30/04/2025,", "RNA")),
        (r":2: column 3 \(Beds\): '1x' is not a count", CONTENT.replace("12", "1x")),
        (r":2: column 3 \(Beds\): '-1' is not a count", CONTENT.replace("12", "-1")),
        (r":2: column 3 \(Beds\): '1.5' is not a count", CONTENT.replace("12", "1.5")),
        (r":2: column 1 \(Code\): 'R L4' is not an organisation's code", CONTENT.replace("RL4", "R L4")),
        (r":2: column 2 \(Date\): '31/04/2025' is not a date", CONTENT.replace("2025-04-30", "31/04/2025")),
        (r":2: column 2 \(Date\): '' is not a date", CONTENT.replace("2025-04-30", "")),
        (":3: not CSV", CONTENT.replace("RNA", '"RNA')),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, said: str, content: str | bytes) -> None:
    """The error names the file, and line and column where there are any."""
    with pytest.raises(SourceError, match=said) as raised:
        read(file(tmp_path, content))

    assert "beds.csv" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("2025-04-30", "30/04/2025", "30/4/25", "30.04.2025", "30-Apr-25", "30 April 2025"),
        *("2025-04-30T00:00:00Z", "2025-04-30 00:00:00", "45777", "45777.0"),
    ],
)
def test_a_day_may_be_written_in_many_ways(tmp_path: Path, text: str) -> None:
    """British dates, never American ones; a spreadsheet's day number counts from 30 December 1899."""
    assert date(2025, 4, 30) == read(file(tmp_path, CONTENT.replace("2025-04-30", text)))[0][1]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        *(((2025, 4), text) for text in ("April 2025", "Apr-25", "RTT-April-2025", "2025-04", "01/04/2025")),
        ((2025, 5), "May 2025"),
        ((2025, 9), "Sep-25"),
    ],
)
def test_a_month_may_be_written_in_many_ways(expected: tuple[int, int], text: str) -> None:
    """In words, as a number, or as a day of it."""
    assert date(*expected, 1) == month(text)


@pytest.mark.parametrize(
    ("expected", "text"), [(True, "2028-02-29"), (True, "01/02/2028"), (False, "15/02/2028")]
)
def test_a_figure_of_one_day_is_of_no_month(tmp_path: Path, expected: bool, text: str) -> None:
    """The first or last day stands for its month, the middle of it for itself."""
    path = tmp_path / "a.csv"
    path.write_text(f"code,date\nRJ1,{text}\n", "utf-8")
    table = Table(path, Layout("a table", {"code": "code", "date": "date"}))
    (row,) = table

    if expected:
        assert date(2028, 2, 1) == table.month(row)
    else:
        with pytest.raises(SourceError, match="'15/02/2028' is not a month such as April 2025"):
            table.month(row)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        *((True, text) for text in ("TOTAL", "TOTAl", "Grand total", "England", "ENG", "E92000001", "All")),
        *((True, text) for text in ("Total England", "England total", "All Trusts", "England (all trusts)")),
        (True, "Total of acute NHS trusts"),
        *((False, text) for text in ("NHS England London", "Totally Healthy", "R0A", "Y56", "Trusts", "")),
        (False, "All Saints Walk-in Centre"),
    ],
)
def test_what_sums_all_is_known_by_its_name(expected: bool, text: str) -> None:
    """A row of England would count everybody twice; a provider whose name begins alike is none."""
    assert expected is names_a_sum(text)


@pytest.mark.parametrize("text", ["2025/26 plan", "Q1 2025/26", "Mayor 25", "", "13/2025"])
def test_what_is_no_month_is_none(text: str) -> None:
    """A year is not a month."""
    assert month(text) is None


@given(st.integers(0, 10**9))
def test_a_count_is_the_same_with_separators(number: int) -> None:
    """16,670 is 16670."""
    assert number == read_number(f"{number:,}") == read_number(f" {number}.0 ")


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_back(day: date) -> None:
    """From its three plainest forms; a month from its name and year."""
    assert day.replace(day=1) == month(f"{day:%Y-%m-%d}") == month(f"{day:%d/%m/%Y}") == month(f"{day:%B %Y}")


def test_an_amount_keeps_its_decimals(tmp_path: Path) -> None:
    """Up to six; a sign for per cent is left out and a mark for nothing is none."""
    table = Table(
        file(tmp_path, 'Code,Date,Beds\nA,,0.889\nB,,"1,250.1234567"\nC,,62.5%\nD,,12.0\nE,,-\nF,,-0.5\n'),
        LAYOUT,
    )

    assert ["0.889000", "1250.123457", "62.500000", 12, None, "-0.500000"] == [
        table.amount(row, "beds") for row in table
    ]
