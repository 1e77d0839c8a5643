"""Topics that refuse what the worker writes: said aloud, nothing lost, and everything there once mended."""

from __future__ import annotations

from pathlib import Path

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from broker import administrator, create_topic, offsets, produce, records
from conftest import KafkaFactory
from messages import attendance, encoded
from service import Service, eventually

from streams.local import ApacheKafka

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
RX1 = {"org": "RX1", "window": "28d", "stratum": ""}
SNAPSHOTS = {"cleanup.policy": "compact", "segment.ms": "600000"}


async def limit(bootstrap: str, topic: str, size: int, **settings: str) -> None:
    """Set how large a record of a topic may be; this request replaces every setting of the topic."""
    changed = {"max.message.bytes": str(size), **settings}
    async with administrator(bootstrap) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changed)])


def refused(service: Service, *words: str) -> bool:
    """Whether the worker is alive and not ready, and says why in these words."""
    assert service.get("/healthz")[0] == 200
    status, problems = service.readyz()
    return status == 503 and all(any(word in one for one in problems) for word in words)


async def test_snapshots_larger_than_their_topic_takes(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Readiness names topic and remedy, reading waits; with the limit raised the figures come."""
    with Service(kafka.bootstrap, tmp_path) as service:
        topic = service.topic("snapshots")
        await limit(kafka.bootstrap, topic, 1_000, **SNAPSHOTS)
        assert 0 == service.publish([attendance(n, org="RX1") for n in range(5)]).returncode
        eventually(
            lambda: refused(service, f"topic {topic} refuses", "max.message.bytes=8388608"),
            saying=lambda: service.log[-3000:],
        )
        assert f"topic {topic} refuses a record of" in service.log
        read = service.metrics().total("oversight_records_consumed_total")
        assert 0 == service.publish([attendance(n, org="RX1") for n in range(5, 9)]).returncode
        service.wait_for(lambda one: (one.get("oversight_tick_late_seconds") or 0) > 3)
        assert read == service.metrics().total("oversight_records_consumed_total")
        assert service.metrics().get(DENOMINATOR, **RX1) is None

        await limit(kafka.bootstrap, topic, 8 << 20, **SNAPSHOTS)
        service.wait_value(9, DENOMINATOR, **RX1)
        eventually(lambda: service.readyz() == (200, []), saying=service.readyz)
        found = await offsets(kafka.bootstrap, f"{service.name}-hot-path", service.topic("events"))
        assert [(9, 9)] == list(found.values())


async def test_a_dead_letters_topic_that_is_deleted(kafka_factory: KafkaFactory, tmp_path: Path) -> None:
    """The worker names it; made again it holds every refusal, and the good event behind them counts."""
    kafka = kafka_factory(properties={"auto.create.topics.enable": "false"})
    with Service(kafka.bootstrap, tmp_path, deadline_seconds=4) as service:
        topic = service.topic("dead-letters")
        async with administrator(kafka.bootstrap) as admin:
            await admin.delete_topics([topic])
        lines = [b'{"specversion": %d}' % n for n in range(20)]
        await produce(kafka.bootstrap, service.topic("events"), *lines, key=b"RX1")
        await produce(kafka.bootstrap, service.topic("events"), encoded(attendance(1, org="RX1")), key=b"RX1")
        eventually(
            lambda: refused(service, f"topic {topic} does not exist"),
            within=60,
            saying=lambda: (service.readyz(), service.log[-3000:]),
        )

        await create_topic(kafka.bootstrap, topic, **{"max.message.bytes": str(8 << 20)})
        service.wait_value(1, DENOMINATOR, within=60, **RX1)
        eventually(lambda: service.readyz() == (200, []), within=60, saying=service.readyz)
        assert set(lines) == {one.value for one in await records(kafka.bootstrap, topic)}


def test_a_broker_that_is_away(kafka_factory: KafkaFactory, tmp_path: Path) -> None:
    """A frozen broker: alive, not ready, with words and a metric of its own; and ready again by itself."""
    kafka = kafka_factory()
    with Service(kafka.bootstrap, tmp_path, session_timeout_seconds=10, deadline_seconds=5) as service:
        assert 1 == service.metrics().get("oversight_broker_reachable")
        kafka.freeze()
        try:
            eventually(
                lambda: refused(service, "the broker has not answered for"), within=60, saying=service.readyz
            )
            assert 0 == service.metrics().get("oversight_broker_reachable")
        finally:
            kafka.thaw()
        eventually(lambda: service.readyz() == (200, []), within=90, saying=lambda: service.log[-3000:])
        assert 1 == service.metrics().get("oversight_broker_reachable")
