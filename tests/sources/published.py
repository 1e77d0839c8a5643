"""Making small files in the shape of a publication, and reading what a loader makes of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from schemas.fast import decode
from streams.assessment import Row
from streams.catalogue import Catalogue
from streams.commands.replay import Line, as_log, replay
from streams.organisations import Register
from streams.sources.events import Event


def text_of(*rows: Sequence[str]) -> str:
    """Give rows as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def write(path: Path, *rows: Sequence[str]) -> Path:
    """Write rows as a CSV file."""
    path.write_text(text_of(*rows), "utf-8")
    return path


def figures(events: Iterable[Event]) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    """Numerator and denominator by organisation, measure and first day; every event meets the contract."""
    found = {}
    for one in events:
        data = decode(json.dumps(one).encode()).data
        found[data.org, data.measure, str(data.period_start)] = (data.numerator, data.denominator)
    return found


def finals(events: Iterable[Event]) -> list[Row]:
    """Give every closed period of events through engine and assessment; none of them is refused."""
    rows, outputs = replay(
        as_log(Line("made", json.dumps(one).encode()) for one in events),
        catalogue=Catalogue.shipped(),
        register=Register.shipped(),
        finals=True,
    )
    assert [] == outputs.refused
    return rows
