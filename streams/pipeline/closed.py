"""When closed periods are published: all of them at midnight, corrected ones from time to time."""

from __future__ import annotations

from dataclasses import dataclass

from streams.engine.calendar import local_day
from streams.engine.partition import Partition

CLOSED_EVERY_SECONDS = 10
"""Corrections of the last fortnight come all day, and finals need not be as fresh as the board."""


@dataclass
class ClosedDue:
    """What of one partition's closed periods is due.

    Attributes:
        day: civil day on which all of them were last published.
        next_ms: wall time from which corrected ones are published again.
    """

    day: int = 0
    next_ms: int = 0

    def take(self, state: Partition | None, now_ms: int, *, whole: bool) -> set[str]:
        """Take the organisations whose closed periods are to be published at a tick; nothing is left to do.

        Args:
            state: of the partition, None while it has had no record.
            now_ms: wall time of the tick.
            whole: whether everything is published for the first time.
        """
        if state is None:
            return set()
        found: set[str] = set()
        if whole or self.day != local_day(now_ms // 1000):
            found = set(state.organisations) | state.dirty_closed
        elif now_ms >= self.next_ms:
            found = set(state.dirty_closed)
        state.dirty_closed -= found
        return found

    def published(self, orgs: set[str], now_ms: int) -> None:
        """Hear that what was due has been acknowledged."""
        if not orgs:
            return
        self.day = local_day(now_ms // 1000)
        self.next_ms = now_ms + CLOSED_EVERY_SECONDS * 1000
