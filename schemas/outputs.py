"""What the service writes to its own topics, as msgspec structs encoded to JSON.

Every record carries `schema`; readers accept the current version and the previous one.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeVar

import msgspec

SCHEMA = 1


class Cell(msgspec.Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """Facts of one stratum: (dimension, value), both empty for unstratified.

    `histograms` are those of the family's definition, in its order: bucket to how many.
    """

    dimension: str
    value: str
    facts: list[int]
    histograms: list[dict[int, int]] = []


class Part(msgspec.Struct, frozen=True, gc=False):
    """The part of a window from civil day `start` on, up to the next part; split where memberships change."""

    start: date
    cells: list[Cell]


class WindowFacts(msgspec.Struct, frozen=True, gc=False):
    """Facts of one window [start, end), Europe/London civil days; of hours, `from_ms` to `until_ms` in them.

    `as_at_ms` is when the newest record in it was appended; `restated_ms`, when a figure of a day that had
    ended last changed; `to_date`, that the window has not ended. `reported` of `expected` periods are in
    a window over returns; both are 0 over events.
    """

    window: str
    start: date
    end: date
    parts: list[Part]
    as_at_ms: int
    to_date: bool = False
    from_ms: int | None = None
    until_ms: int | None = None
    restated_ms: int | None = None
    reported: int = 0
    expected: int = 0


Basis = Literal["official", "operational", "synthetic"]


class SeriesFacts(msgspec.Struct, frozen=True, gc=False):
    """All windows of one stream of facts of one organisation and site.

    `defined_from` is the first civil day under this definition, where older days follow another and are
    left out.
    """

    stream: str
    definition: str
    basis: Basis
    site: str | None
    windows: list[WindowFacts]
    defined_from: date | None = None


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where an output was made: input topic, partition, next offset, and the tick's wall time.

    `epoch` grows by one whenever another worker takes the partition over, so what a worker writes that no
    longer has it is known as such; 0 in records of before there were epochs.
    """

    topic: str
    topic_id: str
    partition: int
    next_offset: int
    tick_ms: int
    epoch: int = 0


class OrganisationSnapshot(msgspec.Struct, frozen=True, gc=False, tag="organisation", tag_field="kind"):
    """Everything one input partition knows of one organisation at a tick.

    No series: it holds nothing any more. Key on the topic: see `snapshot_key`.
    """

    at: Position
    org: str
    series: list[SeriesFacts]
    coverage_start: date | None = None
    schema: int = SCHEMA


