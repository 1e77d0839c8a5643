"""The command line: wrong input gets one sentence with what and where, and an exit code that says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from making import attendance

OVERSIGHT = str(Path(sys.executable).with_name("oversight"))


def oversight(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([OVERSIGHT, *arguments], check=False, capture_output=True, input=given, timeout=60)


GOOD = json.dumps(attendance(site="RJ122")).encode()


@pytest.mark.parametrize(
    ("said", "arguments", "given"),
    [
        ("no events in the input", ("replay", "-"), b""),
        ("-:3: not_json", ("replay", "-"), b"\n\nbad\n"),
        ("-:1: not_json", ("replay", "-"), b"\x00\xff\x01"),
        ("nothing.jsonl: No such file", ("replay", "nothing.jsonl"), b""),
        (".: Is a directory", ("replay", "."), b""),
        ("named twice", ("replay", "-", "-"), GOOD),
        ("is not between 2000 and 2100", ("replay", "-", "--at", "9999-12-31T00:00:00Z"), GOOD),
        ("has no offset", ("replay", "-", "--at", "2026-01-01T00:00:00"), GOOD),
        ("use --format json or table", ("replay", "-", "--finals", "--format", "prometheus"), GOOD),
        ("is not one of ae, beds, discharge, nof, rtt, ods", ("load", "dm01", "x.csv"), b""),
        ("makes no events to publish", ("load", "ods", "x.csv", "--publish"), b""),
        ("No such file", ("load", "ods", "nothing.csv"), b""),
        ("No such file", ("load", "ae", "nothing.csv"), b""),
        ("not in the register", ("organisations", "ZZZ9"), b""),
        ("is not a date", ("organisations", "--at", "yesterday"), b""),
        ("'xml' is not one of", ("catalogue", "--format", "xml"), b""),
        ("is none of", ("schema", "uk.nhs.oversight.nothing.v1"), b""),
        ("less than or equal to 65535", ("demo", "--port", "99999"), b""),
    ],
)
def test_wrong_input_gets_a_sentence(said: str, arguments: tuple[str, ...], given: bytes) -> None:
    """Never a stack trace, never exit code 0."""
    done = oversight(*arguments, given=given)
    told = " ".join(done.stderr.decode().replace("│", " ").split())
    assert said in told
    assert "Traceback" not in told
    assert 0 != done.returncode


DISCHARGES = """icb22_code,date,discharged_by_1700,discharged_between_1701_2359,discharged_total
E54000056,2023-05-01,17,15,32
"""


def test_a_publication_becomes_lines_of_events(tmp_path: Path) -> None:
    """With a look-up of ICBs, and a time at which the figures became known."""
    file, lookup = tmp_path / "a.csv", tmp_path / "lookup.csv"
    file.write_text(DISCHARGES)
    lookup.write_text("code,ods_code\nE54000056,QUE\n")
    done = oversight(
        *("load", "discharge", str(file), "--lookup", str(lookup), "--recorded-at", "2023-06-08T08:30:00Z")
    )

    assert [("QUE", "discharges_icb", 32), ("QUE", "discharged_before_17_icb", 17)] == [
        tuple(json.loads(line)["data"][name] for name in ("org", "measure", "numerator"))
        for line in done.stdout.splitlines()
    ]
    assert {"2023-06-08T08:30:00Z"} == {json.loads(line)["recordedtime"] for line in done.stdout.splitlines()}


def test_of_a_torn_publication_nothing_comes_out(tmp_path: Path) -> None:
    """The row before the torn one stays in too."""
    file = tmp_path / "a.csv"
    file.write_text(DISCHARGES + "E54000056,2023-05-02,17\n")
    done = oversight("load", "discharge", str(file))

    assert b"" == done.stdout
    assert f"{file}:3: the row ends early" in done.stderr.decode()
    assert 1 == done.returncode


def test_a_byte_order_mark_and_blank_lines_are_passed_over() -> None:
    """What an editor leaves behind does not refuse the first event."""
    done = oversight("replay", "-", "--format", "json", given=b"\xef\xbb\xbf" + GOOD + b"\n\n")
    assert 0 == done.returncode, done.stderr
    levels = {json.loads(line)["level"] for line in done.stdout.splitlines()}
    assert {"site", "trust", "icb", "region", "england"} == levels


def test_a_bad_line_does_not_hide_what_is_partial() -> None:
    """The log begins with the first event, not with the line that is none."""
    rows = [
        [
            json.loads(line)
            for line in oversight("replay", "-", "--format", "json", given=given).stdout.splitlines()
        ]
        for given in (GOOD, GOOD + b"\nbad\n")
    ]
    assert rows[0] == rows[1]
    assert any("partial" in row["flags"] for row in rows[0])
