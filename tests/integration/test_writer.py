"""The writer on a real broker: a tick's snapshots do not wait for one another."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import pytest
from broker import create_topic, records

from streams.local import ApacheKafka
from streams.pipeline.outputs import Output
from streams.pipeline.writer import Writer
from streams.settings import Settings


async def test_many_snapshots_take_few_round_trips(
    kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred snapshots of 10 kB take a handful of requests, in order, and not one each."""
    topic = f"t{uuid4().hex[:10]}.snapshots"
    await create_topic(kafka.bootstrap, topic)
    writer = Writer(Settings(bootstrap_servers=kafka.bootstrap), None)
    await writer.start()
    try:
        await writer.write([Output(topic, b"first", b"")])  # topic and leader are known from here on
        client = writer._producer.client
        send, requests = client.send, []

        async def counted(node: int, request: Any, *rest: Any, **more: Any) -> Any:
            requests.append(type(request).__name__)
            return await send(node, request, *rest, **more)

        monkeypatch.setattr(client, "send", counted)
        outputs = [Output(topic, b"%d" % number, os.urandom(10_000)) for number in range(100)]
        await writer.write(outputs)
    finally:
        await writer.stop()

    assert 1 <= sum("Produce" in one for one in requests) <= 6, requests
    written = [(one.key, one.value) for one in await records(kafka.bootstrap, topic)]
    assert [(b"first", b""), *((one.key, one.value) for one in outputs)] == written
