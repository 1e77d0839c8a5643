"""A publisher that knows what was acknowledged: it sends at a steady rate until the broker has taken each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from ledger import Ledger
from traffic import Message, Traffic

CLIENT = "publisher"
"""Its name in the header of each request."""
_SLICE_SECONDS = 0.05
_MOST_WAITING = 5_000
_RETRY_SECONDS = 0.5


class Publisher:
    """Sends traffic from a thread and an event loop of its own.

    What the broker does not acknowledge is sent again until it does, as a publisher with an outbox would;
    so in the end everything offered is acknowledged, and some of it stands on the topic twice.

    Args:
        bootstrap: where Kafka is.
        prefix: of the topics.
        rate: messages a second.
        traffic: what to send.
    """

    def __init__(self, bootstrap: str, prefix: str, *, rate: float, traffic: Traffic) -> None:
        self.ledger = Ledger()
        self.traffic = traffic
        self.rate = rate
        self._bootstrap, self._prefix = bootstrap, prefix
        self._waiting = 0
        self._handovers: set[str] = set()
        self._running = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="publisher")
        self._tasks: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer
        self._steady: asyncio.Task[None] | None = None

    def start(self) -> Self:
        """Connect; nothing is sent before `resume`."""
        self._thread.start()
        self._call(self._connect())
        return self

    def stop(self) -> None:
        """Close, whatever is still waiting."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def resume(self) -> None:
        """Send at the steady rate."""
        self._running = True

    def pause(self) -> None:
        """Send nothing new; what waits is still sent."""
        self._running = False

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged yet."""
        return self._waiting

    @property
    def offered_handovers(self) -> int:
        """How many different handovers were offered to the broker, acknowledged or not."""
        return len(self._handovers)

    def send(self, messages: Iterable[Message]) -> None:
        """Send these besides, at once."""
        batch = list(messages)
        self._loop.call_soon_threadsafe(lambda: [self._offer(one) for one in batch])

    def burst(self, count: int) -> None:
        """Send so many new messages at once."""
        self.send([self.traffic.next() for _ in range(count)])

    def settle(self, within: float = 300) -> bool:
        """Stop sending, and wait until everything is acknowledged."""
        self.pause()
        time.sleep(3 * _SLICE_SECONDS)
        ends_at = time.monotonic() + within
        while self._waiting and time.monotonic() < ends_at:
            time.sleep(0.02)
        return not self._waiting

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _connect(self) -> None:
        # Not idempotent: an idempotent producer gives up for good where this one must go on.
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=CLIENT,
            acks="all",
            linger_ms=5,
            request_timeout_ms=10_000,
            metadata_max_age_ms=5_000,
        )
        await self._producer.start()
        self._steady = asyncio.ensure_future(self._send_steadily())

    async def _close(self) -> None:
        tasks = [*self._tasks, *([self._steady] if self._steady else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._producer.stop()

    async def _send_steadily(self) -> None:
        owed = 0.0
        while True:
            await asyncio.sleep(_SLICE_SECONDS)
            if not self._running or self._waiting > _MOST_WAITING:
                owed = 0.0
                continue
            owed += self.rate * _SLICE_SECONDS
            for _ in range(int(owed)):
                self._offer(self.traffic.next())
            owed -= int(owed)

    def _offer(self, message: Message) -> None:
        self._waiting += 1
        if message.event is not None and (key := message.event["data"].get("handover_key")):
            self._handovers.add(key)
        task = asyncio.ensure_future(self._deliver(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message: Message) -> None:
        topic = f"{self._prefix}.{message.topic}"
        while True:
            try:
                sent = await self._producer.send_and_wait(topic, message.value, key=message.key.encode())
            except (KafkaError, TimeoutError, OSError):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self.ledger.take(message, (message.topic, sent.partition, sent.offset))
            self._waiting -= 1
            return
