"""The topic that is measured: made as the service makes it, filled once, one partition."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.bench.measured import PARTITION
from streams.bench.workload import Message

_BATCH_BYTES = 256 * 1024
_IN_FLIGHT = 50


async def fill(bootstrap: str, topic: str, messages: list[Message]) -> None:
    """Create a topic stamped by the broker and write the messages, in batches as large as our publisher's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        configs = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        waiting: list[Any] = []
        batch = producer.create_batch()
        for key, value in messages:
            if batch.append(key=key, value=value, timestamp=None) is None:
                waiting.append(await producer.send_batch(batch, topic, partition=PARTITION))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
            if len(waiting) >= _IN_FLIGHT:
                await waiting.pop(0)
        waiting.append(await producer.send_batch(batch, topic, partition=PARTITION))
        for one in waiting:
            await one
    finally:
        await producer.stop()
