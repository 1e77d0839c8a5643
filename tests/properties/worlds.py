"""Random worlds for the oracles: a log of events as publishers send them, and when somebody looks.

Attribution instants are drawn back from the append time and often put on an edge: midnight, a quarter of
an hour, the closing of a day. The civil days are those on which something special happens.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st
from properties import naive
from properties.definitions import civil_day, wall_clock
from properties.vocabulary import Ask, Entry

Draw = st.DrawFn
Event = dict[str, Any]

STARTS = [
    datetime(2026, 6, 15, 8, tzinfo=UTC),  # a Monday in summer
    datetime(2026, 10, 23, 20, tzinfo=UTC),  # two days before a day of 25 hours
    datetime(2026, 10, 25, 0, 20, tzinfo=UTC),  # in it, before the hour that comes twice
    datetime(2026, 3, 27, 20, tzinfo=UTC),  # before a day of 23 hours, and before 42 ICBs become 36
    datetime(2026, 3, 31, 22, 50, tzinfo=UTC),  # ten minutes before they do
    datetime(2025, 12, 31, 23, 55, tzinfo=UTC),
    datetime(2026, 4, 2, 7, tzinfo=UTC),
]
MINUTE, HOUR, DAY = 60, 3600, 86_400
GAPS = [0, 0, 0, 1, MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, DAY, 2 * DAY, 4 * DAY, 9 * DAY, 16 * DAY]
LONG_GAPS = [*GAPS, 30 * DAY, 61 * DAY, 90 * DAY]
AGO = [
    0,
    1,
    60,
    899,
    4 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    4 * DAY,
    6 * DAY,
    10 * DAY,
    15 * DAY,
    31 * DAY,
]

TRUSTS = ["RAL", "RJ1", "RDU", "RC9"]
"""Two of them change ICB on 1 April 2026; RDU's ICB is abolished and nobody knows its successor."""
ORGS = [*TRUSTS, "ZZ9ZZ", "QMJ", "Y56"]
"""Besides: a code that no register knows, an ICB that is abolished on 1 April 2026, a region."""
SITES = [None, None, "S1AAA", "S2BBB"]
SOURCES = [("RAL", "pas"), ("RJ1", "pas"), ("RAL", "ed")]
KEYS = ["k1", "k2", "k3"]


class World(NamedTuple):
    """A log, the looks at it, and the horizon it is judged by."""

    log: list[Entry]
    asks: list[Ask]
    horizon_days: int


def iso(instant: float) -> str:
    """Write an epoch second as an instant in UTC."""
    return datetime.fromtimestamp(instant, UTC).isoformat()


def envelope(
    kind: str, data: dict[str, Any], source: tuple[str, str], at: float, *, synthetic: bool = False
) -> Event:
    """Wrap a record; it was written down when its fact occurred."""
    event: Event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": f"/ods/{source[0]}/{source[1]}",
        "type": f"uk.nhs.oversight.{kind}.v1",
        "time": iso(at),
        "recordedtime": iso(at),
        "partitionkey": source[0],
        "data": data,
    }
    return event | ({"synthetic": True} if synthetic else {})


@st.composite
def instants(draw: Draw, now: int, ago: list[int] = AGO) -> int:
    """Draw an attribution instant before `now`, now and then on an edge or too far ahead."""
    instant = now - draw(st.sampled_from(ago))
    match draw(st.sampled_from(["as drawn", "as drawn", "midnight", "before midnight", "quarter"])):
        case "midnight":
            return min(now, wall_clock(civil_day(instant), 0))
        case "before midnight":
            return wall_clock(civil_day(instant), 0) - 1
        case "quarter":
            return instant // 900 * 900
        case _:
            return instant


@st.composite
def common(draw: Draw) -> dict[str, Any]:
    """Draw what every record has: whose it is and which version."""
    data: dict[str, Any] = {
        "org": draw(st.sampled_from(ORGS)),
        "version": draw(st.sampled_from([1, 2, 3, 4, None])),
        "retracted": draw(st.sampled_from([False] * 6 + [True])),
    }
    site = draw(st.sampled_from(SITES))
    return data | ({"site": site} if site else {})


