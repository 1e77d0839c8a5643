"""The pulse of this process: notices that it stood still, frozen, suspended or held up.

While it stood still its group may have given its partitions to another worker, and it cannot know. So
whoever wants to publish asks for the number of pauses first, and confirms its membership when it has grown.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BEAT_SECONDS = 0.1
"""How often the process's own task feels it."""


def _elapsed() -> float:
    """Seconds since the machine started, its sleep included where the system tells."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return time.monotonic()


class Pulse:
    """Counts pauses.

    Args:
        most_seconds: a longer time between two looks is a pause.
        elapsed: seconds that never go back.
    """

    def __init__(self, most_seconds: float, elapsed: Callable[[], float] = _elapsed) -> None:
        self._most_seconds = most_seconds
        self._elapsed = elapsed
        self._last = elapsed()
        self._pauses = 0

    def pauses(self) -> int:
        """Give how many pauses there have been, one that has just ended included."""
        now = self._elapsed()
        if now - self._last > self._most_seconds:
            self._pauses += 1
        self._last = now
        return self._pauses
