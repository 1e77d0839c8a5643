"""The official A&E file: every oddity seen in published months, and the published percentages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schemas.fast import decode
from streams.catalogue import Catalogue
from streams.commands.replay import Line, as_log, replay
from streams.errors import SourceError
from streams.organisations import Register
from streams.sources import ae

Write = Callable[..., Path]

TYPES = (
    "Type 1 Departments - Major A&E",
    "Type 2 Departments - Single Specialty",
    "Type 3 Departments - Other A&E/Minor Injury Unit",
)
HEADER = [
    *("Code", "Region", "Name"),
    *(*TYPES, "Total attendances"),
    *(*TYPES, "Total Attendances < 4 hours"),
    *(*TYPES, "Total Attendances > 4 hours"),
    "Percentage in 4 hours or less (all)",
    *(f"Percentage in 4 hours or less (type {number})" for number in (1, 2, 3)),
    *("Emergency Admissions via Type 1 A&E", "Emergency Admissions via Type 2 A&E"),
    *("Emergency Admissions via Type 3 and 4 A&E", "Total Emergency Admissions via A&E"),
    *("Other Emergency admissions (i.e not via A&E)", "Total Emergency Admissions"),
    "Number of patients spending >4 hours from decision to admit to admission",
    "Number of patients spending >12 hours from decision to admit to admission",
]
COLLECTION = [
    *("Period", "Org Code", "Parent Org", "Org name"),
    *("A&E attendances Type 1", "A&E attendances Type 2", "A&E attendances Other A&E Department"),
    *(f"A&E attendances Booked Appointments {kind}" for kind in ("Type 1", "Type 2", "Other Department")),
    *(f"Attendances over 4hrs {kind}" for kind in ("Type 1", "Type 2", "Other Department")),
    *(f"Attendances over 4hrs Booked Appointments {one}" for one in ("Type 1", "Type 2", "Other Department")),
    "Patients who have waited 4-12 hs from DTA to admission",
    "Patients who have waited 12+ hrs from DTA to admission",
    *("Emergency admissions via A&E - Type 1", "Other emergency admissions"),
]
MONTHS = ("April", "May", "June", "July", "August", "September")


def row(code: str, total: str = "100", within: str = "80", over: str = "20", dta: str = "3") -> list[str]:
    """One provider's row; what is not read is filled with noughts."""
    return [
        *(code, "NHS England Midlands ", "A trust"),
        *("0", "0", "0", total),
        *("0", "0", "0", within),
        *("0", "0", "0", over),
        *("80.00%", "-", "", "100.0"),
        *["0"] * 7,
        dta,
    ]


