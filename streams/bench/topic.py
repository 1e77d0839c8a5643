"""Topics that are measured: stamped by the broker as the service makes them, filled once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.bench.workload import Message
from streams.pipeline.hot_path import partition_of

_BATCH_BYTES = 256 * 1024
_IN_FLIGHT = 50


async def fill(bootstrap: str, topic: str, messages: Sequence[Message]) -> None:
    """Create a topic of one partition and write the messages."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        configs = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
    finally:
        await admin.close()
    await send(bootstrap, topic, messages, 1)


async def send(bootstrap: str, topic: str, messages: Sequence[Message], partitions: int) -> list[int]:
    """Write messages where their keys belong, in batches as large as our publisher's.

    Returns:
        How many went to each partition.
    """
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        waiting: list[Any] = []
        counts = [0] * partitions
        batches = [producer.create_batch() for _ in range(partitions)]
        places = {key: partition_of(key.decode(), partitions) for key in {one.key for one in messages}}
        for key, value in messages:
            at = places[key]
            counts[at] += 1
            if batches[at].append(key=key, value=value, timestamp=None) is None:
                waiting.append(await producer.send_batch(batches[at], topic, partition=at))
                batches[at] = producer.create_batch()
                batches[at].append(key=key, value=value, timestamp=None)
            if len(waiting) >= _IN_FLIGHT:
                await waiting.pop(0)
        for at, batch in enumerate(batches):
            if batch.record_count():
                waiting.append(await producer.send_batch(batch, topic, partition=at))
        for one in waiting:
            await one
        return counts
    finally:
        await producer.stop()
