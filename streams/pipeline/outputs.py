"""Records that the hot path writes, and how dead letters and late records are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from schemas.envelope import attribute_headers
from schemas.withholding import repeats_a_name
from streams.engine import Outputs
from streams.engine.calendar import civil_date
from streams.settings import Settings

MAX_RETURNED_BYTES = (8 << 20) - (64 << 10)
"""Value and headers of a dead letter: what its topic takes, less room for our own headers."""
HEADER_PREFIX = "oversight_"
"""Of the headers in which we say where a record stood and what was wrong."""
UNREADABLE_REASON = "unreadable"
"""Reason of a dead letter for records that the client library cannot read."""


class UnreadRecord(NamedTuple):
    """Stands for a record of which only the place is known, or kept."""

    offset: int
    timestamp: int = 0
    value: bytes = b""
    headers: tuple[()] = ()


@dataclass(frozen=True)
class Output:
    """One record to be written.

    Attributes:
        topic: full name.
        key: of the record.
        value: of the record; None to delete the key from a compacted topic.
        headers: of the record.
        partition: where it goes; None to let its key decide.
        offset: of the input record that it comes from.
    """

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    offset: int = -1


def rejected(
    settings: Settings, out: Outputs, records: Mapping[int, Any], partition: TopicPartition, committed: int
) -> Iterator[Output]:
    """Make dead letters and late records of what a batch gave.

    Args:
        settings: the topics' names.
        out: what the engine said.
        records: the batch by offset.
        partition: where it comes from.
        committed: what stands below has been written before.
    """
    for refused in out.refused:
        if refused.offset >= committed:
            why = {"reason": refused.reason, "problems": "; ".join(refused.problems)}
            record = records[refused.offset]
            yield returned(settings.topic("dead-letters"), record, partition, why, withheld=refused.withheld)
    for late in out.late:
        if late.offset >= committed:
            why = {
                "source": late.source,
                "family": late.family,
                "lateness_seconds": str(late.lateness_seconds),
                "day": str(civil_date(late.day)),
            }
            yield returned(settings.topic("late"), records[late.offset], partition, why)


def returned(
    topic: str, record: Any, partition: TopicPartition, why: Mapping[str, str], *, withheld: bool = False
) -> Output:
    """Make a record of the original bytes, with where it stood and what was wrong in headers.

    Of a record that would not fit, or in which something could stand that nobody has looked at, nothing is
    copied but its length: its place says where it is. Of headers only the event's attributes are.
    """
    value, headers = record.value or b"", attribute_headers(record.headers)
    where = {
        "topic": partition.topic,
        "partition": str(partition.partition),
        "offset": str(record.offset),
        "append_ms": str(record.timestamp),
    }
    size = len(value) + sum(len(name) + len(text or b"") for name, text in headers)
    if withheld or size > MAX_RETURNED_BYTES or repeats_a_name(value):
        where |= {"withheld": "true", "cut_from_bytes": str(len(value))}
        value, headers = b"", ()
    identity = f"{partition.topic}/{partition.partition}/{record.offset}"
    ours = tuple((f"{HEADER_PREFIX}{name}", text.encode()) for name, text in {**where, **why}.items())
    return Output(topic, identity.encode(), value, (*headers, *ours), offset=record.offset)
