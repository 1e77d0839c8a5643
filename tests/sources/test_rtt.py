"""The RTT full extract: a small synthetic month in the published shape."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path

import pytest
from published import finals, text_of, write

from schemas.fast import decode
from streams.errors import SourceError
from streams.sources import rtt

BANDS = [*(f"Gt {weeks:02d} To {weeks + 1:02d} Weeks SUM 1" for weeks in range(104)), "Gt 104 Weeks SUM 1"]
HEADER = [
    *("Period", "Provider Parent Org Code", "Provider Parent Name", "Provider Org Code", "Provider Org Name"),
    *("Commissioner Parent Org Code", "Commissioner Parent Name"),
    *("Commissioner Org Code", "Commissioner Org Name"),
    *("RTT Part Type", "RTT Part Description", "Treatment Function Code", "Treatment Function Name"),
    *BANDS,
    *("Total", "Patients with unknown clock start date", "Total All"),
]
INCOMPLETE = "Incomplete Pathways"


def row(
    provider: str,
    commissioner: str,
    function: str,
    waits: dict[int, int],
    *,
    part: str = INCOMPLETE,
    period: str = "RTT-June-2026",
    total: str | None = None,
) -> list[str]:
    """One row; `waits` are patients by whole weeks waited, 104 standing for all above."""
    bands = [str(waits[weeks]) if weeks in waits else "" for weeks in range(105)]
    names = ["QUE", "AN ICB", provider, "A TRUST", "QUE", "AN ICB", commissioner, "AN ICB"]
    totals = ["", "", str(sum(waits.values())) if total is None else total]
    return [period, *names, "Part_2", part, function, "A function", *bands, *totals]


SMALL = [
    row("RGT", "06H", "C_100", {3: 10}),
    row("RGT", "06H", "C_110", {17: 20, 18: 5, 60: 1}),
    row("RGT", "06H", "C_999", {3: 10, 17: 20, 18: 5, 60: 1}),
    row("RGT", "NONC", "C_999", {104: 4}),
    row("NVC04", "06H", "C_110", {2: 7, 30: 3}),
    row("NVC04", "06H", "X05", {2: 1}),
    row("RGT", "06H", "C_999", {3: 900}, part="Incomplete Pathways with DTA"),
    row("RGT", "06H", "C_999", {3: 900}, part="New RTT Periods - All Patients"),
    row("RGT", "ENGLAND", "C_999", {3: 900}),
    row("Total", "06H", "C_999", {3: 900}),
]


def test_all_functions_or_the_functions_never_both(tmp_path: Path) -> None:
    """RGT: 30 of 40 within 18 weeks, from C_999 of two commissioners; NVC04: 8 of 11, from its functions."""
    rows = {
        (one.indicator, one.org): (one.numerator, one.denominator)
        for one in finals(rtt.load(write(tmp_path / "a.csv", HEADER, *SMALL)))
        if not one.strata
    }

    assert ((30, 40), (8, 11)) == (rows["rtt_18w", "RGT"], rows["rtt_18w", "NVC04"])
    assert (38, 51) == rows["rtt_18w", "england"]


@pytest.mark.parametrize(("code", "name"), [("999", "Total"), ("Total", ""), ("C_000", "All functions")])
def test_all_functions_are_known_however_they_are_called(tmp_path: Path, code: str, name: str) -> None:
    """Else everybody would be counted twice."""
    whole = row("RGT", "06H", code, {3: 10, 17: 20})
    whole[12] = name or whole[12]
    path = write(tmp_path / "a.csv", HEADER, row("RGT", "06H", "C_100", {3: 10, 17: 20}), whole)

    (census,) = rtt.load(path)
    assert 30 == sum(census["data"]["bands"])


def test_a_provider_becomes_a_census_at_the_end_of_the_month(tmp_path: Path) -> None:
    """Week bands as published: 10 of three weeks, 20 of seventeen, and the open band last."""
    _, event = rtt.load(write(tmp_path / "a.csv", HEADER, *SMALL))
    data = decode(json.dumps(event).encode()).data

    assert ("RGT", "month", date(2026, 6, 30)) == (data.org, data.cadence, data.census_date)
    assert {3: 10, 17: 20, 18: 5, 60: 1, 104: 4} == {week: n for week, n in enumerate(data.bands) if n}
    assert ("rtt_full_extract", "2026-06-30T23:00:00Z") == (data.publication, event["recordedtime"])


def test_a_zip_holds_the_same(tmp_path: Path) -> None:
    """As published."""
    path = tmp_path / "Full-CSV-data-file-Jun26.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20260630-RTT-June-2026-full-extract.csv", text_of(HEADER, *SMALL))

    assert list(rtt.load(write(tmp_path / "a.csv", HEADER, *SMALL))) == list(rtt.load(path))


def test_weeks_that_do_not_add_up_are_taken_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The total is not used for anything else."""
    list(rtt.load(write(tmp_path / "a.csv", HEADER, row("RGT", "06H", "C_999", {3: 10}, total="11"))))

    assert "a.csv:2: the weeks do not add up to the total" in caplog.text


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("a header and no incomplete pathways", [HEADER]),
        (":3: RGT for 06H, C_999, stands already above", [HEADER, SMALL[2], SMALL[2]]),
        (
            "'RTT-July-2026' is not the month of the rows before, 2026-06",
            [HEADER, SMALL[2], row("RGT", "07H", "C_999", {}, period="RTT-July-2026")],
        ),
        ("'' is not an organisation's code: is the row a sum", [HEADER, row("RGT", "", "C_999", {3: 1})]),
        ("does not name once over 53 weeks", [[one for one in HEADER if "53 To" not in one], SMALL[0]]),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, said: str, rows: list[list[str]]) -> None:
    """A file of before April 2021 ends at 52 weeks: it is not read as if nobody waited longer."""
    with pytest.raises(SourceError, match=said):
        next(rtt.load(write(tmp_path / "a.csv", *rows)))
