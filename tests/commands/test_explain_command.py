"""`oversight explain` as people run it: a table, one JSON object that adds up, sentences for mistakes."""

import json
import subprocess
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from making import MORNING, attendance

OVERSIGHT = str(Path(sys.executable).with_name("oversight"))
SINCE = (MORNING - timedelta(days=1)).isoformat()
EVENTS = [
    attendance("secret1", departed=MORNING - timedelta(days=8, hours=2)),
    attendance("secret2", departed=MORNING - timedelta(days=3), minutes=500),
    attendance("secret3", departed=MORNING - timedelta(days=1, hours=-2)),
    attendance("secret4", departed=MORNING - timedelta(days=1, hours=-3)),
    attendance("last", departed=MORNING),
]
LOG = "".join(json.dumps(one) + "\n" for one in EVENTS)


def explain(*arguments: str, given: str = LOG) -> subprocess.CompletedProcess[str]:
    """Run the command on standard input."""
    command = [OVERSIGHT, "explain", *arguments, "--file", "-"]
    return subprocess.run(command, check=False, capture_output=True, input=given, timeout=60, text=True)


def test_json_is_one_object_whose_parts_add_up() -> None:
    """One of two within four hours became two of three: the first week's left, two entered."""
    done = explain("ae_4h_all_types", "england", "--since", SINCE, "--format", "json")
    assert (0, "") == (done.returncode, done.stderr)
    (line,) = done.stdout.splitlines()
    one = json.loads(line)
    assert ("7d", "operational", "2/3") == (one["window"], one["basis"], one["newer"]["value_exact"])
    assert ("1/2", "1/6") == (one["older"]["value_exact"], one["change_exact"])
    assert Fraction(1, 6) == sum(Fraction(part["value_exact"]) for part in one["parts"])
    assert Fraction(1, 6) == Fraction(one["rate_exact"]) + Fraction(one["mix_exact"])
    assert {"entered": 2, "left": 1} == {
        part["reason"]: part["records"] for part in one["parts"] if part["records"]
    }
    assert "secret" not in done.stdout


def test_the_table_says_the_same_to_people() -> None:
    """From 50.00 % to 66.67 %, and the change in percentage points."""
    done = explain("ae_4h_all_types", "RJ1", "--since", SINCE)
    assert 0 == done.returncode, done.stderr
    for said in ("50.00 %", "66.67 %", "entered", "+16.667", "change, points"):
        assert said in done.stdout
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("no indicator 'nothing'", ("nothing", "RJ1", "--since", SINCE)),
        ("not of the form", ("ae_4h_all_types", "RJ1", "--since", SINCE, "--stratum", "1")),
        ("has no figure at either moment", ("ae_4h_all_types", "RZZ", "--since", SINCE)),
        ("it has 12m", ("ae_4h_all_types", "RJ1", "--since", SINCE, "--window", "quarters")),
        ("must lie before", ("ae_4h_all_types", "RJ1", "--since", "2026-07-01T00:00:00Z")),
        ("no events", ("ae_4h_all_types", "RJ1", "--since", SINCE, "--until", "2020-01-01T00:00:00Z")),
        ("Missing option '--since'", ("ae_4h_all_types", "RJ1")),
    ],
)
def test_a_mistake_gets_a_sentence(said: str, arguments: tuple[str, ...]) -> None:
    """Never a stack trace, never exit code 0."""
    done = explain(*arguments)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert 0 != done.returncode


def test_lines_that_are_no_events_are_told_of() -> None:
    """Among events they are counted in a note; by themselves there is nothing to compare."""
    done = explain("ae_4h_all_types", "RJ1", "--since", SINCE, "--format", "json", given="[]\n" + LOG)
    assert 0 == done.returncode, done.stderr
    assert any("1 lines of the input were refused" in note for note in json.loads(done.stdout)["notes"])
    done = explain("ae_4h_all_types", "RJ1", "--since", SINCE, given="[]\nnothing\n")
    assert (1, True) == (done.returncode, "no line of the input is an event" in done.stderr)
