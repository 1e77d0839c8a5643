"""A partition that its group has given to nobody: the worker says so and has the group assign again."""

from __future__ import annotations

from pathlib import Path

from broker import administrator
from conftest import KafkaFactory
from messages import attendance
from service import Service, eventually

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
ENGLAND = {"org": "england", "window": "28d", "stratum": ""}


async def test_a_named_worker_that_comes_back_to_an_assignment_without_its_topic(
    kafka_factory: KafkaFactory, tmp_path: Path
) -> None:
    """Its topic was away while the group assigned, and a worker with a name gets that assignment again."""
    kafka = kafka_factory(properties={"auto.create.topics.enable": "false"})
    with Service(kafka.bootstrap, tmp_path, instance="one", session_timeout_seconds=45) as one:
        assert 0 == one.publish([attendance(number, org="RX1") for number in range(5)]).returncode
        one.wait_value(5, DENOMINATOR, **ENGLAND)
        async with administrator(kafka.bootstrap) as admin:
            await admin.delete_topics([one.topic("snapshots")])
        eventually(lambda: "Ignoring missing topic" in one.log, within=120, saying=lambda: one.log[-2000:])
        one.stop()

        one.start()

        one.wait_value(5, DENOMINATOR, within=60, **ENGLAND)
        assert "partitions belong to no worker" in one.log
        eventually(lambda: one.readyz() == (200, []), within=30, saying=one.readyz)
