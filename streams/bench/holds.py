"""How long the event loop is held: a task that wants it every millisecond notes how late it gets it.

On a busy machine the time includes what other processes took; the processor time of the loop's thread does
not.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

_TURN_SECONDS = 0.001


class Holds:
    """Watches the event loop while it is entered.

    Attributes:
        longest: the longest hold so far, seconds.
        longest_cpu: the same in processor time of the loop's thread.
    """

    def __init__(self) -> None:
        self.longest = self.longest_cpu = 0.0

    async def __aenter__(self) -> Self:
        self._task: asyncio.Task[Any] = asyncio.create_task(self._wait())
        await asyncio.sleep(2 * _TURN_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _wait(self) -> None:
        last, last_cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TURN_SECONDS)
            now, now_cpu = time.perf_counter(), time.thread_time()
            self.longest = max(self.longest, now - last - _TURN_SECONDS)
            self.longest_cpu = max(self.longest_cpu, now_cpu - last_cpu)
            last, last_cpu = now, now_cpu

    async def settle(self) -> None:
        """Wait until the hold that ends now has been noted."""
        await asyncio.sleep(2 * _TURN_SECONDS)
