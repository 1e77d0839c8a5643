"""What a test asks of the broker itself: topics as it wants them, raw records in, records out, offsets."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from conftest import find_kcat, have

Headers = Sequence[tuple[str, bytes]]
Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)


@asynccontextmanager
async def running(client: Client) -> AsyncIterator[Client]:
    """Start a client and stop it whatever happens."""
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed whatever happens."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def create_topic(bootstrap: str, name: str, partitions: int = 1, **configs: str) -> None:
    """Create a topic as somebody else would have."""
    async with administrator(bootstrap) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])


async def raise_message_limit(bootstrap: str, topic: str, size: int) -> None:
    """Let one of the input topics take records of up to `size` bytes."""
    # This request replaces every setting of the topic, so the one that the service checks is given again.
    settings = {"max.message.bytes": str(size), "message.timestamp.type": "LogAppendTime"}
    changed = ConfigResource(ConfigResourceType.TOPIC, topic, settings)
    async with administrator(bootstrap) as admin:
        await admin.alter_configs([changed])


async def produce(
    bootstrap: str,
    topic: str,
    *values: bytes | None,
    key: bytes | None = None,
    partition: int | None = None,
    headers: Headers = (),
) -> list[int]:
    """Send records as any producer may, and give their offsets."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=16 << 20, linger_ms=5)
    async with running(producer):
        sent = [
            await producer.send(topic, value, key=key, partition=partition, headers=list(headers))
            for value in values
        ]
        return [one.offset for one in await asyncio.gather(*sent)]


async def records(bootstrap: str, topic: str) -> list[Any]:
    """Give every record that stands on a topic now."""
    found: list[Any] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    async with running(consumer):
        for partition in await _partitions(bootstrap, topic):
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            end = (await consumer.end_offsets([partition]))[partition]
            while await consumer.position(partition) < end:
                batches = await consumer.getmany(partition, timeout_ms=500)
                found += [record for batch in batches.values() for record in batch]
    return found


async def _partitions(bootstrap: str, topic: str) -> list[TopicPartition]:
    async with administrator(bootstrap) as admin:
        (described,) = await admin.describe_topics([topic])
    return sorted(TopicPartition(topic, one["partition"]) for one in described["partitions"])


async def offsets(bootstrap: str, group: str, *topics: str) -> dict[TopicPartition, tuple[int, int]]:
    """Give what a group has committed, and the end, of every partition that holds something."""
    partitions = [one for topic in topics for one in await _partitions(bootstrap, topic)]
    async with running(AIOKafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        ends = await consumer.end_offsets(partitions)
    async with administrator(bootstrap) as admin:
        committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
    return {one: (committed[one].offset, end) for one, end in ends.items() if end}


def kcat(bootstrap: str, topic: str, value: bytes, *arguments: str | bytes) -> None:
    """Send one record with kcat, which shares no code with our clients."""
    command = [have(find_kcat), "-P", "-b", bootstrap, "-t", topic, *arguments]
    subprocess.run(command, input=value, check=True, capture_output=True, timeout=30)