class SourceStream(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One stream of a publisher in one basis: when its newest record was appended, and about whom it writes.

    `newest_ms` is the watermark, its newest event time; of returns the end of the latest period reported.
    `more_orgs` counts organisations beyond those named: the list is bounded.
    """

    stream: str
    basis: Basis
    last_append_ms: int
    newest_ms: int
    orgs: list[str]
    more_orgs: int = 0


class Source(msgspec.Struct, frozen=True, gc=False):
    """A publisher seen on a partition; a worker of the previous version names no streams."""

    source: str
    last_append_ms: int
    misrouted: bool
    streams: list[SourceStream] = []


class Heartbeat(msgspec.Struct, frozen=True, gc=False, tag="heartbeat", tag_field="kind"):
    """One partition is alive at `at.tick_ms`; snapshots of it made before it was complete are void.

    They are known by their lower epoch; those without epochs by a tick before `complete_since_ms`.
    `closed_pending`: closed periods have changed and are not published yet; finals wait for them.
    """

    at: Position
    complete_since_ms: int
    sources: list[Source]
    closed_pending: bool = False
    schema: int = SCHEMA


class ClosedPeriods(msgspec.Struct, frozen=True, gc=False, tag="closed_periods", tag_field="kind"):
    """Every tumbling period of one organisation that has ended and can still be corrected.

    Besides the organisation's current windows, under a compaction key of its own.
    """

    at: Position
    org: str
    series: list[SeriesFacts]
    coverage_start: date | None = None
    schema: int = SCHEMA


Snapshot = OrganisationSnapshot | Heartbeat | ClosedPeriods


class Final(msgspec.Struct, frozen=True):
    """The figure of a period that has ended, as issued: the row, its revision and what identifies it.

    Fields are those of a row on the command line. `revision` counts from 0 and goes up whenever the content
    changes; `identity` is a hash of what changed, so that a repeat is recognised. A figure that was issued
    and has been withdrawn since has a last revision without a value.
    """

    indicator: str
    purpose: str
    org: str
    level: str
    window: str
    period_start: str
    period_end: str
    strata: dict[str, str]
    basis: Basis
    numerator: float | None
    denominator: float | None
    value: float | None
    unit: str
    status: str
    flags: list[str]
    threshold: float | None
    as_at: str | None
    restated_at: str | None
    revision: int
    identity: str
    coded: dict[str, float | None] = {}
    schema: int = SCHEMA


Strata = list[tuple[str, str]]


class TotalCell(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """Facts of one cell of the product of strata, as (dimension, value) pairs; empty for unstratified."""

    strata: Strata
    facts: list[int]
    histograms: list[dict[int, int]] = []


class DayTotal(msgspec.Struct, frozen=True, tag="day", tag_field="kind"):
    """What one civil day of one series came to when it closed; it never changes again."""

    topic: str
    partition: int
    org: str
    site: str
    stream: str
    basis: Basis
    definition: str
    day: date
    cells: list[TotalCell]
    as_at_ms: int
    restated_ms: int = 0
    schema: int = SCHEMA


class ClosedIdentities(msgspec.Struct, frozen=True, tag="identities", tag_field="kind"):
    """Hashes (8 bytes each) of episodes that closed, so that a later version of one is late.

    They are due for closing on `due`; a list is cut into numbered chunks. No hashes: forgotten.
    """

    topic: str
    partition: int
    due: date
    chunk: int
    hashes: bytes
    schema: int = SCHEMA


class ClosedThrough(msgspec.Struct, frozen=True, tag="closed", tag_field="kind"):
    """Every total up to and with `day` has been written; the first whole day is `covered_from`."""

    topic: str
    partition: int
    day: date
    covered_from: date
    schema: int = SCHEMA


Total = DayTotal | ClosedIdentities | ClosedThrough


class _Place(msgspec.Struct):
    at: Position


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Snapshot)
_place_decoder = msgspec.json.Decoder(_Place)
_total_decoder = msgspec.json.Decoder(Total)
_final_decoder = msgspec.json.Decoder(Final)


def encode(record: Snapshot | Final) -> bytes:
    """Encode a record of the topic `snapshots` or `finals`."""
    return _encoder.encode(record)


def encode_total(total: Total) -> bytes | None:
    """Encode a record of the topic `day-totals`; None, a tombstone, for identities that are forgotten."""
    if isinstance(total, ClosedIdentities) and not total.hashes:
        return None
    return _encoder.encode(total)


def decode_total(value: bytes) -> Total:
    """Decode a record of the topic `day-totals`.

    Raises:
        msgspec.MsgspecError: when it is not one.
    """
    total: Total = _total_decoder.decode(value)
    return _readable(total)


def total_key(total: Total) -> bytes:
    """Give the compaction key: input topic, partition, and what the total is of."""
    place = f"{total.topic}/{total.partition}"
    if isinstance(total, DayTotal):
        of = f"day/{total.day}/{total.org}/{total.site}/{total.stream}/{total.basis}"
    elif isinstance(total, ClosedIdentities):
        of = f"identities/{total.due}/{total.chunk}"
    else:
        of = "closed"
    return f"{place}/{of}".encode()


def decode_snapshot(value: bytes) -> Snapshot:
    """Decode a record of the topic `snapshots`.

    Raises:
        msgspec.MsgspecError: when it is not one.
    """
    snapshot: Snapshot = _decoder.decode(value)
    return _readable(snapshot)


def decode_position(value: bytes) -> Position:
    """Decode of a record of the topic `snapshots` only where it was made, which is much quicker.

    Raises:
        msgspec.MsgspecError: when it is not one.
    """
    return _place_decoder.decode(value).at


_Record = TypeVar("_Record", Snapshot, Total, Final)


def _readable(record: _Record) -> _Record:
    if record.schema > SCHEMA:
        raise msgspec.ValidationError(f"schema {record.schema} is newer than {SCHEMA}: update this worker")
    return record


def snapshot_key(snapshot: Snapshot) -> bytes:
    """Give the compaction key: input topic, partition, and organisation (none for a heartbeat)."""
    if isinstance(snapshot, Heartbeat):
        of = ""
    else:
        of = snapshot.org + ("/closed" if isinstance(snapshot, ClosedPeriods) else "")
    return f"{snapshot.at.topic}/{snapshot.at.partition}/{of}".encode()


def final_key(final: Final) -> bytes:
    """Give the key of a final: organisation, level, indicator, window, stratum, basis, end, revision."""
    return f"{final_name(final)}/{final.revision}".encode()


def final_name(final: Final) -> str:
    """Give what all revisions of a final have in common: the key without the revision."""
    stratum = ",".join(f"{name}={value}" for name, value in final.strata.items())
    of = (final.org, final.level, final.indicator, final.window, stratum, final.basis, final.period_end)
    return "/".join(of)


def decode_final(value: bytes) -> Final:
    """Decode a record of the topic `finals`.

    Raises:
        msgspec.MsgspecError: when it is not one.
    """
    return _readable(_final_decoder.decode(value))
