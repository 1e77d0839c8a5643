"""Events for tests, made as a publisher would, and a log of them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.envelope import TYPE_PREFIX
from streams.catalogue import Catalogue, Threshold
from streams.commands.replay import FileRecord
from streams.engine import Engine, EngineSettings, Outputs

AT = ("oversight.events", 0)
MORNING = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in London."""


def at(text: str) -> datetime:
    """Read an instant, UTC unless it says otherwise."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def made(
    suffix: str,
    data: dict[str, Any],
    *,
    recorded: datetime = MORNING,
    time: datetime | None = None,
    source: str = "/ods/RJ1/pas",
    **attributes: Any,
) -> dict[str, Any]:
    """Make an event with believable attributes."""
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": source,
        "type": TYPE_PREFIX + suffix,
        "time": (time or recorded).isoformat(),
        "recordedtime": recorded.isoformat(),
        "partitionkey": source.split("/")[2],
        "data": {"org": source.split("/")[2], **data},
        **attributes,
    }


def attendance(
    key: str = "a1",
    *,
    departed: datetime | None = MORNING,
    minutes: float = 120,
    recorded: datetime | None = None,
    source: str = "/ods/RJ1/pas",
    synthetic: bool = False,
    **data: Any,
) -> dict[str, Any]:
    """Make an ED attendance of so many minutes; `departed=None` is still in the department."""
    left = departed or MORNING
    fields: dict[str, Any] = {
        "attendance_key": key,
        "version": 1,
        "department_type": 1,
        "arrived_at": (left - timedelta(minutes=minutes)).isoformat(),
    }
    if departed is not None:
        fields["departed_at"] = departed.isoformat()
    extra = {"synthetic": True} if synthetic else {}
    return made(
        "ed.attendance.recorded.v1",
        fields | data,
        recorded=recorded or left + timedelta(minutes=1),
        time=left,
        source=source,
        **extra,
    )


def report(
    measure: str = "core20_recruitment", start: str = "2026-04-01", end: str = "2026-05-01", **data: Any
) -> Any:
    """Make a reported measure of RJ1."""
    recorded = data.pop("recorded", MORNING)
    source = data.pop("source", "/ods/RJ1/returns")
    fields = {"measure": measure, "period_start": start, "period_end": end, "version": 1}
    return made("measure.reported.v1", fields | data, recorded=recorded, source=source)


def log(*events: Any, append: datetime | None = None) -> list[FileRecord]:
    """Give events as records in the order given, appended when recorded, or all at `append`."""
    return [
        FileRecord(
            number,
            int((append or datetime.fromisoformat(event["recordedtime"])).timestamp() * 1000),
            json.dumps(event).encode(),
        )
        for number, event in enumerate(events)
    ]


def judging() -> Catalogue:
    """Give the shipped catalogue with thresholds of an operator's on the way to the national milestones."""
    shipped = Catalogue.shipped()
    own = [
        Threshold(
            indicator=indicator,
            kind="local",
            breach=breach,
            windows=windows,
            levels=("site", "trust", "icb", "region", "england"),
            valid_from=date(year, 4, 1),
            valid_to=date(year + 1, 3, 1),
            evidence="V",
            source="a test",
        )
        for indicator, windows, breach, year in (
            ("ae_4h_all_types", ("7d", "month"), 0.78, 2025),
            ("ae_4h_all_types", ("7d", "month"), 0.82, 2026),
            ("rtt_18w", ("month",), 0.65, 2025),
        )
    ]
    return Catalogue(
        shipped.indicators.values(), shipped.measures.values(), [*shipped.thresholds, *own], shipped.intervals
    )


def engine(**settings: Any) -> Engine:
    """Give an engine with the shipped measures."""
    return Engine(Catalogue.shipped().measures, EngineSettings(**settings))


def run(*events: Any, append: datetime | None = None, **settings: Any) -> tuple[Engine, Outputs]:
    """Process events in the order given."""
    made_engine = engine(**settings)
    return made_engine, made_engine.process(AT, log(*events, append=append))


def facts(of: Engine, stream: str = "ed_attendance") -> dict[tuple[str, str, int], dict[str, int]]:
    """Give what every series of a stream holds: (organisation, basis, day) to named facts, without zeros."""
    found: dict[tuple[str, str, int], dict[str, int]] = {}
    for partition in of.partitions.values():
        for key, series in partition.series.items():
            if key.stream != stream:
                continue
            for day in series.panes.keys() | series.totals.keys():
                tally = series.stretch(day, day + 1).sums.get(("", ""))
                named = zip(of.stream(stream).facts, tally.facts if tally else (), strict=tally is not None)
                found[key.org, key.basis, day] = {name: fact for name, fact in named if fact}
    return found
