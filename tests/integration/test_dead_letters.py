"""`oversight dead-letters`: what was refused can be looked at, mended and sent again, counting once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from broker import produce
from messages import encoded, report
from service import Service

from streams.local import ApacheKafka

LOST = encoded(report(7, 9, measure="core20_recruitment"))
GARBAGE = b'{"specversion": '


def test_list_show_and_retry(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A return sent to the topic of events is sent again to its own; garbage stays refused."""
    with Service(kafka.bootstrap, tmp_path) as service:
        asyncio.run(produce(kafka.bootstrap, service.topic("events"), LOST, GARBAGE, partition=0))
        service.wait_for(lambda one: one.total("oversight_records_refused_total") == 2)
        service.wait_ticks(2)
        listed = [
            json.loads(line)
            for line in service.run("dead-letters", "list", "--format", "json").stdout.splitlines()
        ]
        events = service.topic("events")
        assert {f"{events}/0/0": "wrong_topic", f"{events}/0/1": "not_json"} == {
            one["identity"]: one["reason"] for one in listed
        }
        shown = service.run("dead-letters", "show", f"{events}/0/1")
        assert (GARBAGE.decode(), True) == (shown.stdout, "not_json" in shown.stderr)
        for _ in range(2):  # sending again is idempotent
            again = service.run("dead-letters", "retry", "--reason", "wrong_topic")
            assert (0, True) == (again.returncode, "1 acknowledged" in again.stderr), again.stderr
        found = service.wait_for(lambda one: one.total("oversight_events_total", outcome="duplicate") == 1)
        assert 7 == found.get(
            "oversight_core20_recruitment_numerator",
            org="RJ1",
            window="month",
            stratum="",
            basis="operational",
        )
        refused = service.run("dead-letters", "retry", f"{events}/0/1")
        assert (1, True) == (refused.returncode, "not_json" in refused.stderr)
        missing = service.run("dead-letters", "show", f"{events}/9/9")
        assert (1, True) == (missing.returncode, "there is no dead letter" in missing.stderr)


def test_what_is_withheld_is_sent_again_from_its_place(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A record that was too long is read where it stands, once it may be so long."""
    value = encoded(report(7, 9, measure="core20_recruitment")) + b" " * 300_000
    with Service(kafka.bootstrap, tmp_path) as service:
        asyncio.run(produce(kafka.bootstrap, service.topic("returns"), value, partition=0))
        service.wait_for(lambda one: one.total("oversight_records_refused_total", reason="too_large") == 1)
        service.wait_ticks(2)
        shown = service.run("dead-letters", "show", f"{service.topic('returns')}/0/0")
        assert ("", True) == (shown.stdout, f"withheld: {len(value)} bytes" in shown.stderr)

        again = service.run("dead-letters", "retry")
        assert (1, True) == (again.returncode, "1 too_large" in again.stderr), again.stderr
        service.environment["OVERSIGHT_MAX_EVENT_BYTES"] = "400000"
        again = service.run("dead-letters", "retry")
        assert (0, True) == (again.returncode, "1 acknowledged" in again.stderr), again.stderr
