"""The NHS Oversight Framework CSV: imported as published, in no sum."""

from __future__ import annotations

from pathlib import Path

import pytest
from published import finals, write

from streams.catalogue import Catalogue
from streams.errors import SourceError
from streams.sources import nof

HEADER = [
    *("Region", "Trust_type", "Trust_subtype", "Trust_code", "Trust_name", "Domain", "Sub-domain"),
    *("Metric_ID", "Metric_description", "Reporting_date", "Units", "Value", "Median_value"),
    *("Lower_quartile", "Upper_quartile", "Rank"),
]
QUARTER = "2025-07-01"


def row(
    code: str,
    metric: str,
    *published: str,
    units: str = "percentage",
    reported: str = "Sep-25",
) -> list[str]:
    """One metric of one trust: value, median, lower and upper quartile, rank."""
    about = ["London", "Acute trust", "Large", code, "A trust", "Access", "Elective", metric, "A metric"]
    return [*about, reported, units, *published]


def load(path: Path) -> list[dict[str, object]]:
    """Read a file against the shipped catalogue."""
    return list(nof.load(path, declared=Catalogue.shipped().measures))


def test_every_published_figure_has_its_name_and_no_sum(tmp_path: Path) -> None:
    """62.31 % against a median of 61, rank 58: as they stand, at the trust alone."""
    path = write(
        tmp_path / "nof-q2-25-26.csv",
        HEADER,
        row("RJ1", "OF0023", "62.31", "61", "57.5", "66.123456789", "58"),
        row("RJ2", "OF0023", "59", "61", "57.5", "66.123456789", ""),
    )
    found = {(one.indicator, one.org): one.value for one in finals(load(path))}

    assert {
        ("nof_of0023", "RJ1"): 62.31,
        ("nof_of0023_median", "RJ1"): 61,
        ("nof_of0023_lower_quartile", "RJ1"): 57.5,
        ("nof_of0023_upper_quartile", "RJ1"): 66.123457,
        ("nof_of0023_rank", "RJ1"): 58,
        ("nof_of0023", "RJ2"): 59,
        ("nof_of0023_median", "RJ2"): 61,
        ("nof_of0023_lower_quartile", "RJ2"): 57.5,
        ("nof_of0023_upper_quartile", "RJ2"): 66.123457,
        ("nof_of0023_rank", "RJ2"): None,
    } == found


def test_a_negative_value_and_a_missing_one(tmp_path: Path) -> None:
    """A deficit is below nought; a suppressed value is none, its median is still there."""
    path = write(
        tmp_path / "nof-q2-25-26.csv",
        HEADER,
        row("RJ1", "OF0079", "-1.5", "0.2", "-2", "1", "80"),
        row("RJ2", "OF0079", "*", "0.2", "-2", "1", ""),
    )
    found = {(one.indicator, one.org): one.value for one in finals(load(path))}

    assert (-1.5, None) == (found["nof_of0079", "RJ1"], found["nof_of0079", "RJ2"])
    assert 0.2 == found["nof_of0079_median", "RJ2"]


def test_of_a_rate_and_a_count_the_rate_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """OF0048 has both; what is left out is said."""
    path = write(
        tmp_path / "nof-q2-25-26.csv",
        HEADER,
        row("RJ1", "OF0048", "41", "", "", "", "", units="count"),
        row("RJ1", "OF0048", "98.5", "100", "90", "110", "30", units="rate"),
        row("RJ1", "OF1023", "2.1", "", "", "", "", units="score"),
    )

    (only,) = load(path)
    assert ("nof_of0048", "98.500000") == (only["data"]["measure"], only["data"]["numerator"])  # type: ignore[index]
    assert "OF0048 in count (1 rows), OF1023 (1 rows)" in caplog.text


@pytest.mark.parametrize(
    ("expected", "name", "quarter", "reported"),
    [
        ("2025-07-01", "nof.csv", "Q2 2025/26", "Sep-25"),
        ("2026-01-01", "nof.csv", "Q4 2025/26", "2025/26 plan"),
        ("2025-10-01", "nof-acute-trust-data-q3-25-26-v2.csv", None, "2025/26 plan"),
        ("2025-04-01", "nof.csv", None, "Jun-25"),
    ],
)
def test_the_quarter_is_the_files(
    tmp_path: Path, expected: str, name: str, quarter: str | None, reported: str
) -> None:
    """By its column, its name, or the latest month of any metric; the metric's own date is the subject."""
    header, line = HEADER, row("RJ1", "OF0079", "1", "", "", "", "", reported=reported)
    if quarter is not None:
        header, line = ["Quarter", *header], [quarter, *line]
    (only,) = load(write(tmp_path / name, header, line))

    assert expected == only["data"]["period_start"]  # type: ignore[index]
    assert f"OF0079/{reported.replace(' ', '_')}" == only["subject"]


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("a header and no trust", []),
        (
            "no column Quarter, and no reporting date is a month",
            [row("RJ1", "OF0079", *"12345", reported="2025/26")],
        ),
        ("'of 23' is not a metric", [row("RJ1", "of 23", *"12345")]),
        ("'' is not a trust's code", [row("", "OF0023", *"12345")]),
        (
            ":3: OF0023 of RJ1 stands already in line 2",
            [row("RJ1", "OF0023", *"12345"), row("RJ1", "OF0023", *"22345")],
        ),
        (
            "metric OF0020 is in count and in score",
            [row("RJ1", "OF0020", *"12345", units=u) for u in ("count", "score")],
        ),
        ("'Q2' is not a number", [row("RJ1", "OF0023", "Q2", *"2345")]),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, said: str, rows: list[list[str]]) -> None:
    """Nothing is half-loaded."""
    with pytest.raises(SourceError, match=said):
        load(write(tmp_path / "nof.csv", HEADER, *rows))
