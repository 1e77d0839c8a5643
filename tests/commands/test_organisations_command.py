"""`oversight organisations`: list, show, refresh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from making import attendance
from organisations.tabling import BLACK_COUNTRY, write
from typer.testing import CliRunner, Result

from streams.cli import app
from streams.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "organisations"


def oversight(*arguments: str) -> Result:
    """Run the command line in this process; its errors come out as they are."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def shown(*arguments: str) -> dict[str, Any]:
    """One organisation as JSON."""
    done = oversight("organisations", *arguments, "--format", "json")
    assert 0 == done.exit_code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_organisation_is_shown_as_it_stood() -> None:
    """UCLH was QMJ's until 31 March 2026; the region comes through the ICB."""
    before, after = shown("show", "RRV", "--at", "2026-03-31"), shown("show", "RRV", "--at", "2026-04-01")
    assert ("trust", True, "QMJ", "Y56") == tuple(
        before[name] for name in ("level", "active", "icb", "region")
    )
    assert [
        ("icb", "Z9B2Z", "2026-04-01", None, None),
        ("region", "Y56", "2026-04-01", None, "Z9B2Z"),
    ] == [
        tuple(one[name] for name in ("level", "code", "valid_from", "valid_to", "through"))
        for one in after["parents"]
        if one["level"] != "england"
    ]


def test_a_split_has_its_successors_and_a_successor_its_predecessors() -> None:
    """Frimley went three ways; West and North London was made of two."""
    gone = shown("show", "QNQ", "--at", "2026-04-01")
    assert not gone["active"]
    assert [("QRL", "split"), ("S0E4D", "split"), ("S9B9J", "split")] == [
        (one["code"], one["kind"]) for one in gone["successors"]
    ]
    assert ["QMJ", "QRV"] == [one["code"] for one in shown("show", "Z9B2Z")["predecessors"]]
    hampshire = shown("show", "QRL")
    assert (["2026-04-01"], ["QNQ"], []) == (
        hampshire["changed_footprint"],
        [one["code"] for one in hampshire["predecessors"]],
        hampshire["successors"],
    )


def test_members_and_responsibilities_come_from_ones_own_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example directory, through the setting."""
    monkeypatch.setenv("OVERSIGHT_ORGANISATIONS", str(EXAMPLE))
    icb = shown("show", "QUA", "--at", "2026-04-01")
    members = {one["code"]: one["level"] for one in icb["members"]}
    assert {"place"} == {members[code] for code in ("DUDLEY", "SANDWELL", "WALSALL", "WOLVHMPTN")}
    assert "RNA" not in members
    assert [("oversees", "Y60", ["QUA"], "V")] == [
        (one["role"], one["by"], one["of"], one["evidence"])
        for one in icb["responsibilities"]
        if one["by"] == "Y60"
    ]
    assert ["RNA"] == [one["code"] for one in shown("show", "DUDLEY", "--at", "2026-04-01")["members"]]
    text = " ".join(oversight("organisations", "show", "RNA", "--at", "2026-04-01").stdout.split())
    assert "The Dudley Group NHS Foundation Trust (RNA), trust" in text


def test_england_and_a_council_can_be_shown() -> None:
    """England's members are the regions; a council belongs to nobody."""
    assert {"Y56", "Y58", "Y59", "Y60", "Y61", "Y62", "Y63"} <= {
        one["code"] for one in shown("show", "england", "--at", "2026-04-01")["members"]
    }
    council = shown("show", "E08000027")
    assert ("council", []) == (council["level"], council["parents"])


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (r"RRW is not in the register: the nearest are .*RRV \(University College London", "RRW"),
        (r"rj10 is not in the register: the nearest are RJ1 \(Guy's", "rj10"),
        (r"dudley is not in the register: the nearest are RNA \(The Dudley Group", "dudley"),
        (r"!!! is not in the register: a code that is not", "!!!"),
    ],
)
def test_an_unknown_code_gets_the_nearest(expected: str, code: str) -> None:
    """By code, or by a part of the name."""
    with pytest.raises(ConfigurationError, match=expected):
        oversight("organisations", "show", code)


def test_a_code_alone_is_shown_and_none_lists_all() -> None:
    """`oversight organisations CODE` is short for `show`; the list is one object a line."""
    assert "Z9B2Z" == shown("RRV", "--at", "2026-04-01")["icb"]
    assert "RRV" == shown("show", " rrv", "--at", "2026-04-01")["code"]
    lines = oversight("organisations", "--at", "2026-04-01", "--format", "json").stdout.splitlines()
    assert 382 == len(lines)
    assert "Z9B2Z" == next(one["icb"] for one in map(json.loads, lines) if one["code"] == "RRV")


def test_replay_rolls_up_into_ones_own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting reaches replay, and a mistake in the tables stops it."""
    monkeypatch.setenv("OVERSIGHT_ORGANISATIONS", str(write(tmp_path / "own", **BLACK_COUNTRY)))
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(attendance(source="/ods/RNA/pas")) + "\n")
    done = oversight("replay", str(events), "--format", "json")
    assert ("place", "DUDLEY") in {
        (row["level"], row["org"]) for row in map(json.loads, done.stdout.splitlines())
    }
    write(tmp_path / "own", memberships="RNA,NOWHERE,place,,,false,ours")
    with pytest.raises(ConfigurationError, match=r"memberships\.csv, line 2, column parent: NOWHERE"):
        oversight("replay", str(events), "--format", "json")


def test_load_ods_shows_what_a_refresh_would(tmp_path: Path) -> None:
    """No events; the day from which the files hold is the one on which they were known."""
    path = tmp_path / "etr.csv"
    path.write_text('"RNA","THE DUDLEY TRUST","Y60","QUA"' + "," * 7 + "19940401" + "," * 16 + "\n")
    arguments = ("--at", "2026-10-01"), ("--recorded-at", "2026-09-30T23:30:00Z")
    expected, done = (
        oversight("organisations", "refresh", str(path), *arguments[0]),
        oversight("load", "ods", str(path), *arguments[1]),
    )
    assert 0 == done.exit_code
    assert (expected.stdout, expected.stderr) == (done.stdout, done.stderr)
    assert "as of 2026-10-01" in done.stderr


def test_refresh_shows_and_writes_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trust is renamed; afterwards OVERSIGHT_REGISTER_DIRECTORY shows the new name."""
    cells = ["RNA", "THE DUDLEY TRUST", "Y60", "QUA", *[""] * 6, "19940401", *[""] * 16]
    path = tmp_path / "etr.csv"
    path.write_text(",".join(f'"{cell}"' for cell in cells) + "\r\n", encoding="utf-8")
    arguments = ("organisations", "refresh", str(path), "--at", "2026-10-01", "--format", "json")
    done = oversight(*arguments)
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [("RNA", "The Dudley Group NHS Foundation Trust", "The Dudley Trust")] == [
        (one["code"], one["before"], one["after"]) for one in changes if one["kind"] == "renamed"
    ]
    assert "nothing is written without oversight organisations refresh … --write DIRECTORY" in done.stderr
    assert [path] == list(tmp_path.iterdir())
    assert 0 == oversight(*arguments, "--write", str(tmp_path / "register")).exit_code
    monkeypatch.setenv("OVERSIGHT_REGISTER_DIRECTORY", str(tmp_path / "register"))
    assert "The Dudley Trust" == shown("show", "RNA", "--at", "2026-10-01")["name"]
