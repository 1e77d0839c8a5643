"""Finals on a topic: issued once, again when corrected, and not again by the next owner."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from broker import records
from messages import attendance
from service import Service, eventually

from schemas.outputs import Final, decode_final, final_key
from streams.local import ApacheKafka


def finals(service: Service) -> list[Final]:
    """Give what stands on the topic; its keys are those that the documentation names."""
    found = asyncio.run(records(service.bootstrap, service.topic("finals")))
    decoded = [decode_final(one.value) for one in found]
    assert [one.key for one in found] == [final_key(one) for one in decoded]
    return decoded


def of_england(service: Service, end: date, count: int) -> list[tuple[int, float | None, float | None]]:
    """Wait for so many revisions of England's day that ended with `end`, and give them."""

    def ask() -> list[tuple[int, float | None, float | None]] | None:
        found = [
            (one.revision, one.numerator, one.denominator)
            for one in finals(service)
            if (one.org, one.indicator, one.window) == ("england", "ae_4h_all_types", "day")
            and not one.strata
            and one.period_end == str(end)
        ]
        return found if len(found) >= count else None

    return eventually(ask, within=60, saying=lambda: service.log[-3000:])


def test_finals_are_issued_once_corrected_and_survive_a_kill(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Revision 0, then 1 for a correction, then after kill -9 only 2 for a retraction; no key twice."""
    orgs = ("RX1", "RX2", "RX3")
    end = (datetime.now(UTC) - timedelta(days=1)).date()  # of days_ago=2; days_ago=1 passes it
    with Service(kafka.bootstrap, tmp_path) as service:
        past = [attendance(1, org=org, days_ago=2) for org in orgs]
        passing = [attendance(2, org=org, days_ago=1) for org in orgs]
        assert 0 == service.publish(past).returncode
        service.wait_consumed(len(past))  # a source that nobody has heard of is not waited for
        assert [] == finals(service)
        assert 0 == service.publish(passing).returncode
        assert (0, 3, 3) == of_england(service, end, 1)[0]

        assert 0 == service.publish([attendance(1, org="RX1", days_ago=2, minutes=500, version=2)]).returncode
        assert [(0, 3, 3), (1, 2, 3)] == of_england(service, end, 2)

        service.kill()
        before = len(finals(service))
        service.start()
        service.wait_ticks(5)
        service.wait_for(lambda one: one.get("oversight_serving") == 1, within=60)
        gone = attendance(1, org="RX1", days_ago=2, version=3, retracted=True)
        assert 0 == service.publish([gone]).returncode
        assert [(0, 3, 3), (1, 2, 3), (2, 2, 2)] == of_england(service, end, 3)

        found = finals(service)
        assert len(found) == len({final_key(one) for one in found})
        after = [one for one in found[before:] if (one.org, one.indicator) == ("RX1", "ae_4h_all_types")]
        assert {2} == {one.revision for one in after if not one.strata and one.window == "day"}
