"""A way in between Kafka's clients and one broker, that knows what a request is for and can hold it there.

"Between output and commit" is a moment of a few milliseconds. The proxy makes it last: it reads the header
of each request, and one that a rule matches goes no further until the rule is given up.

    client ──► proxy ──► broker          the broker advertises the proxy's port, so that
           ◄──       ◄──                 everything that clients send comes this way
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

PRODUCE, FETCH, METADATA, OFFSET_COMMIT, JOIN_GROUP, HEARTBEAT, SYNC_GROUP = 0, 1, 3, 8, 11, 12, 14
"""Numbers of requests, as Kafka's protocol gives them."""
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Request:
    """One request on its way to the broker: what it asks, who asks, and all of its bytes."""

    api_key: int
    client: str
    body: bytes

    @classmethod
    def read(cls, frame: bytes) -> Self:
        """Read the header: api key, its version, a correlation number and the client's name."""
        api_key, _, _, length = struct.unpack_from(">hhih", frame)
        return cls(api_key, frame[10 : 10 + max(0, length)].decode(errors="replace"), frame)


Matches = Callable[[Request], bool]


@dataclass(eq=False)
class Hold:
    """A rule: requests that match stay at the proxy.

    Attributes:
        matches: which requests.
        after: how many matching requests pass before one is held.
        part: whether half of a held request's bytes go on, as of a client that ended while it wrote.
        answer: True lets the request through and holds the broker's answers to that client instead.
    """

    matches: Matches
    after: int = 0
    part: bool = False
    answer: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    def wait(self, seconds: float) -> bool:
        """Wait until a request is held; False when none came in time."""
        return self.reached.wait(seconds)


class KafkaProxy:
    """The proxy, on a thread and an event loop of its own. Listens once started, wherever the broker is.

    Args:
        port: where to listen.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.target = 0
        self._holds: list[Hold] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="proxy")
        self._listening = threading.Event()

    def start(self) -> Self:
        """Listen; set `target` to the broker's port before anybody connects."""
        self._thread.start()
        assert self._listening.wait(10), f"the proxy does not listen on {self.port}"
        return self

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @contextlib.contextmanager
    def holding(
        self, matches: Matches, *, after: int = 0, part: bool = False, answer: bool = False
    ) -> Iterator[Hold]:
        """Hold matching requests inside the block; afterwards they are lost, their connections closed."""
        hold = Hold(matches, after, part, answer)
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)
            self._loop.call_soon_threadsafe(hold.given_up.set)

    def cut(self) -> None:
        """Close every connection there is, as a network that breaks would."""
        self._loop.call_soon_threadsafe(self._close_all)

    def _close_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._close_all()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        answers: asyncio.Task[None] | None = None
        held: list[Hold] = []
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(forth)
            answers = asyncio.ensure_future(self._answers(back, writer, held))
            requests = asyncio.ensure_future(self._requests(reader, forth, held))
            _, pending = await asyncio.wait((answers, requests), return_when=asyncio.FIRST_COMPLETED)
            for one in pending:
                one.cancel()
            await asyncio.gather(answers, requests, return_exceptions=True)
            self._writers.discard(forth)
            forth.transport.abort()
        except OSError:
            pass  # the broker is away, and the client hears so by the end of its connection
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            self._tasks.discard(task)

    async def _answers(
        self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, held: list[Hold]
    ) -> None:
        while chunk := await back.read(_CHUNK):
            if held:
                await held[0].given_up.wait()
                return
            writer.write(chunk)
            await writer.drain()

    async def _requests(
        self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, held: list[Hold]
    ) -> None:
        while True:
            try:
                head = await reader.readexactly(4)
                frame = await reader.readexactly(int.from_bytes(head, "big"))
            except asyncio.IncompleteReadError:
                return
            hold = self._match(frame)
            if hold is None or hold.answer:
                if hold is not None:
                    held.append(hold)
                forth.write(head + frame)
                await forth.drain()
                if hold is not None:
                    hold.reached.set()
                continue
            if hold.part:
                forth.write(head + frame[: len(frame) // 2])
                await forth.drain()
            hold.reached.set()
            await hold.given_up.wait()
            return

    def _match(self, frame: bytes) -> Hold | None:
        if not self._holds:
            return None
        request = Request.read(frame)
        for hold in list(self._holds):
            if hold.matches(request):
                if hold.after <= 0:
                    return hold
                hold.after -= 1
        return None