def collected(code: str, attended: str, over: str, *, period: str = "MSitAE-FEBRUARY-2028") -> list[str]:
    """One provider's row of the collection: attendances and those over four hours, booked ones last."""
    return [
        period,
        code,
        "NHS ENGLAND LONDON ",
        "A TRUST",
        *attended.split(),
        *over.split(),
        "9",
        "3",
        "0",
        "0",
    ]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows as a file named after a month, with bytes in front."""

    def to_file(*rows: list[str], name: str = "April-2025-AE.csv", mark: bytes = b"") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        path.write_bytes(mark + path.read_bytes())
        return path

    return to_file


def figures(path: Path) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    """Numerator and denominator by organisation and measure; every event meets the contract."""
    found = {}
    for one in ae.load(path):
        data = decode(json.dumps(one).encode()).data
        found[data.org, data.measure] = (data.numerator, data.denominator)
    return found


def test_a_row_becomes_the_four_hour_measure_and_the_long_waits(write: Write) -> None:
    """80 of 100 within four hours, 3 waits over 12 hours for a bed; the period is the month, local."""
    first, second = ae.load(write(HEADER, row("RL4")))

    assert ("ae_4h_all_types", 80, 100) == tuple(
        first["data"][name] for name in ("measure", "numerator", "denominator")
    )
    assert ("ae_dta_12h", 3) == (second["data"]["measure"], second["data"]["numerator"])
    assert ("2025-04-01", "2025-05-01") == (first["data"]["period_start"], first["data"]["period_end"])
    assert "2025-04-30T23:00:00Z" == first["time"] == first["recordedtime"]
    assert "ae_attendances_monthly" == first["data"]["publication"]


def test_the_time_it_became_known_is_the_version(write: Write) -> None:
    """A later publication of the same month replaces the earlier."""
    path = write(HEADER, row("RL4"))
    known = datetime(2025, 6, 12, 9, 30, tzinfo=UTC)

    assert {1_749_720_600_000_000} == {one["data"]["version"] for one in ae.load(path, known)}
    assert {"2025-06-12T09:30:00Z"} == {one["recordedtime"] for one in ae.load(path, known)}


def test_december_ends_with_the_year(write: Write) -> None:
    """The month after December is January of the next year."""
    (first, _) = ae.load(write(HEADER, row("RL4"), name="December-2025.csv"))

    assert "2026-01-01" == first["data"]["period_end"]


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ((12_345, 16_670), {"total": "16,670", "within": "12,345", "over": "4,325"}),
        ((80, 100), {"total": " 100 ", "within": "80.0", "over": "20"}),
        ((0, 0), {"total": "0", "within": "0", "over": "0"}),
        ((None, None), {"total": "-", "within": "-", "over": "-"}),
        ((None, None), {"total": "", "within": "", "over": ""}),
        ((None, None), {"total": "100", "within": "-", "over": ""}),
        ((79, 100), {"total": "100", "within": "79", "over": "20"}),
        ((80, 100), {"total": "", "within": "80", "over": "20"}),
        ((80, 100), {"total": "100", "within": "", "over": "20"}),
        ((80, 100), {"total": "100", "within": "80", "over": "-"}),
        ((0, 20), {"total": "20", "within": "-", "over": "20"}),
    ],
)
def test_numbers_as_published(
    write: Write, expected: tuple[int | None, int | None], given: dict[str, str]
) -> None:
    """Thousands separators are read, a dash or a blank is no figure, sums that differ are taken so."""
    assert expected == figures(write(HEADER, row("RL4", **given)))["RL4", "ae_4h_all_types"]


@pytest.mark.parametrize(
    "given",
    [
        {"total": "100", "within": "-", "over": ""},
        {"total": "", "within": "80", "over": ""},
        {"total": "100", "within": "", "over": "120"},
        {"total": "100", "within": "120", "over": ""},
    ],
)
def test_what_cannot_be_derived_is_said(
    write: Write, caplog: pytest.LogCaptureFixture, given: dict[str, str]
) -> None:
    """A provider of whom something is known does not disappear in silence."""
    assert (None, None) == figures(write(HEADER, row("RL4", **given)))["RL4", "ae_4h_all_types"]
    assert "April-2025-AE.csv:2: RL4: " in caplog.text


def test_a_provider_without_figures_needs_no_word(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of the three is known, so nothing was lost."""
    figures(write(HEADER, row("RL4", total="-", within="-", over="-")))

    assert "" == caplog.text


@pytest.mark.parametrize("damaged", [False, True])
def test_a_blank_column_of_totals_is_derived(write: Write, damaged: bool) -> None:
    """Some months have none throughout; under a damaged header the three types prove the layout."""
    header = ["\ufffd" if damaged and "Total Att" in word else word for word in HEADER]
    rows = [row("RL4", total=""), row("RNA", total="", within="70", over="0")]
    rows[0][3:6], rows[1][3:6] = ["60", "0", "40"], ["70", "-", ""]
    found = figures(write(header, *rows))

    assert [(80, 100), (70, 70)] == [found[code, "ae_4h_all_types"] for code in ("RL4", "RNA")]


