"""`oversight check`: what is wrong before a start, and what will need a hand before long."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from streams.commands.check import declarations
from streams.local import free_port
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy" / "local-measures"
OVERSIGHT = str(Path(sys.executable).with_name("oversight"))


def oversight(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OVERSIGHT, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_warnings_follow_the_day_that_is_given() -> None:
    """The warm-homes review is due on 15 December 2026: not told 61 days before, told 60 days before."""
    settings = Settings(local=EXAMPLES)
    told = [
        [line for line in declarations(settings, day) if "programme warm_homes" in line]
        for day in (date(2026, 10, 15), date(2026, 10, 16))
    ]
    where = f"warning: {EXAMPLES}/warm-homes.toml:8: programme warm_homes"
    assert [[], [f"{where}: its review is due on 2026-12-15, in 60 days"]] == told


def test_what_the_national_sources_leave_open_is_one_line_and_no_warning() -> None:
    """Between the milestones of March 2026 and March 2027 nothing judges: nobody here can mend that."""
    told = list(declarations(Settings(), date(2026, 5, 1)))
    (line,) = (one for one in told if one.startswith("national thresholds: none holds now"))
    assert {"ae_4h_all_types", "ga_bed_occupancy", "cancer_62d"} <= set(re.findall(r"\w+", line))
    assert "theatre_capped_utilisation" not in line
    assert [] == [one for one in told if one.startswith("warning: ")]


def test_shipped_gaps_and_ends_are_warned_of_ahead() -> None:
    """Sixty days before 1 April 2026 what ends then is told, with or without a milestone to come."""
    said = [
        [line for line in declarations(Settings(), day) if line.startswith("warning: ")]
        for day in (date(2026, 1, 30), date(2026, 1, 31), date(2026, 3, 31), date(2026, 4, 1))
    ]
    assert [[], []] == [said[0], said[3]]
    for told in said[1:3]:
        assert any(
            "ae_4h_all_types: nothing judges it from 2026-04-01 until 2027-03-01" in one for one in told
        )
        assert any("ae_12h_from_arrival: ends on 2026-04-01" in one for one in told)


@pytest.mark.parametrize(
    ("org", "level", "said"),
    [
        ("RJ1", "trust", []),
        ("QUA", "icb", []),
        ("ZZZ9", "provider", []),
        ("ZZZ9", "site", []),
        ("E08000027", "council", []),
        ("ZZZ9", "trust", ["ZZZ9 is in no register, so of level provider, not trust: it holds nowhere"]),
        ("QUA", "trust", ["QUA is of level icb, not trust: it holds nowhere"]),
    ],
)
def test_a_threshold_of_nobody_is_warned_of(tmp_path: Path, org: str, level: str, said: list[str]) -> None:
    """A code that is mistyped, or of another level, would judge nothing and say nothing."""
    own = tmp_path / "own.toml"
    own.write_text(
        f"""\
[[threshold]]
indicator = "ae_4h_all_types"
kind = "local"
org = "{org}"
levels = ["{level}"]
windows = ["month"]
breach = 0.9
valid_from = 2026-04-01
evidence = "V"
source = "here"
"""
    )
    told = [
        line for line in declarations(Settings(local=own), date(2026, 5, 1)) if "it holds nowhere" in line
    ]
    assert [f"warning: {own}:4: {one}" for one in said] == told


def test_check_reads_the_operators_measures() -> None:
    """By option or by setting; exit code 0 with warnings."""
    by_option = oversight("check", "--no-topics", "--local", str(EXAMPLES), "--on", "2026-11-25")
    by_setting = oversight("check", "--no-topics", "--on", "2026-11-25", OVERSIGHT_LOCAL=str(EXAMPLES))
    assert (0, by_option.stdout) == (by_setting.returncode, by_setting.stdout), by_setting.stderr
    assert "3 programmes" in by_option.stdout
    assert "its review is due on 2026-12-15, in 20 days" in by_option.stdout


@pytest.mark.parametrize(
    "arguments",
    [("check", "--no-topics"), ("catalogue",), ("replay", os.devnull), ("demo", "--port", str(free_port()))],
)
def test_a_mistake_ends_every_command_in_the_same_words(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """One line a mistake on standard error, no stack trace, exit code 1."""
    text = (EXAMPLES / "dental.toml").read_text("utf-8")
    (tmp_path / "dental.toml").write_text(text.replace('direction = "higher"', 'direction = "up"', 1))
    done = oversight(*arguments, OVERSIGHT_LOCAL=str(tmp_path))
    told = [line for line in done.stderr.splitlines() if line.startswith("oversight: ")]
    where = f"oversight: {tmp_path}/dental.toml:9: local dental_ringfenced_appointments"
    expected = f"{where}: direction: 'up' is none of higher, lower, towards_zero, none"
    assert (1, [expected]) == (done.returncode, told)


def test_catalogue_shows_programmes_and_what_stands_beside() -> None:
    """Of a local measure: its plan with a source, and its programme with who asked and until when."""
    done = oversight("catalogue", "--local", str(EXAMPLES), "--format", "json")
    (found,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["id"] == "warm_homes_spent"]
    assert (70000, "2026-12-15") == (found["plan"][0]["value"], found["programme"]["review_date"])
    table = oversight("catalogue", "--local", str(EXAMPLES), COLUMNS="300").stdout
    assert "Example: population health board" in table
