"""Days that have closed, on their way to the topic of day totals and back."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import count
from typing import cast

from schemas.outputs import Basis, ClosedIdentities, ClosedThrough, DayTotal, Total, TotalCell
from streams.engine import panes
from streams.engine.calendar import civil_date, day_number, local_day
from streams.engine.families import FAMILIES
from streams.engine.families.strata import UNKNOWN
from streams.engine.panes import SeriesKey
from streams.engine.partition import Closed, Partition
from streams.engine.tally import Tally

HASHES_A_CHUNK = 20_000
"""160 kB of hashes: far below what a topic takes in one record."""


def totals_of(at: tuple[str, int], partition: Partition, closed: Closed) -> list[Total]:
    """Give the records of what closed, the statement that it is complete last."""
    topic, number = at
    found: list[Total] = []
    for series, day in closed.days:
        total = series.totals[day]
        key = series.key
        found.append(
            DayTotal(
                topic=topic,
                partition=number,
                org=key.org,
                site=key.site,
                stream=key.stream,
                basis=cast("Basis", key.basis),
                definition=FAMILIES[key.stream].definition,
                day=civil_date(day),
                cells=[
                    TotalCell(list(cell), tally.facts, tally.histograms) for cell, tally in total.pane.items()
                ],
                as_at_ms=total.as_at_ms,
                restated_ms=total.restated_ms,
            )
        )
    for due, hashes in closed.identities.items():
        chunks = enumerate(_chunks(hashes))
        found += [ClosedIdentities(topic, number, civil_date(due), chunk, one) for chunk, one in chunks]
    for due, size in closed.forgotten.items():
        chunks_of_it = range(-(-size // HASHES_A_CHUNK))
        found += [ClosedIdentities(topic, number, civil_date(due), chunk, b"") for chunk in chunks_of_it]
    covered = civil_date(partition.covered_from or 0)
    return [*found, ClosedThrough(topic, number, civil_date(closed.through), covered)]


def _chunks(hashes: list[int]) -> Iterator[bytes]:
    for start in count(0, HASHES_A_CHUNK):
        if start >= len(hashes):
            return
        some = hashes[start : start + HASHES_A_CHUNK]
        yield struct.pack(f"<{len(some)}Q", *some)


def restore(partition: Partition, totals: Iterable[Total], open_days: int, log_from_ms: int | None) -> None:
    """Take back what was written: see `Engine.restore`.

    Days under another definition than the present one are left out, and where they end is noted.
    """
    for total in totals:
        if isinstance(total, DayTotal):
            _restore_day(partition, total)
        elif isinstance(total, ClosedIdentities):
            hashes = struct.unpack(f"<{len(total.hashes) // 8}Q", total.hashes)
            partition.restore_identities(day_number(total.due), hashes, open_days)
        else:
            log_from = None if log_from_ms is None else local_day(log_from_ms // 1000)
            partition.restore_closed(day_number(total.day), day_number(total.covered_from), log_from)


def _restore_day(partition: Partition, total: DayTotal) -> None:
    family = FAMILIES.get(total.stream)
    if family is None:
        return
    day = day_number(total.day)
    if total.definition != family.definition:
        older = partition.older_definitions
        older[total.stream] = max(day, older.get(total.stream, day))
        return
    pane: panes.Pane = {}
    for one in total.cells:  # of an earlier version some say that a dimension is unknown
        cell = tuple((dimension, value) for dimension, value in one.strata if value != UNKNOWN)
        panes.merge(pane, cell, Tally.of(one.facts, one.histograms))
    key = SeriesKey(total.org, total.site, total.stream, total.basis)
    partition.restore_total(key, day, panes.Total(pane, total.as_at_ms, total.restated_ms))
