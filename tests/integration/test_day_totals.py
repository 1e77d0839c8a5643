"""Days that closed live on the topic of day totals: the log may forget them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from broker import administrator, offsets, records
from messages import attendance, encoded
from service import Metrics, Service

from schemas.outputs import ClosedThrough, DayTotal, decode_total
from streams.commands.publish import Line, Publisher
from streams.local import ApacheKafka
from streams.settings import Settings

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
RX1 = {"org": "RX1", "stratum": ""}
DAYS = 100


async def test_a_long_window_outlives_the_log(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A hundred days, of which 85 have closed: the same year after kill -9, and after the log was cut.

    And with nothing left of the log, `replay` and `explain` know the days that have closed.
    The publisher stamps each record with its own day, so that months pass in a moment.
    """
    service = Service(kafka.bootstrap, tmp_path, append_time="publisher")
    with service:
        settings = Settings(
            bootstrap_servers=kafka.bootstrap, topic_prefix=service.name, append_time="publisher"
        )
        lines = [Line("test", encoded(attendance(n, org="RX1", days_ago=n))) for n in range(DAYS, 0, -1)]
        async with Publisher(settings, stamp_recorded=True) as publisher:
            await publisher.publish(lines)
        service.wait_value(DAYS, DENOMINATOR, window="12m", **RX1)
        service.wait_ticks(2)
        before = service.metrics()
        written = await totals(service)
        ((at, (committed, end)),) = (
            await offsets(kafka.bootstrap, f"{service.name}-hot-path", service.topic("events"))
        ).items()
        assert (DAYS, DAYS) == (committed, end)
        days = [one for one in written if isinstance(one, DayTotal)]
        assert len(days) == len({one.day for one in days})
        closed = [one for one in written if isinstance(one, ClosedThrough)]
        assert max(one.day for one in days) == closed[-1].day

        for cut in (0, DAYS - 40):
            service.kill()
            if cut:
                async with administrator(kafka.bootstrap) as admin:
                    await admin.delete_records(
                        {TopicPartition(at.topic, at.partition): RecordsToDelete(before_offset=cut)}
                    )
            service.start()
            after = service.wait_value(DAYS, DENOMINATOR, window="12m", **RX1)
            for window in ("28d", "12m"):
                assert before.get(DENOMINATOR, window=window, **RX1) == after.get(
                    DENOMINATOR, window=window, **RX1
                )
            service.wait_ticks(2)
            assert written == await totals(service)

        async with administrator(kafka.bootstrap) as admin:
            await admin.delete_records(
                {TopicPartition(at.topic, at.partition): RecordsToDelete(before_offset=DAYS)}
            )
        replayed = service.run("replay", "--format", "prometheus")
        assert len(days) == Metrics(replayed.stdout).get(DENOMINATOR, window="12m", **RX1), replayed.stderr
        since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        asked = ("ae_4h_all_types", "RX1", "--window", "12m", "--format", "json")
        explained = service.run("explain", *asked, "--since", since)
        assert len(days) == json.loads(explained.stdout)["newer"]["denominator"], explained.stderr


async def totals(service: Service) -> list[object]:
    """Give what stands on the topic of day totals, each record from the partition it is about."""
    found = []
    for record in await records(service.bootstrap, service.topic("day-totals")):
        if record.value is None:  # identities that the log cannot contradict any more
            continue
        one = decode_total(record.value)
        assert record.partition == one.partition
        found.append(one)
    return found