@pytest.mark.parametrize("blank", ["N/A", "n/a", "..", "\u2013", "\u2014", "#REF!", "NULL", "-", ""])
def test_marks_that_stand_for_nothing(write: Write, blank: str) -> None:
    """They are no value, not an error."""
    found = figures(write(HEADER, row("RL4", total=blank, dta=blank)))

    assert {("RL4", "ae_4h_all_types"): (80, 100), ("RL4", "ae_dta_12h"): (None, None)} == found


def test_a_code_in_lower_case_is_the_same_provider(write: Write) -> None:
    """Codes are upper case; a word among the notes below is no code."""
    rows = [row("rc9"), row("rbk"), ["Notes"], ["Provisional", *[""] * 26]]

    assert {"RC9", "RBK"} == {org for org, _ in figures(write(HEADER, *rows))}


def test_a_row_repeated_with_the_same_figures_counts_once(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy is passed over, and said to be."""
    path = write(HEADER, row("RL4", total="1000", within="980"), row("rl4 ", total="1,000", within="980"))

    assert (980, 1000) == figures(path)["RL4", "ae_4h_all_types"]
    assert 2 == len(list(ae.load(path)))
    assert ":3: RL4 stands already in line 2 with the same figures" in caplog.text


@pytest.mark.parametrize("last", [row("RNA")[:10], row("RL4", within="79"), row("RNA", dta="many")])
def test_nothing_comes_out_of_a_file_that_is_bad_at_its_end(write: Write, last: list[str]) -> None:
    """The first event waits until every line has been checked."""
    events = ae.load(write(HEADER, row("RL4"), last))

    with pytest.raises(SourceError):
        next(events)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_line_ends_and_encodings(tmp_path: Path, encoding: str, ending: str) -> None:
    """A lone carriage return ends a line too, and a spreadsheet's Unicode is read."""
    path = tmp_path / "April-2025-AE.csv"
    lines = (",".join(cells) for cells in (HEADER, row("RL4", over="\u2013"), row("RNA")))
    path.write_bytes(ending.join(lines).encode(encoding))

    assert {("RL4", (80, 100)), ("RNA", (80, 100))} == {
        (org, found) for (org, measure), found in figures(path).items() if measure == "ae_4h_all_types"
    }


def test_utf_16_of_either_byte_order_is_read(write: Write) -> None:
    """Its mark tells which."""
    path = write(HEADER, row("RL4"))
    path.write_bytes(b"\xfe\xff" + path.read_text().encode("utf-16-be"))

    assert (80, 100) == figures(path)["RL4", "ae_4h_all_types"]


def test_a_byte_order_mark_is_no_part_of_the_header(write: Write) -> None:
    """Some months begin with one."""
    path = write(HEADER, row("RL4"), mark=b"\xef\xbb\xbf")

    assert (80, 100) == figures(path)["RL4", "ae_4h_all_types"]


def test_titles_above_the_header_are_passed_over_and_may_name_the_month(write: Write) -> None:
    """Later files carry a title, a blank line, and the period."""
    path = write(["A&E Attendances"], [], ["Period:", "September 2025"], HEADER, row("RL4"), name="file.csv")
    (first, _) = ae.load(path)

    assert "2025-09-01" == first["data"]["period_start"]


def test_a_total_row_is_left_out(write: Write) -> None:
    """It would count everybody twice."""
    path = write(HEADER, row("RL4"), row("TOTAL"), row("-", total="100"), ["", "", "Total"])

    assert {"RL4"} == {org for org, _ in figures(path)}


@pytest.mark.parametrize(
    ("code", "region", "name"),
    [
        ("ENG", "", ""),
        ("ENGLAND", "", ""),
        ("Total", "-", "-"),
        ("total", "", ""),
        ("X24", "NHS England", " England "),
        ("ALL", "Total", ""),
        ("-", "", "Grand  Total"),
        ("ABC", "England Total", ""),
    ],
)
def test_a_total_is_known_by_code_region_or_name(write: Write, code: str, region: str, name: str) -> None:
    """Whatever word it goes by; a region that only contains the word England is no total."""
    path = write(
        HEADER,
        ["RL4", "NHS England East Of England", "Total Care England", *row("RL4")[3:]],
        [code, region, name, *row("")[3:]],
    )

    assert {"RL4"} == {org for org, _ in figures(path)}


def test_a_total_is_known_wherever_the_name_stands(write: Write) -> None:
    """The columns of region and name are found by their headers."""
    order = [0, 26, 14, 10, 6, 2]
    rows = [HEADER, row("RL4"), ["X24", "", "Total", *row("X24")[3:]]]

    assert {"RL4"} == {org for org, _ in figures(write(*([cells[i] for i in order] for cells in rows)))}


def test_the_csv_of_the_collection_is_added_up(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """RJ1: 60 + 0 + 30 and booked 10: 100, of which 20 + 0 + 3 and booked 1 over four hours: 76 within."""
    rows = [
        collected("RJ1", "60 0 30 10 0 0", "20 0 3 1 0 0"),
        collected("NQM01", "0 0 40 0 0 5", "0 0 2 0 0 0"),
        ["TOTAL", "TOTAL", "TOTAL", "TOTAL", *collected("RJ1", "60 0 70 10 0 5", "20 0 5 1 0 0")[4:]],
    ]
    path = write(COLLECTION, *rows, name="February-2028-CSV-xyz.csv", mark=b"\xef\xbb\xbf")

    assert {
        ("RJ1", "ae_4h_all_types"): (76, 100),
        ("RJ1", "ae_dta_12h"): (3, None),
        ("NQM01", "ae_4h_all_types"): (43, 45),
        ("NQM01", "ae_dta_12h"): (3, None),
    } == figures(path)
    assert "15 attendances by booked appointment are added" in caplog.text
    assert {("2028-02-01", "2028-03-01")} == {
        (one["data"]["period_start"], one["data"]["period_end"]) for one in ae.load(path)
    }


def test_before_bookings_were_counted_there_are_six_columns_fewer(write: Write) -> None:
    """A file of June 2020."""
    keep = [i for i, name in enumerate(COLLECTION) if "Booked" not in name]
    line = collected("RJ1", "60 0 30 0 0 0", "20 0 3 0 0 0", period="MSitAE-JUNE-2020")
    path = write(*([one[i] for i in keep] for one in (COLLECTION, line)), name="june.csv")

    assert (67, 90) == figures(path)["RJ1", "ae_4h_all_types"]


@pytest.mark.parametrize(
    ("expected", "attended", "over"),
    [
        ((67, 90), ("60", "", "30"), ("20", "", "3")),
        ((None, None), ("60", "", "30"), ("20", "4", "3")),
        ((None, None), ("60", "5", "30"), ("20", "-", "3")),
        ((None, None), ("", "", ""), ("", "", "")),
    ],
)
def test_a_type_half_blank_makes_no_sum(
    expected: tuple[int | None, int | None], attended: tuple[str, ...], over: tuple[str, ...], write: Write
) -> None:
    """Blank in both a provider has not got the type; blank in one, what is left would be too small."""
    line = collected("RJ1", "0 0 0 0 0 0", "0 0 0 0 0 0")
    line[4:7], line[10:13] = attended, over
    line[7:10] = line[13:16] = ["", "", ""]

    assert expected == figures(write(COLLECTION, line))["RJ1", "ae_4h_all_types"]


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("does not name once over, booked type 2", [[*COLLECTION[:14], "Over 4h, bookd", *COLLECTION[15:]]]),
        (
            "'MSitAE-MARCH-2028' is not the month of the rows before, 2028-02",
            [
                COLLECTION,
                collected("RJ1", "1 0 0 0 0 0", "0 0 0 0 0 0"),
                collected("RJ2", "1 0 0 0 0 0", "0 0 0 0 0 0", period="MSitAE-MARCH-2028"),
            ],
        ),
        ("a header and no provider", [COLLECTION]),
        ("'x' is not a count", [COLLECTION, collected("RJ1", "x 0 0 0 0 0", "0 0 0 0 0 0")]),
        (
            "stands already in line 2, with other figures",
            [
                COLLECTION,
                collected("RJ1", "1 0 0 0 0 0", "0 0 0 0 0 0"),
                collected("RJ1", "2 0 0 0 0 0", "0 0 0 0 0 0"),
            ],
        ),
    ],
)
def test_a_collection_that_is_not_understood_is_refused(
    write: Write, said: str, rows: list[list[str]]
) -> None:
    """By line and column; a column of bookings is not left out because its header is damaged."""
    with pytest.raises(SourceError, match=said):
        list(ae.load(write(*rows)))


