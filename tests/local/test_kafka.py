"""A real Apache Kafka: it serves, it keeps its data over a crash, and it says what is missing."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from conftest import find_kcat, have

from streams.errors import LocalServerError, PortTakenError
from streams.local import ApacheKafka
from streams.local.kafka_jars import fetch_kafka, find_java
from streams.local.kafka_probe import known_brokers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import KafkaFactory

_OLD_MILLISECONDS = 1_700_000_000_000
_LOG_APPEND_TIME = 1
_Client = TypeVar("_Client", AIOKafkaAdminClient, AIOKafkaConsumer, AIOKafkaProducer)


@asynccontextmanager
async def _running(client: _Client) -> AsyncIterator[_Client]:
    await client.start()
    try:
        yield client
    finally:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


async def _create(bootstrap: str, topic: str, *, replication_factor: int = 1, **configs: str) -> None:
    new = NewTopic(
        topic,
        num_partitions=1,
        replication_factor=replication_factor,
        topic_configs={name.replace("_", "."): value for name, value in configs.items()},
    )
    async with _running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        response = await admin.create_topics([new])
    assert [(topic, 0)] == [error[:2] for error in response.topic_errors]


async def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    async with _running(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        await producer.send_and_wait(topic, value, key=b"RJ1", partition=0, timestamp_ms=_OLD_MILLISECONDS)


async def _consume(bootstrap: str, topic: str, *, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with _running(consumer):
        consumer.assign([TopicPartition(topic, 0)])
        return [await consumer.getone() for _ in range(count)]


async def test_record_comes_back_with_the_brokers_own_time(kafka: ApacheKafka) -> None:
    """A topic with LogAppendTime overrules the producer's time."""
    await _create(kafka.bootstrap, "local-append-time", message_timestamp_type="LogAppendTime")
    before = time.time() * 1000

    await _produce(kafka.bootstrap, "local-append-time", b"one")
    (record,) = await _consume(kafka.bootstrap, "local-append-time", count=1)

    assert (b"RJ1", b"one", _LOG_APPEND_TIME) == (record.key, record.value, record.timestamp_type)
    assert before - 5_000 < record.timestamp < time.time() * 1000 + 5_000


async def test_group_consumes_and_commits(kafka: ApacheKafka) -> None:
    """A consumer group gets its assignment and its committed offset back."""
    await _create(kafka.bootstrap, "local-group")
    await _produce(kafka.bootstrap, "local-group", b"one")
    group = {"bootstrap_servers": kafka.bootstrap, "group_id": "local-group", "enable_auto_commit": False}

    async with _running(AIOKafkaConsumer("local-group", auto_offset_reset="earliest", **group)) as consumer:
        await consumer.getone()
        await consumer.commit()

        assert 1 == await consumer.committed(TopicPartition("local-group", 0))


async def test_outside_client_is_served(kafka: ApacheKafka) -> None:
    """What kcat, a client that shares no code with ours, produces is what we consume."""
    kcat = have(find_kcat)
    await _create(kafka.bootstrap, "local-outside")

    arguments = ("-P", "-b", kafka.bootstrap, "-t", "local-outside", "-p", "0", "-k", "RJ1")
    producer = await asyncio.create_subprocess_exec(kcat, *arguments, stdin=asyncio.subprocess.PIPE)
    await asyncio.wait_for(producer.communicate(b"one"), timeout=30)

    assert 0 == producer.returncode
    (record,) = await _consume(kafka.bootstrap, "local-outside", count=1)
    assert (b"RJ1", b"one") == (record.key, record.value)


async def test_data_outlive_a_crash_and_a_restart(kafka_factory: KafkaFactory) -> None:
    """After kill -9, and after an orderly restart, the same port serves the same records."""
    kafka = kafka_factory()
    bootstrap = kafka.bootstrap
    await _create(bootstrap, "kept")
    await _produce(bootstrap, "kept", b"before the crash")

    kafka.kill()
    assert {} == kafka.pids
    kafka.start()
    await _produce(bootstrap, "kept", b"after the crash")
    kafka.restart()

    records = await _consume(bootstrap, "kept", count=2)
    assert [b"before the crash", b"after the crash"] == [record.value for record in records]
    assert bootstrap == kafka.bootstrap


def test_frozen_broker_does_not_answer_until_it_is_thawed(kafka_factory: KafkaFactory) -> None:
    """Freezing is silence, not refusal: the port still takes connections."""
    kafka = kafka_factory()

    kafka.freeze()
    socket.create_connection(("127.0.0.1", kafka.port), timeout=1).close()
    assert frozenset() == known_brokers(kafka.port, timeout_seconds=0.5)

    kafka.thaw()
    assert {1} == known_brokers(kafka.port, timeout_seconds=5)


async def test_three_nodes_survive_the_loss_of_one(kafka_factory: KafkaFactory) -> None:
    """A record acknowledged by all is there when the first node is gone, and the node comes back."""
    kafka = kafka_factory(nodes=3)
    await _create(kafka.bootstrap, "spread", replication_factor=3, min_insync_replicas="2")
    await _produce(kafka.bootstrap, "spread", b"one")

    kafka.kill(1)
    assert {2, 3} == set(kafka.pids)
    (record,) = await _consume(kafka.bootstrap, "spread", count=1)
    kafka.restart(1)

    assert b"one" == record.value
    assert {1, 2, 3} == known_brokers(kafka.port)


def test_taken_port_says_so(kafka: ApacheKafka, tmp_path: Path) -> None:
    """The message names the port that the running broker holds."""
    with pytest.raises(PortTakenError, match=f"port {kafka.port} on 127.0.0.1 is already in use"):
        ApacheKafka(tmp_path, port=kafka.port).start()


def test_wrong_setting_is_quoted_from_the_log(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A broker that refuses its configuration says why, in our error."""
    assert kafka.pids  # the jars and Java are there

    with pytest.raises(LocalServerError, match=r"log\.retention\.check\.interval\.ms"):
        ApacheKafka(tmp_path, properties={"log.retention.check.interval.ms": "never"}).start()


def test_unknown_node_is_refused(tmp_path: Path) -> None:
    """A typing error does not kill the whole cluster."""
    with pytest.raises(LocalServerError, match=r"there is no node \[4\]; nodes are 1 to 3"):
        ApacheKafka(tmp_path, nodes=3).kill(4)


def test_missing_java_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java gets advice rather than a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(LocalServerError, match=r"needs Java 17 or newer, and there is none; install one"):
        find_java()


def test_old_java_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java 11 is found, and found too old."""
    java = tmp_path / "java"
    java.write_text("""#!/bin/sh\necho 'openjdk version "11.0.2" 2019-01-15' >&2\n""", encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(LocalServerError, match=r'says \'openjdk version "11\.0\.2" 2019-01-15\''):
        find_java()


def test_missing_maven_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Maven and without the jars gets advice, and no half-made cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    cache = tmp_path / "cache"

    with pytest.raises(LocalServerError, match="apt-get install maven"):
        fetch_kafka(cache)

    assert [] == list(cache.iterdir())


def test_failed_download_quotes_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Maven said is in the error, and nothing is taken for a download."""
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'Could not resolve dependencies'; exit 1\n", encoding="utf-8")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalServerError, match="Could not resolve dependencies"):
        fetch_kafka(tmp_path / "cache")

    assert [] == list((tmp_path / "cache").iterdir())
