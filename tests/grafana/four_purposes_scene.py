"""Two trusts of one ICB with events for all four purposes, assessed and served as a worker would.

RJ1 and RJZ belong to QKK (South East London), QKK to Y56 (London). It is Thursday 15 January 2026.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import uvicorn
from making import judging

from grafana.build import DIRECTORY
from schemas.outputs import Position
from schemas.rtt import WEEK_BANDS
from streams.assessment import Board
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.commands.replay import FileRecord, Line, as_log
from streams.engine import Engine
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.exposition.body import Chunk
from streams.exposition.renderer import Renderer
from streams.exposition.web import View, create_web
from streams.organisations import Register
from streams.pipeline.metrics import Metrics
from streams.sources.events import Event, event, instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FOUR_PURPOSES: dict[str, Any] = json.loads((DIRECTORY / "four-purposes.json").read_text("utf-8"))
"""The board as committed."""

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
TODAY = date(2026, 1, 15)
ICB, REGION = "QKK", "Y56"
_AT = ("oversight.events", 0)
_RECENTLY = NOW - timedelta(minutes=10)
_MONDAY = datetime(2026, 1, 12, 9, tzinfo=UTC)


class _Writer:
    """Writes the events of one organisation."""

    def __init__(self, org: str, *, synthetic: bool = False) -> None:
        self.org = org
        self.events: list[Event] = []
        self._synthetic = synthetic

    def add(self, suffix: str, time: datetime, *, source: str = "", **data: Any) -> None:
        number = len(self.events)
        self.events.append(
            event(
                suffix,
                source=source or f"/ods/{self.org}/{'simulator' if self._synthetic else 'pas'}",
                identifier=f"{self.org}-{number}-{self._synthetic}",
                time=time,
                recorded=time + timedelta(minutes=1),
                data={"org": self.org, **data},
                synthetic=self._synthetic,
            )
        )

    def attendances(self, count: int, within_4h: int, *, dta_over_12h: int = 0) -> None:
        for i in range(count):
            arrived = _MONDAY + timedelta(minutes=i)
            long_wait = i < dta_over_12h
            hours = 14 if long_wait else 3 if i >= count - within_4h else 5
            departed = arrived + timedelta(hours=hours)
            more = {"decision_to_admit_at": instant(arrived + timedelta(hours=1)), "outcome": "admitted"}
            self.add(
                "ed.attendance.recorded.v1",
                departed,
                attendance_key=f"a{i}",
                department_type=1,
                arrived_at=instant(arrived),
                departed_at=instant(departed),
                treatment_started_at=instant(arrived + timedelta(minutes=i)),
                imd_quintile=1 + i % 5,
                **(more if long_wait else {}),
            )

    def handovers(self, count: int, over_45m: int) -> None:
        for i in range(count):
            arrived = _MONDAY + timedelta(minutes=10 * i)
            done = arrived + timedelta(minutes=60 if i < over_45m else 20)
            times = {"arrived_at": instant(arrived), "handover_at": instant(done)}
            self.add("ambulance.handover.recorded.v1", done, handover_key=f"h{i}", **times)

    def response(self) -> None:
        began = _MONDAY - timedelta(minutes=30)
        times = {"clock_start": instant(began), "arrived_at": instant(_MONDAY)}
        self.add("ambulance.response.recorded.v1", _MONDAY, response_key="r1", category=2, **times)

    def spells(self, count: int, delayed: int) -> None:
        for i in range(count):
            ready = date(2026, 1, 10) if i < delayed else date(2026, 1, 12)
            self.add(
                "spell.recorded.v1",
                _MONDAY,
                spell_key=f"s{i}",
                imd_quintile=1 + i % 5,
                admitted_at=instant(_MONDAY - timedelta(days=5)),
                discharge_ready_date=ready.isoformat(),
                discharged_at=instant(_MONDAY),
            )

    def beds(self, *, occupied: int) -> None:
        for day in range(4):
            when = datetime(2026, 1, 12 + day, 7, 45, tzinfo=UTC)
            self.add(
                "bed.state.observed.v1",
                when,
                as_at=instant(when),
                bed_group="adult_general_acute",
                open_core=100,
                open_escalation=0,
                occupied=occupied,
                no_criteria_to_reside=occupied // 10,
                nights_21_or_more=occupied // 10,
            )

    def present(self, patients: int) -> None:
        """Patients and ambulances who are there now, some of them for longer than can be."""
        for i in range(patients + 1):
            arrived = NOW - (timedelta(minutes=30 * (i + 1)) if i else timedelta(days=8))
            came = {"arrived_at": instant(arrived), "department_type": 1, "referred_at": instant(arrived)}
            self.add("ed.attendance.recorded.v1", _RECENTLY, attendance_key=f"o{i}", **came)
            arrived = NOW - (timedelta(minutes=3 * (i + 1)) if i else timedelta(days=3))
            waits = {"handover_key": f"o{i}", "arrived_at": instant(arrived)}
            self.add("ambulance.handover.recorded.v1", _RECENTLY, **waits)
            self.add(
                "spell.recorded.v1",
                _RECENTLY,
                spell_key=f"o{i}",
                admitted_at=instant(NOW - timedelta(days=6)),
                discharge_ready_date="2026-01-12",
            )

    def departments(self) -> None:
        """How the department counts itself, and beds of critical care and virtual wards."""
        counts = {"in_department": 60, "over_4h": 20, "over_12h": 5, "referred_waiting": 10}
        spaces = {"majors_spaces": 30, "majors_occupied": 33, "resus_spaces": 6, "resus_occupied": 4}
        self.add("ed.state.observed.v1", _RECENTLY, as_at=instant(_RECENTLY), **counts, **spaces)
        for group in ("adult_critical_care", "virtual_ward"):
            for as_at in (datetime(2026, 1, 15, 7, 45, tzinfo=UTC), _RECENTLY):
                state = {"capacity_group": group, "capacity": 40, "occupied": 30}
                self.add("capacity.state.observed.v1", as_at, as_at=instant(as_at), **state)

    def service(self) -> None:
        """An ambulance service that answers 111, too."""
        levels = {"reap_level": 3, "clinical_safety_plan_level": 2, "handovers_waiting": 14}
        self.add("ambulance.state.observed.v1", _RECENTLY, as_at=instant(_RECENTLY), **levels)
        began, ended = _MONDAY, _MONDAY + timedelta(hours=1)
        calls = {"calls_offered": 500, "calls_answered": 450, "answered_within_60s": 300}
        self.add(
            "nhs111.activity.recorded.v1",
            ended,
            activity_key="h20260112T09",
            period_start=instant(began),
            period_end=instant(ended),
            abandoned_after_30s=20,
            **calls,
        )

    def theatre(self, touch_hours: int) -> None:
        end = _MONDAY + timedelta(hours=8)
        first_ends = _MONDAY + timedelta(hours=touch_hours - 1)
        second = first_ends + timedelta(minutes=10)
        touched = [(_MONDAY, first_ends), (second, second + timedelta(hours=1))]
        self.add(
            "theatre.session.recorded.v1",
            end,
            session_key="t1",
            list_type="elective",
            status="held",
            planned_start=instant(_MONDAY),
            planned_end=instant(end),
            ended_at=instant(end),
            cases=[{"touch_start": instant(a), "touch_end": instant(b)} for a, b in touched],
        )
        self.add(
            "theatre.case.recorded.v1",
            end,
            case_key="c1",
            planned_at=instant(_MONDAY),
            completed_at=instant(first_ends),
        )

    def waiting_list(self) -> None:
        def bands(within: int, over: int) -> list[int]:
            return [within, *[0] * 39, over, *[0] * (WEEK_BANDS - 41)]

        for cadence, census in (("month", date(2025, 12, 31)), ("week", date(2026, 1, 11))):
            self.add(
                "rtt.census.reported.v1",
                datetime(2026, 1, 14, 12, tzinfo=UTC),
                cadence=cadence,
                census_date=census.isoformat(),
                bands=bands(600, 400),
                strata=[
                    {"dimension": "imd_quintile", "value": "1", "bands": bands(50, 50)},
                    {"dimension": "imd_quintile", "value": "5", "bands": bands(60, 40)},
                ],
            )

    def measure(self, name: str, start: date, numerator: int, denominator: int, **more: Any) -> None:
        self.add(
            "measure.reported.v1",
            datetime(2026, 1, 14, 13, tzinfo=UTC),
            measure=name,
            period_start=start.isoformat(),
            numerator=numerator,
            denominator=denominator,
            **{"period_end": "2026-01-01", **more},
        )


def events() -> list[Event]:
    """Give the events of both trusts, an official figure and a simulated one, oldest first."""
    written = []
    for org, within_4h, touch_hours in (("RJ1", 27, 7), ("RJZ", 18, 5)):
        one = _Writer(org)
        one.attendances(30, within_4h, dta_over_12h=2)
        one.handovers(20, 5)
        one.spells(30, 6)
        one.beds(occupied=90)
        one.theatre(touch_hours)
        one.waiting_list()
        one.present(25)
        one.departments()
        for day in range(12, 15):
            period = {"period_end": f"2026-01-{day + 1}"}
            one.measure("ae_attendances_vs_expected", date(2026, 1, day), 210, 200, **period)
        fifths = {str(n): {"numerator": 140, "denominator": 200} for n in range(1, 6)}
        strata = [{"dimension": "imd_quintile", "value": value, **fifth} for value, fifth in fifths.items()]
        one.measure("hypertension_control", date(2025, 10, 1), 700, 1000, strata=strata)
        for name in ("acsc_admissions", "social_value_weighting"):
            one.measure(name, date(2025, 10, 1), 40, 50)
        for name in ("agency_spend", "cancer_62d", "dm01_6w_breach", "op_dna", "ucr_2h"):
            one.measure(name, date(2025, 12, 1), 10, 50)
        one.measure("finance_variance", date(2025, 12, 1), -5, 1000)
        one.measure("core20_recruitment", date(2025, 12, 1), 12, 60)
        one.measure(
            "ae_4h_all_types",
            date(2025, 12, 1),
            7400,
            10000,
            publication="ae_attendances_monthly",
            source="/ods/X24/ae-monthly",
        )
        written += one.events
    ambulances = _Writer("RYA")
    ambulances.response()
    ambulances.service()
    written += ambulances.events
    simulated = _Writer("RJ1", synthetic=True)
    simulated.attendances(100, 50)
    return written + simulated.events


def assessed(register: Register, catalogue: Catalogue, metrics: Metrics) -> Board:
    """Run the events and one refused record through engine and assessment."""
    engine = Engine(catalogue.measures)
    lines = [json.dumps(one).encode() for one in events()]
    refused = FileRecord(-1, 0, b"not an event")  # from long ago: the log covers every window
    outputs = engine.process(_AT, [refused, *as_log(Line("made", line) for line in lines)])
    assert ["not_json"] == [one.reason for one in outputs.refused], outputs.refused[:3]
    snapshotter = Snapshotter(engine, [day_number(day) for day in register.change_days()])
    position = Position(_AT[0], "one", _AT[1], len(lines) + 1, int(NOW.timestamp() * 1000))
    board = Board(catalogue, register, rule=Rule(smallest=1))  # the scene has few people
    for snapshot in snapshotter.current(_AT, list(engine.partitions[_AT].organisations), position):
        board.apply(snapshot)
    heartbeat = snapshotter.heartbeat(_AT, position, position.tick_ms)
    for source in heartbeat.sources:
        metrics.source_seen.labels(source.source, _AT[0]).set(source.last_append_ms / 1000)
    for refused in outputs.refused:
        metrics.refused.labels(refused.reason).inc()
    metrics.late.labels("ed_attendance").inc()
    metrics.lag.labels(_AT[0], str(_AT[1])).set(0)
    metrics.serving.set(1)
    board.refresh()
    return board


@contextmanager
def served() -> Iterator[str]:
    """Serve /metrics of the assessed board; gives `host:port`."""
    register, catalogue, metrics = Register.shipped(), judging(), Metrics()
    board = assessed(register, catalogue, metrics)
    renderer = Renderer(catalogue, register)
    renderer.update(board.take_changed(), board.slots())

    async def indicators(names: Collection[str]) -> list[Chunk]:
        return list(renderer.chunks(TODAY, names))

    view = View(
        indicators=indicators,
        own=metrics.registry,
        rows=board.rows,
        names=list,
        problems=list,
        warnings=list,
        title_of={},
    )
    config = uvicorn.Config(create_web(view), log_level="warning", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