def test_columns_are_found_by_their_headers(write: Write) -> None:
    """Columns in another order give the same figures."""
    order = [0, 2, 26, 14, 10, 6]
    path = write([HEADER[i] for i in order], [row("RL4")[i] for i in order])

    assert {("RL4", "ae_4h_all_types"): (80, 100), ("RL4", "ae_dta_12h"): (3, None)} == figures(path)


def test_a_corrupted_header_is_read_by_position_if_the_sums_agree(write: Write) -> None:
    """Words of the header are damaged in some months; the layout has not changed, and the sums prove it."""
    damaged = ["Code", *("�" if "Total Att" in word else word for word in HEADER[1:])]

    assert (80, 100) == figures(write(damaged, row("RL4")))["RL4", "ae_4h_all_types"]
    with pytest.raises(SourceError, match="cannot tell the columns for within_4h, over_4h"):
        figures(write(damaged, row("RL4", within="79")))


@pytest.mark.parametrize("rows_too", [False, True])
def test_a_corrupted_header_may_have_empty_columns_behind_it(
    write: Write,
    rows_too: bool,
) -> None:
    """A spreadsheet adds them; the layout is the same."""
    damaged = [*("\ufffd" if "Total Att" in word else word for word in HEADER), "", " ", ""]
    path = write(damaged, [*row("RL4"), *([""] * 3 if rows_too else [])])

    assert (80, 100) == figures(path)["RL4", "ae_4h_all_types"]


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("ends early: a torn file", [HEADER, row("RL4"), row("RNA")[:10]]),
        (":3: RL4 stands already in line 2", [HEADER, row("RL4"), row("RL4", within="79")]),
        (":3: RL4 stands already in line 2", [HEADER, row("RL4"), row("rl4", dta="4")]),
        (":2: column 7: '#VALUE!' is not a count", [HEADER, row("RL4", total="#VALUE!")]),
        ("no header", [["a", "b"], row("RL4")]),
        ("a header and no provider", [HEADER]),
        (":2: column 7: 'many' is not a count", [HEADER, row("RL4", total="many")]),
        (":2: column 11: '-3' is not a count", [HEADER, row("RL4", within="-3")]),
        (":2: column 7: '10.5' is not a count", [HEADER, row("RL4", total="10.5")]),
        (":2: column 7: 'inf' is not a count", [HEADER, row("RL4", total="inf")]),
        (":2: column 7: 'nan' is not a count", [HEADER, row("RL4", total="nan")]),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused(write: Write, said: str, rows: list[list[str]]) -> None:
    """The error names file, line and column."""
    with pytest.raises(SourceError, match=said) as raised:
        figures(write(*rows))

    assert "April-2025-AE.csv" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("empty", b""),
        ("empty", b" \r\n\n"),
        ("binary", b"PK\x03\x04\x14\0\x06\0"),
        ("no header", b"\xff\xfe\xfd"),
        ("empty", b"\xff\xfe"),
        ("binary", b"\xff\xfe\0\0C\0\0\0"),
    ],
)
def test_an_empty_or_binary_file_is_refused(tmp_path: Path, said: str, content: bytes) -> None:
    """A workbook under the name of a CSV says what to do."""
    path = tmp_path / "April-2025-AE.csv"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=said):
        figures(path)