STAYS = [0, 3600, 4 * HOUR, 4 * HOUR + 1, 12 * HOUR, 12 * HOUR + 1, 30 * HOUR]


@st.composite
def people(draw: Draw) -> dict[str, Any]:
    """Draw what is known of a person; now and then everything, often nothing but the quintile."""
    person: dict[str, Any] = {"imd_quintile": draw(st.sampled_from([None, 1, 5]))}
    if draw(st.booleans()):
        person["ethnic_group"] = draw(st.sampled_from([None, "A", "A1", "H", "Z", "99", "X"]))
        person["sex"] = draw(st.sampled_from([None, "female", "male", "not_known"]))
        person["age_band"] = draw(st.sampled_from([None, "0-17", "85+"]))
    return person


@st.composite
def attendances(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw an attendance, perhaps still in the department."""
    left, stay = draw(instants(now)), draw(st.sampled_from(STAYS))
    data = {
        "attendance_key": draw(st.sampled_from(KEYS)),
        "department_type": draw(st.sampled_from([1, 1, 2, 3, 5])),
        "arrived_at": iso(left - stay),
    } | draw(people())
    if draw(st.booleans()):
        wait = draw(st.sampled_from([wait for wait in STAYS if wait <= stay]))
        data["decision_to_admit_at"] = iso(left - wait)
    if draw(st.booleans()):
        data["treatment_started_at"] = iso(left - draw(st.integers(0, stay)))
    if draw(st.sampled_from([True] * 5 + [False])):
        data |= {"departed_at": iso(left), "outcome": draw(st.sampled_from(["admitted", "discharged"]))}
    return "ed.attendance.recorded", data


@st.composite
def handovers(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw a handover, perhaps with the crew still waiting."""
    done = draw(instants(now))
    took = draw(st.sampled_from([0, 61, 15 * MINUTE, 45 * MINUTE, 45 * MINUTE + 1, 3 * HOUR]))
    data = {"handover_key": draw(st.sampled_from(KEYS)), "arrived_at": iso(done - took)}
    if draw(st.sampled_from([True] * 5 + [False])):
        data["handover_at"] = iso(done)
    return "ambulance.handover.recorded", data


@st.composite
def spells(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw a spell; ready dates from the day of admission to that of discharge."""
    left = draw(instants(now))
    admitted = left - draw(st.sampled_from([0, 5 * HOUR, DAY, 2 * DAY, 9 * DAY, 25 * DAY]))
    data = {
        "spell_key": draw(st.sampled_from(KEYS)),
        "admitted_at": iso(admitted),
    } | draw(people())
    first, last = civil_day(admitted), civil_day(left)
    gone = draw(st.sampled_from([True] * 5 + [False]))
    match draw(st.sampled_from(["unknown", "same day", "date", "date"])):
        case "same day" if gone:
            data["ready_same_day"] = True
        case "date":
            data["discharge_ready_date"] = str(
                first + timedelta(days=draw(st.integers(0, (last - first).days)))
            )
        case _:
            pass
    if gone:
        data["discharged_at"] = iso(left)
    return "spell.recorded", data


PLANNED_AGO = [*AGO, -HOUR, -DAY, -7 * DAY, -20 * DAY, -45 * DAY, -47 * DAY]


@st.composite
def sessions(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw a theatre list: planned, held with cases that start early, overlap and overrun, or cancelled."""
    start = now - draw(st.sampled_from(PLANNED_AGO))
    length = draw(st.sampled_from([1, 240 * MINUTE, 480 * MINUTE]))
    held = start + length <= now and draw(st.booleans())
    data: dict[str, Any] = {
        "session_key": draw(st.sampled_from(KEYS)),
        "list_type": draw(st.sampled_from(["elective", "elective", "elective", "trauma"])),
        "status": "held" if held else draw(st.sampled_from(["planned", "cancelled", "reallocated"])),
        "planned_start": iso(start),
        "planned_end": iso(start + length),
    }
    if held:
        cases = draw(st.lists(st.tuples(st.integers(-30, 300), st.integers(0, 120)), max_size=4))
        data["cases"] = [
            {
                "touch_start": iso(start + early * MINUTE),
                "touch_end": iso(start + (early + took) * MINUTE),
                "completed": True,
            }
            for early, took in cases
        ]
        if draw(st.sampled_from([True, True, True, False])):
            data["ended_at"] = iso(start + length)
    return "theatre.session.recorded", data


@st.composite
def bed_states(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw a state near the census hour of a day."""
    day = civil_day(now - draw(st.sampled_from(AGO)))
    into = draw(st.sampled_from([0, 1, 1800, 3600, 3601]))
    occupied = draw(st.integers(0, 30))
    data: dict[str, Any] = {
        "as_at": iso(min(now, wall_clock(day, 7) + into)),
        "bed_group": draw(st.sampled_from(["adult_general_acute"] * 4 + ["paediatric_general_acute"])),
        "open_core": draw(st.integers(0, 30)),
        "open_escalation": draw(st.integers(0, 3)),
        "occupied": occupied,
    }
    if draw(st.booleans()):
        data["no_criteria_to_reside"] = draw(st.integers(0, occupied))
    return "bed.state.observed", data


AMOUNTS = [0, 1, 7, 40, "2.5", "0.000001", "-3.25"]


@st.composite
def pairs(draw: Draw, *, share: bool) -> dict[str, Any]:
    """Draw a reported pair, perhaps blank."""
    if draw(st.sampled_from([False] * 5 + [True])):
        return {"numerator": None, "denominator": None}
    pair: dict[str, Any] = {"numerator": draw(st.sampled_from(AMOUNTS))}
    return pair | ({"denominator": draw(st.sampled_from(AMOUNTS[:-1]))} if share else {})


MEASURES = {
    "finance_variance": 1,
    "core20_recruitment": 1,
    "hypertension_control": 3,
    "ae_4h_all_types": 1,
    "ae_dta_12h": 1,
}
"""Measure to months a period."""
OFFICIAL = ("ae_4h_all_types", "ae_dta_12h")


@st.composite
def measures(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw a report of one of the declared measures, up to 14 months back."""
    name = draw(st.sampled_from(list(MEASURES)))
    months = MEASURES[name]
    first, _ = naive.tumbling("month" if months == 1 else "quarter", civil_day(now))
    start = naive.month_start(first, -months * draw(st.sampled_from([-1, 0, 0, 1, 1, 1, 2, 3, 11, 12, 14])))
    share = name != "ae_dta_12h"
    data: dict[str, Any] = {
        "measure": name,
        "period_start": str(start),
        "period_end": str(naive.month_start(start, months)),
    } | draw(pairs(share=share))
    if draw(st.booleans()):
        data["strata"] = [
            {"dimension": "imd_quintile", "value": value} | draw(pairs(share=share)) for value in ("1", "5")
        ]
    if name in OFFICIAL or draw(st.sampled_from([False, False, True])):
        data["publication"] = "published"
    return "measure.reported", data


@st.composite
def bands(draw: Draw) -> list[int]:
    """Draw week bands, most of them empty."""
    found = [0] * 105
    for band in draw(st.lists(st.sampled_from([0, 16, 17, 18, 52, 104]), max_size=4)):
        found[band] += draw(st.integers(1, 30))
    return found


@st.composite
def censuses(draw: Draw, now: int) -> tuple[str, dict[str, Any]]:
    """Draw an RTT census, at a month's end or a Sunday."""
    today = civil_day(now)
    back = draw(st.sampled_from([-1, 0, 1, 1, 2]))
    cadence = draw(st.sampled_from(["month", "week"]))
    if cadence == "month":
        day = naive.month_start(today, 1 - back) - timedelta(days=1)
    else:
        day = naive.tumbling("week", today)[1] - timedelta(days=1 + 7 * back)
    data: dict[str, Any] = {"cadence": cadence, "census_date": str(day), "bands": draw(bands())}
    if draw(st.booleans()):
        values = draw(st.sampled_from([("1",), ("5",), ("1", "5")]))
        data["strata"] = [
            {"dimension": "imd_quintile", "value": value, "bands": draw(bands())} for value in values
        ]
    if draw(st.sampled_from([False, True])):
        data["publication"] = "published"
    return "rtt.census.reported", data


EPISODE_KINDS = [attendances, attendances, handovers, spells, sessions]
ALL_KINDS = [*EPISODE_KINDS, bed_states, measures, censuses]


@st.composite
def events(draw: Draw, now: int, kinds: list[Any]) -> Event:
    """Draw one event that is appended at `now`."""
    kind, data = draw(draw(st.sampled_from(kinds))(now))
    data = draw(common()) | data
    if data["version"] is None:
        del data["version"]
    if kind.endswith("reported"):
        data["org"] = draw(st.sampled_from(TRUSTS[:2]))
        data.pop("site", None)
    official = "publication" in data
    source = ("X24", "stats") if official else draw(st.sampled_from(SOURCES))
    ahead = draw(st.sampled_from([0] * 12 + [300, 301]))
    made_up = not official and draw(st.sampled_from([False] * 5 + [True]))
    return envelope(kind, data, source, now + ahead, synthetic=made_up)


def partition_of(event: Event) -> int:
    """Give the partition: 2 stands for the one of returns, others hold whole sources."""
    if ".reported." in event["type"]:
        return 2
    return 0 if event["source"] == "/ods/RAL/pas" else 1


@st.composite
def worlds(
    draw: Draw,
    *,
    kinds: list[Any] = ALL_KINDS,
    gaps: list[int] = GAPS,
    most: int = 14,
    clashes: bool = False,
    one_key: bool = False,
    horizons: tuple[int, ...] = (14, 3, 5),
) -> World:
    """Draw a world.

    Args:
        draw: hypothesis's.
        kinds: strategies of records.
        gaps: seconds between appends.
        most: most records.
        clashes: whether one version of a record may come with two contents; else it comes again as it was.
        one_key: whether all are versions of one record a family, so that every rule meets every other.
        horizons: days.
    """
    now = int(draw(st.sampled_from(STARTS)).timestamp())
    log: list[Entry] = []
    asks: list[Ask] = []
    sent: dict[Any, Event] = {}
    looked = 0  # the clock on the wall does not go back
    for _ in range(draw(st.integers(1, most))):
        now += draw(st.sampled_from(gaps))
        event = draw(events(now, kinds))
        if one_key:
            event = _of_one_key(event)
        if log and draw(st.sampled_from([False] * 7 + [True])):
            event = draw(st.sampled_from(log)).event
        one = naive.read(event)
        if not clashes:
            event = sent.setdefault((one.identity, one.version), event)
        log.append(Entry(partition_of(event), now * 1000, event))
        if draw(st.sampled_from([False] * 5 + [True])):
            asks.append(Ask(len(log), looked := max(looked, draw(moments(now)))))
    asks.append(Ask(len(log), max(looked, draw(moments(now)))))
    return World(log, asks, draw(st.sampled_from(horizons)))


def _of_one_key(event: Event) -> Event:
    data = {name: "k1" if name.endswith("_key") else one for name, one in event["data"].items()}
    return event | {"data": data, "source": "/ods/RAL/pas", "partitionkey": "RAL"}


def moments(now: int) -> st.SearchStrategy[int]:
    """Draw a moment to look, at the last append or some time after it."""
    waits = [0, 0, 1, 14 * MINUTE, 5 * HOUR, DAY, 3 * DAY, 8 * DAY]
    return st.sampled_from(waits).map(lambda wait: (now + wait) * 1000)
