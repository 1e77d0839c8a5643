"""What the engine is given and what it gives besides state: records of a log, refusals, late ones, totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from schemas.envelope import Headers
from schemas.outputs import Total

REASONS = (
    "not_json",
    "binary_mode",
    "unknown_type",
    "invalid",
    "identifier",
    "empty",
    "too_large",
    "future",
    "wrong_topic",
    "unknown_measure",
    "wrong_period",
    "official_only",
    "missing_denominator",
    "not_an_official_source",
    "too_many_series",
    "too_many_sources",
)
"""Why a record is refused: the contract's reasons first, then the engine's."""


class LogRecord(Protocol):
    """A record of the log, as aiokafka gives it and as replay makes it."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Append time, milliseconds since the epoch."""

    @property
    def value(self) -> bytes | None:
        """What was written."""

    @property
    def headers(self) -> Headers:
        """Its headers; empty for structured events."""


class Refused(msgspec.Struct, frozen=True):
    """A record that was not accepted; `reason` is a short word for counting.

    `withheld`: something in it could name a person, or nobody has looked: nothing of it may be copied.
    """

    offset: int
    reason: str
    problems: tuple[str, ...]
    withheld: bool = False


class Late(msgspec.Struct, frozen=True):
    """A record whose day had closed when it was appended."""

    offset: int
    source: str
    family: str
    day: int
    lateness_seconds: int


@dataclass
class Outputs:
    """What a batch gave besides state; `counts` is by outcome: applied, duplicate, superseded, clash.

    `totals` is to be written to the topic of day totals, in this order: what it closes is complete when
    its last record, a `ClosedThrough`, is there.
    """

    refused: list[Refused] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    misrouted: int = 0
