"""The monthly table of beds: the ratio of sums and the published mean of days, each under its own name."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest
from published import figures, finals, write

from streams.assessment import Row
from streams.errors import SourceError
from streams.sources import beds

HEADER = [
    "nhs_trust22_code",
    "date",
    *(f"general_acute_beds_{name}" for name in ("available", "occupied", "occupancy_rate")),
    *(f"adult_general_acute_beds_{name}" for name in ("available", "occupied", "occupancy_rate")),
    *("adult_critical_care_beds_available", "adult_critical_care_beds_occupied"),
    "adult_critical_care_occupancy_rate",
]
MONTH = "2022-04-01"


def month(code: str, *adult: str, when: str = "April 2022") -> list[str]:
    """One row, with beds of all ages, of adults as given, and of critical care."""
    return [code, when, "2286", "2031", "0.889", *adult, "125", "92", "0.736"]


def test_a_row_becomes_beds_and_the_published_means(tmp_path: Path) -> None:
    """1,794 of 1,982 adult beds is 0.9051…; the published 0.905 has a name of its own."""
    found = figures(beds.load(write(tmp_path / "a.csv", HEADER, month("R0A", "1,982.0", "1794.0", "0.905"))))

    assert {
        ("R0A", "ga_bed_occupancy", MONTH): (1794, 1982),
        ("R0A", "ga_bed_occupancy_published_mean", MONTH): ("0.905000", None),
        ("R0A", "ga_bed_occupancy_all_ages", MONTH): (2031, 2286),
        ("R0A", "ga_bed_occupancy_all_ages_published_mean", MONTH): ("0.889000", None),
        ("R0A", "critical_care_occupancy", MONTH): (92, 125),
        ("R0A", "critical_care_occupancy_published_mean", MONTH): ("0.736000", None),
    } == found


@pytest.mark.parametrize(
    ("parts", "mean", "adult"),
    [
        ((None, None), None, ("0", "0", "")),
        ((None, None), None, ("", "", "")),
        ((None, None), "0.905000", ("-", "1794", "90.5%")),
        (("1794.500000", 1982), None, ("1982", "1794.5", "NA")),
        ((0, 12), 0, ("12", "0", "0.0")),
    ],
)
def test_gaps_stay_gaps(
    tmp_path: Path,
    parts: tuple[object, object],
    mean: object,
    adult: tuple[str, str, str],
) -> None:
    """No beds, or a blank, is no value; one of the two figures may be there without the other."""
    found = figures(beds.load(write(tmp_path / "a.csv", HEADER, month("R0A", *adult))))

    assert parts == found["R0A", "ga_bed_occupancy", MONTH]
    assert (mean, None) == found["R0A", "ga_bed_occupancy_published_mean", MONTH]


def test_only_the_ratio_of_sums_is_summed(tmp_path: Path) -> None:
    """9 of 10 and 45 of 90 beds are 54 of 100; there is no England of the published means."""
    path = write(
        tmp_path / "a.csv",
        [*HEADER[:2], *HEADER[5:8]],
        ["R0A", "April 2022", "10", "9", "0.95"],
        ["", "April 2022", "90", "45", "0.4"],
    )
    rows = {
        (one.indicator, one.org): (one.numerator, one.denominator, one.value)
        for one in finals(beds.load(path))
        if one.window == "month"
    }

    assert (54, 100, 0.54) == rows["ga_bed_occupancy", "england"]
    assert {("ga_bed_occupancy_published_mean", "R0A"), ("ga_bed_occupancy_published_mean", "NOCODE1")} == {
        key for key in rows if key[0].endswith("published_mean")
    }
    assert 0.95 == rows["ga_bed_occupancy_published_mean", "R0A"][2]


def test_the_long_table_of_a_month(tmp_path: Path) -> None:
    """Providers are read, sums of them are not, nor other metrics; a trust without a code is seen."""
    header = ["Period", "Level", "Region", "ICB", "Org Code", "Org Name", "Metric", "Type", "Value"]

    def row(level: str, code: str, metric: str, value: str) -> list[str]:
        return ["01/04/2026", level, "", "", code, "A trust", metric, "Type 1", value]

    path = write(
        tmp_path / "a.csv",
        header,
        row("National", "-", "Adult G&A beds available", "100,000"),
        row("ICB", "QUE", "Adult G&A beds available", "900"),
        row("Provider", "RGT", "Adult G&A beds available", "1,000"),
        row("Provider", "RGT", "Adult G&A beds occupied", "950"),
        row("Provider", "RGT", "Adult G&A occupancy rate", "95.1%"),
        row("Provider", "RGT", "Adult G&A beds void", "7"),
        row("Provider", "", "Adult G&A beds available", "10"),
    )
    april = "2026-04-01"

    assert {
        ("RGT", "ga_bed_occupancy", april): (950, 1000),
        ("RGT", "ga_bed_occupancy_published_mean", april): ("0.951000", None),
        ("NOCODE1", "ga_bed_occupancy", april): (None, None),
    } == figures(beds.load(path))
    with pytest.raises(SourceError, match=":4: 'Adult G&A beds available' of RGT stands already for 2026-04"):
        next(
            beds.load(
                write(
                    tmp_path / "b.csv",
                    header,
                    *(row("Provider", "RGT", "Adult G&A beds available", value) for value in ("1", "1", "2")),
                )
            )
        )


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("'April' is not a month", month("R0A", "2", "1", "0.5", when="April")),
        ("'50' is not a rate of occupancy, 0.92 or 92%", month("R0A", "2", "1", "50")),
        ("'-1' is not a number of beds", month("R0A", "2", "-1", "0.5")),
        ("'many' is not a number", month("R0A", "2", "many", "0.5")),
        ("a header and no trust", []),
        ("the row ends early", ["R0A", "April 2022"]),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, said: str, row: list[str]) -> None:
    """With line and column."""
    with pytest.raises(SourceError, match=said):
        next(beds.load(write(tmp_path / "a.csv", HEADER, row)))


def test_a_trust_twice_with_other_beds_is_refused(tmp_path: Path) -> None:
    """Which is meant is not guessed."""
    rows = [month("R0A", "2", "1", "0.5"), month("R0A", "3", "1", "0.5")]

    with pytest.raises(SourceError, match=":3: R0A of 2022-04 stands already in line 2"):
        next(beds.load(write(tmp_path / "a.csv", HEADER, *rows)))


@cache
def shared_finals(directory: Path) -> tuple[list[dict[str, str]], list[Row]]:
    """The published rows, and what comes of them."""
    path = directory / "beds" / "trust_beds_2022-04_2023-12.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, finals(beds.load(path))


@pytest.mark.parametrize(
    ("measure", "prefix"),
    [("ga_bed_occupancy", "adult_general_acute_beds"), ("ga_bed_occupancy_all_ages", "general_acute_beds")],
)
def test_every_published_trust_month_comes_out(shared_data: Path, measure: str, prefix: str) -> None:
    """Occupied over available, and beside it the published mean of the days, to six decimals."""
    published, rows = shared_finals(shared_data)
    ours = {
        (one.indicator, one.org, f"{one.period_start:%B %Y}"): one
        for one in rows
        if one.window == "month" and one.level in ("trust", "provider")
    }
    apart = 0
    for line in published:
        key = line["nhs_trust22_code"], line["date"]
        available, occupied = float(line[f"{prefix}_available"] or 0), float(line[f"{prefix}_occupied"] or 0)
        ratio, mean = ours[measure, *key], ours[f"{measure}_published_mean", *key]
        assert (occupied / available if available else None) == ratio.value, key
        rate = line[f"{prefix}_occupancy_rate"]
        assert (round(float(rate), 6) if rate else None) == mean.value, key
        apart += bool(rate and available and abs(ratio.value - mean.value) > 0.0005)

    assert apart


def test_england_is_the_ratio_of_the_sums(shared_data: Path) -> None:
    """Of every month; the published means have no England."""
    published, rows = shared_finals(shared_data)
    ours = {
        f"{one.period_start:%B %Y}": one
        for one in rows
        if one.level == "england" and one.window == "month" and one.indicator == "ga_bed_occupancy"
    }
    sums: dict[str, list[float]] = {}
    for line in published:
        both = sums.setdefault(line["date"], [0, 0])
        both[0] += float(line["adult_general_acute_beds_occupied"] or 0)
        both[1] += float(line["adult_general_acute_beds_available"] or 0)

    assert sums == {when: [one.numerator, one.denominator] for when, one in ours.items()}
    assert not [
        one
        for one in rows
        if one.indicator.endswith("published_mean") and one.level not in ("trust", "provider")
    ]