@pytest.mark.parametrize("torn", ['"RNA', f'"{"x" * 200_000}"'])
def test_a_torn_quotation_is_refused(write: Write, torn: str) -> None:
    """A quotation mark that never closes would swallow every provider after it."""
    path = write(HEADER, row("RL4"), row("RBK"))
    path.write_text(path.read_text().replace("RBK", torn))

    with pytest.raises(SourceError, match=":3: not CSV"):
        figures(path)


def test_a_missing_file_and_a_missing_month_are_refused(write: Write, tmp_path: Path) -> None:
    """Neither is guessed."""
    with pytest.raises(SourceError, match="No such file"):
        figures(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="no month in the name"):
        figures(write(HEADER, row("RL4"), name="ae.csv"))


@cache
def board(directory: Path) -> list[Any]:
    """Every month of the shared files through engine and assessment, finals."""
    lines = [
        json.dumps(one).encode()
        for month in MONTHS
        for one in ae.load(directory / "ae" / f"{month}-2025-AE.csv")
    ]
    rows, outputs = replay(
        as_log(Line("made", line) for line in lines),
        catalogue=Catalogue.shipped(),
        register=Register.shipped(),
        finals=True,
    )
    assert [] == outputs.refused
    return [one for one in rows if one.indicator == "ae_4h_all_types" and one.window == "month"]


