"""Replay: engine and assessment over files, or over what Kafka holds: what the service shows, to check."""

from __future__ import annotations

import codecs
import dataclasses
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from schemas.envelope import Headers
from schemas.fast import RefusedError, decode
from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue
from streams.engine import Engine, EngineSettings, Outputs
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.errors import SourceError
from streams.organisations import Register
from streams.settings import Settings

log = logging.getLogger(__name__)

AT = ("replay", 0)


class FileRecord(msgspec.Struct):
    """One line of a file as a record of the log; its append time is the event's `recordedtime`."""

    offset: int
    timestamp: int
    value: bytes
    headers: Headers = ()
    where: str = ""


class Line(NamedTuple):
    """A line of the input, and where it stands: `events.jsonl:12`."""

    where: str
    value: bytes


def read_lines(paths: Iterable[Path]) -> Iterator[Line]:
    """Give the lines of files, `-` being standard input; blank lines and a byte order mark are passed over.

    Raises:
        SourceError: when a file cannot be read, or standard input is closed or named twice.
    """
    for path in paths:
        try:
            if str(path) == "-":
                if sys.stdin is None or sys.stdin.closed:
                    raise SourceError("standard input is closed, or named twice")
                stream: BinaryIO = sys.stdin.buffer
            else:
                stream = path.open("rb")
            with stream:
                for number, line in enumerate(stream, 1):
                    value = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                    if value.strip():
                        yield Line(f"{path}:{number}", value.strip())
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from None


def as_log(lines: Iterable[Line], known_at: datetime | None = None) -> list[FileRecord]:
    """Give lines as a log: sorted by `recordedtime`, numbered by their place in the input.

    A line that is no event stays, at the beginning, so that its refusal is reported.
    """
    limit = None if known_at is None else known_at.timestamp() * 1_000_000
    good: list[tuple[float, int, Line]] = []
    bad: list[tuple[int, Line]] = []
    for number, line in enumerate(lines):
        try:
            recorded = decode(line.value).recordedtime.timestamp() * 1_000_000
        except RefusedError:
            bad.append((number, line))
            continue
        if limit is None or recorded <= limit:
            good.append((recorded, number, line))
    good.sort(key=lambda one: one[:2])
    first = good[0][0] if good else 0
    everything = [*((first, number, line) for number, line in bad), *good]
    return [
        FileRecord(number, int(recorded // 1000), line.value, (), line.where)
        for recorded, number, line in everything
    ]


def replay(
    records: list[FileRecord],
    *,
    catalogue: Catalogue,
    register: Register,
    at: datetime | None = None,
    finals: bool = False,
    rule: Rule = SHOWN_FROM_8,
) -> tuple[list[Row], Outputs]:
    """Run a log through engine and assessment.

    Args:
        records: in log order.
        catalogue: what to compute.
        register: how to roll up.
        at: the moment to show; just after the last record unless given.
        finals: every closed tumbling period instead of current values.
        rule: which figures are too small to be shown.

    Returns:
        Rows in a fixed order, and what the engine refused, found late and counted.
    """
    engine = Engine(catalogue.measures, EngineSettings(until_seconds=_seconds(at)))
    outputs = engine.process(AT, records)
    last = max((record.timestamp for record in records), default=0)
    now_ms = last + 1 if at is None else int(at.timestamp() * 1000)
    rows = _rows(engine, now_ms, catalogue=catalogue, register=register, finals=finals, rule=rule)
    return rows, outputs


async def replay_kafka(
    settings: Settings,
    *,
    catalogue: Catalogue,
    register: Register,
    at: datetime,
    known_at: datetime | None = None,
    finals: bool = False,
) -> list[Row]:
    """Run what the input topics still hold, partition by partition, as the service does.

    Args:
        settings: where, and how the service decides.
        catalogue: what to compute.
        register: how to roll up.
        at: the moment to show.
        known_at: only what had been appended by then.
        finals: every closed tumbling period instead of current values.

    Raises:
        TopicError: when Kafka cannot be reached or a topic is missing.
    """
    from streams.pipeline.retained import engine_settings, read_retained

    decide = dataclasses.replace(engine_settings(settings), until_seconds=_seconds(at))
    engine = Engine(catalogue.measures, decide)
    limit_ms = None if known_at is None else int(known_at.timestamp() * 1000)
    async for place, records, accepts in read_retained(settings, engine.restore):
        known = [record for record in records if limit_ms is None or record.timestamp <= limit_ms]
        engine.process(place, known, accepts=accepts)
    now_ms = int(at.timestamp() * 1000)
    return _rows(engine, now_ms, catalogue=catalogue, register=register, finals=finals, rule=settings.rule)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _rows(
    engine: Engine, now_ms: int, *, catalogue: Catalogue, register: Register, finals: bool, rule: Rule
) -> list[Row]:
    board = Board(catalogue, register, rule=rule)
    snapshotter = Snapshotter(engine, [day_number(day) for day in register.change_days()])
    for at, partition in engine.partitions.items():
        position = Position(at[0], "", at[1], partition.next_offset, now_ms)
        orgs = list(partition.organisations)
        shown = snapshotter.finals(at, position) if finals else snapshotter.current(at, orgs, position)
        for snapshot in shown:
            board.apply(snapshot)
    return sorted(board.all_periods() if finals else board.rows(), key=_order)


def _order(row: Row) -> tuple[object, ...]:
    return (
        row.purpose,
        row.indicator,
        row.level,
        row.org,
        row.window,
        row.period_start,
        row.basis,
        sorted(row.strata.items()),
    )


def report(outputs: Outputs, records: Iterable[FileRecord], limit: int = 20) -> list[str]:
    """Say in lines what was refused or late; nothing when all was well."""
    where = {record.offset: record.where for record in records}
    lines = [
        f"{where[one.offset]}: {one.reason}: {'; '.join(one.problems)}" for one in outputs.refused[:limit]
    ]
    if len(outputs.refused) > limit:
        lines.append(f"… and {len(outputs.refused) - limit} more")
    if outputs.refused:
        reasons = Counter(one.reason for one in outputs.refused)
        lines.append(
            "refused: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        )
    if outputs.late:
        lines.append(f"late, their day had closed: {len(outputs.late)}")
    if clashes := outputs.counts["clash"]:
        lines.append(f"same version with other content: {clashes} (the greater content is kept)")
    return lines
