"""What of a refused or late record is copied: what the contract could hold, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from golden_events import GOLDEN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identifying import binary, marked, structured
from making import MORNING, attendance, engine, report

from schemas.envelope import EVENT_MODELS, Headers
from schemas.withholding import conforms, repeats_a_name
from streams.commands.publish import Published, Publisher
from streams.commands.replay import FileRecord
from streams.engine import Outputs
from streams.pipeline.outputs import Output, rejected
from streams.settings import Settings

AT = ("oversight.events", 0)
NUMBER, NAME = "9434765919", "Smith"


def process(*values: bytes, headers: Headers = (), days_later: int = 0) -> tuple[Outputs, list[Output]]:
    """Let the engine take records, and make the copies that go to other topics."""
    append_ms = int((MORNING + timedelta(days=days_later, minutes=5)).timestamp() * 1000)
    records = {n: FileRecord(n, append_ms, value, headers) for n, value in enumerate(values)}
    out = engine().process(AT, list(records.values()))
    return out, list(rejected(Settings(), out, records, TopicPartition(*AT), 0))


def copied(value: bytes, headers: Headers = ()) -> bytes | None:
    """Give what a dead letter holds of a record; None where it is withheld."""
    out, (letter,) = process(value, headers=headers)
    assert 1 == len(out.refused)
    ours = dict(letter.headers)
    assert str(len(value)).encode() == ours.get("oversight_cut_from_bytes", str(len(value)).encode())
    return None if ours.get("oversight_withheld") else letter.value


def changed(**data: Any) -> bytes:
    """Give an attendance with other fields."""
    one = attendance("a1")
    return json.dumps({**one, "data": {**one["data"], **data}}).encode()


@pytest.mark.parametrize(
    "value",
    [
        b'{"specversion": "1.0", "id": ',
        b"[1, 2]",
        b"",
        changed(arrived_at="2026-06-15T08:00:00"),
        changed(departed_at="2026-06-15T05:00:00Z"),
        changed(department_type=4),
        changed(attendance_key="-"),
        json.dumps({**attendance(), "type": "uk.nhs.oversight.ed.attendance.recorded.v9"}).encode(),
        json.dumps({**attendance(), "recordedtime": "2026-07-01T00:00:00Z"}).encode(),
        json.dumps(report("not_declared")).encode(),
    ],
)
def test_what_the_contract_knows_is_copied(value: bytes) -> None:
    """A wrong time or number, a later type, an undeclared measure: it can be mended, and sent again."""
    assert value == copied(value)


@pytest.mark.parametrize(
    "value",
    [
        changed(surname=NAME),
        changed(**{NAME: 1}),
        changed(sex=NAME),
        changed(ethnic_group="SMITH"),
        changed(arrived_at=NAME),
        changed(outcome=["discharged", NAME]),
        changed(version={"a": NAME}),
        json.dumps({**attendance(), "type": "uk.nhs.oversight.patient.v1", "given": NAME}).encode(),
        json.dumps({**attendance(), "type": NAME}).encode(),
        json.dumps([NAME]).encode(),
        json.dumps({"resourceType": "Patient", "name": [{"family": NAME}]}).encode(),
        f'{{"data": {{"sex": "{NAME}'.encode(),
        b"PID|1||123||SMITH^JANE||19800203",
        b"PK\3\4Smith",
        "Müller".encode("utf-16"),
        changed(attendance_key=NUMBER),
        changed(arrived_at="2026-06-15T08:00:00", site=NUMBER),
        b" " * 300_000,
    ],
)
def test_of_what_it_does_not_know_nothing_is_copied(value: bytes) -> None:
    """A name in any shape, a table's line, a patient's record from elsewhere, what is too long to be read."""
    out, (letter,) = process(value)

    assert (b"", b"true") == (letter.value, dict(letter.headers)["oversight_withheld"])
    everything = repr((out, letter)).lower()
    assert NAME.lower() not in everything
    assert NUMBER not in everything


def test_headers_beside_the_attributes_are_not_copied() -> None:
    """Of an event in binary mode its attributes are; nobody has looked at the others."""
    value, headers = binary({**attendance(), "recordedtime": "2026-07-01T00:00:00Z"})
    out, (letter,) = process(value, headers=[*headers, ("x-user", b"smith"), ("oversight_x", b"1")])

    assert ["future"] == [one.reason for one in out.refused]
    assert (value, headers) == (letter.value, [one for one in letter.headers if "oversight" not in one[0]])

    _, (letter,) = process(structured(attendance(time="x"))[0], headers=[("ce_id", b"smith")])
    assert all(name.startswith("oversight_") for name, _ in letter.headers)


@pytest.mark.parametrize("days_later", [0, 40])
def test_a_name_that_stands_twice_is_not_copied(days_later: int) -> None:
    """Refused or late: the last counts, and nobody has looked at the first."""
    one = attendance() if days_later else attendance(departed=MORNING + timedelta(hours=1))
    value = json.dumps(one).encode()
    twice = value.replace(b'"attendance_key"', b'"attendance_key": "Smith-1", "attendance_key"', 1)

    for sent, held in ((value, value), (twice, b"")):
        out, (letter,) = process(sent, days_later=days_later)
        assert (1, held) == (len(out.late if days_later else out.refused), letter.value)


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_golden_events_hold_what_the_contract_knows(event_type: str) -> None:
    """And so do their names; a blank or another order changes nothing."""
    text = json.dumps(GOLDEN[event_type], indent=1, sort_keys=True).encode()

    assert conforms(GOLDEN[event_type])
    assert not conforms({**GOLDEN[event_type], "Smith": 1})
    assert not repeats_a_name(text)
    assert repeats_a_name(text.replace(b'"id"', b'"id": "x",\n"id"', 1))


def outputs_of(value: bytes, headers: Headers) -> Iterator[str]:
    """Give all that comes of a record: what the engine says, its dead letter, what `publish` reports."""
    out, letters = process(value, headers=headers)
    assert ["identifier"] == [one.reason for one in out.refused]
    yield repr((out, letters))
    done = Published()
    assert None is Publisher(Settings())._checked(done, "events.jsonl:1", value, headers)
    yield "\n".join(done.report())


@pytest.mark.parametrize("event_type", EVENT_MODELS)
@pytest.mark.parametrize("mode", [structured, binary])
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(drawn=st.data())
def test_an_identifier_comes_out_nowhere(event_type: str, mode: Any, drawn: st.DataObject) -> None:
    """Neither in what the engine says, nor in the dead letter, nor in the report to the publisher."""
    text, event = drawn.draw(marked(event_type))

    for said in outputs_of(*mode(event)):
        assert text.lower() not in said.lower()
        assert text.replace(" ", "").replace("-", "").lower() not in said.lower()