@pytest.mark.parametrize(
    ("numerator", "denominator", "month"),
    [(1_718_099, 2_297_421, 4), (1_733_831, 2_310_222, 9)],
)
def test_england_is_what_was_published(
    shared_data: Path, numerator: int, denominator: int, month: int
) -> None:
    """Attendances within four hours and in all, summed over the providers."""
    (england,) = [
        one
        for one in board(shared_data)
        if one.level == "england" and one.period_start == date(2025, month, 1)
    ]

    assert (numerator, denominator) == (england.numerator, england.denominator)
    assert "official" == england.basis


@pytest.mark.parametrize("month", MONTHS)
def test_every_published_percentage_comes_out(shared_data: Path, month: str) -> None:
    """At one decimal, half up, of the row's own published figure."""
    start = date(2025, 4 + MONTHS.index(month), 1)
    ours = {
        one.org: one
        for one in board(shared_data)
        if one.level in ("trust", "provider") and one.period_start == start
    }
    path = shared_data / "ae" / f"{month}-2025-AE.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        published = {
            cells[0]: Decimal(cells[15].rstrip("%"))
            for cells in list(csv.reader(file))[1:]
            if cells and int(cells[6].replace(",", "").replace("-", "0") or 0)
        }
    wrong = {
        code: (theirs, ours[code].value)
        for code, theirs in published.items()
        if theirs.quantize(Decimal("0.1"), ROUND_HALF_UP) != one_decimal(ours[code])
    }

    assert len(published) > 180
    assert {} == wrong


def one_decimal(ours: Any) -> Decimal:
    """Give the percentage at one decimal, half up, from the counts."""
    return (Decimal(100 * int(ours.numerator)) / int(ours.denominator)).quantize(
        Decimal("0.1"), ROUND_HALF_UP
    )


@pytest.mark.parametrize("month", range(4, 10))
def test_icbs_and_the_unmapped_add_up_to_england(shared_data: Path, month: int) -> None:
    """Nobody is lost or counted twice on the way up."""
    rows = [one for one in board(shared_data) if one.period_start == date(2025, month, 1)]
    england = next(one for one in rows if one.level == "england")
    icbs = [one for one in rows if one.level == "icb"]

    assert len(icbs) >= 42
    assert (england.numerator, england.denominator) == (
        sum(one.numerator or 0 for one in icbs),
        sum(one.denominator or 0 for one in icbs),
    )
