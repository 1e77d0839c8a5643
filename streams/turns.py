"""Long work in turns: whoever shares the event loop gets it back after some milliseconds."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable

TURN_SECONDS = 0.005
"""A task that works for longer gives the others a turn, and they may be several: none is to wait 60 ms."""


class Turns:
    """Watches how long a task has held the event loop since it last gave it away.

    Args:
        seconds: how long a turn may last.
        begun: take it that a turn begins now. Else nothing is known of it, and others get the first at once.
    """

    def __init__(self, seconds: float = TURN_SECONDS, *, begun: bool = False) -> None:
        self._seconds = seconds
        self._since = time.perf_counter() if begun else -math.inf

    async def give(self) -> None:
        """Give the others their turn, if this one has lasted long enough."""
        if time.perf_counter() - self._since >= self._seconds:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


async def in_turns(steps: Iterable[object], seconds: float = TURN_SECONDS) -> None:
    """Take the steps of a long piece of work one after the other, with turns for others in between."""
    turns = Turns(seconds)
    for _ in steps:
        await turns.give()
