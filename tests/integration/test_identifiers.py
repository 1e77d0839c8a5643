"""The identifier guard from end to end: what could name a person is refused, and comes out nowhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from broker import produce, records
from messages import attendance, encoded, report
from service import Service

from streams.local import ApacheKafka

NUMBER, POSTCODE, NAME = "9434765919", "SW1A 1AA", "Featherstonehaugh"
SECRETS = (NUMBER, "943 476 5919", "943-476-5919", POSTCODE, "SW1A1AA", NAME)


def with_data(number: int, **data: Any) -> bytes:
    """An attendance with other fields."""
    return encoded(attendance(number, **data))


REFUSED: dict[str, list[bytes]] = {
    "identifier": [
        encoded({**attendance(1), "id": f"visit-{NUMBER}"}),
        encoded({**attendance(2), "subject": "943-476-5919"}),
        encoded({**attendance(3), "source": f"/ods/RJ1/{NUMBER}"}),
        encoded({**attendance(4), "sequence": "SW1A1AA"}),
        with_data(5, attendance_key=f"k-{NUMBER}"),
        with_data(6, version=int(NUMBER)),
        with_data(7, site="SW1A1AA"),
        with_data(8, home=POSTCODE),
        with_data(9, **{NUMBER: 1}),
        with_data(10, note=["943 476 5919"]),
        encoded(report(int(NUMBER), 9)),
        b'{"patient": "' + NUMBER.encode(),
    ],
    "invalid": [with_data(11, surname=NAME), with_data(12, **{NAME: 1}), with_data(13, sex=NAME)],
    "unknown_type": [json.dumps({"resourceType": "Patient", "name": [{"family": NAME}]}).encode()],
    "not_json": [f"PID|1||{NAME}^ANN".encode()],
}


def binary(one: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Give an event in binary mode."""
    headers = [(f"ce_{name}", str(value).encode()) for name, value in one.items() if name != "data"]
    return json.dumps(one["data"]).encode(), headers


BINARY = [
    binary({**attendance(20), "id": NUMBER}),
    binary(attendance(21, attendance_key=f"k-{NUMBER}")),
    (binary(attendance(22))[0], [*binary(attendance(22))[1], ("x-patient", NUMBER.encode())]),
]


def test_what_could_name_a_person_comes_out_nowhere(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Counted by reason; not in dead letters, the log, /metrics, the pages, or what commands print."""
    values = [one for some in REFUSED.values() for one in some]
    expected = {reason: len(some) for reason, some in REFUSED.items()}
    expected["identifier"] += len(BINARY)
    with Service(kafka.bootstrap, tmp_path) as service:
        topic = service.topic("events")
        asyncio.run(produce(kafka.bootstrap, topic, *values, key=b"RJ1", partition=0))
        for value, headers in BINARY:
            key = NUMBER.encode()  # a record's own key is neither read nor kept
            asyncio.run(produce(kafka.bootstrap, topic, value, headers=headers, key=key, partition=0))
        metrics = service.wait_consumed(sum(expected.values()))
        found = metrics.select("oversight_records_refused_total")
        assert expected == {dict(labels)["reason"]: value for labels, value in found.items() if value}

        dead = asyncio.run(records(kafka.bootstrap, service.topic("dead-letters")))
        assert [f"{topic}/0/{n}".encode() for n in range(len(dead))] == [one.key for one in dead]
        assert {b""} == {one.value for one in dead}
        published = service.publish(values)
        assert 1 == published.returncode
        for reason, some in REFUSED.items():
            assert f"{len(some)} {reason}" in published.stderr
        said = {
            "dead letters": repr(dead),
            "log": service.log,
            "metrics": service.get("/metrics")[1],
            "page": service.get("/")[1],
            "ready": service.get("/readyz")[1],
            "publish": published.stdout + published.stderr,
        }
        for command in (("list",), ("list", "--format", "json"), ("retry",)):
            done = service.run("dead-letters", *command)
            said[" ".join(command)] = done.stdout + done.stderr
        for number in range(len(dead)):
            done = service.run("dead-letters", "show", f"{topic}/0/{number}")
            said[f"show {number}"] = done.stdout + done.stderr
    for where, text in said.items():
        assert text, where
        assert [] == [secret for secret in SECRETS if secret.lower() in text.lower()], where
