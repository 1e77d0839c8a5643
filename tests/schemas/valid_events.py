"""Valid events of every family, drawn by hypothesis, and ways to spoil them; shared by the schema tests.

A document is text made of Python values, except that `Raw` stands for itself and `Pairs` for an object whose
keys may repeat: what `json.dumps` cannot write is what breaks decoders.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import assume
from hypothesis import strategies as st

from schemas import guard
from schemas.envelope import TYPE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator


class Raw(str):
    """Text that is put into the document as it is."""

    __slots__ = ()


class Pairs(list[tuple[Any, Any]]):
    """An object as its pairs."""


def dump(value: Any) -> str:
    """Write a document."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{dump(name)}:{dump(inner)}" for name, inner in value) + "}"
    if isinstance(value, dict):
        return dump(Pairs(value.items()))
    if isinstance(value, list | tuple):
        return "[" + ",".join(dump(inner) for inner in value) + "]"
    return json.dumps(value)


CODES = st.from_regex(r"[A-Z0-9]{3,10}", fullmatch=True)
KEYS = st.from_regex(r"[0-9._:-]{0,5}[A-Za-z][A-Za-z0-9._:-]{0,58}", fullmatch=True)
COUNTS = st.one_of(st.integers(0, 10_000_000), st.sampled_from([0, 10_000_000]))
AMOUNTS = st.one_of(
    st.integers(-(10**15), 10**15), st.from_regex(r"-?[0-9]{1,15}\.[0-9]{1,6}", fullmatch=True)
)
POSITIVE_AMOUNTS = st.one_of(
    st.integers(0, 10**15), st.from_regex(r"[0-9]{1,15}\.[0-9]{1,6}", fullmatch=True)
)
ETHNIC_GROUPS = st.from_regex(r"[A-Z0-9]{1,2}", fullmatch=True)
STRATA = st.one_of(
    st.tuples(st.just("ethnic_group"), ETHNIC_GROUPS),
    st.sampled_from([("imd_quintile", "1"), ("sex", "female"), ("age_band", "85+"), ("age_band", "unknown")]),
)
AMOUNT_FIELDS = ("numerator", "denominator", "median", "lower_quartile", "upper_quartile", "rank")
SECONDS = st.integers(0, 100_000)
BASE = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """Give an instant some seconds after the base."""
    return (BASE + timedelta(seconds=seconds)).isoformat()


@st.composite
def instants(draw: st.DrawFn, low: int = 0, high: int = 1_000_000) -> tuple[float, str]:
    """Draw an instant with one of many offsets: its seconds and its text."""
    seconds = draw(st.integers(low, max(low, high))) + draw(st.sampled_from([0, 0.25, 0.000001]))
    zone = timezone(timedelta(minutes=draw(st.sampled_from([0, 60, -330, 840, -720]))))
    text = (BASE + timedelta(seconds=seconds)).astimezone(zone).isoformat()
    return seconds, draw(st.sampled_from([text, text.replace("+00:00", "Z"), text.replace("T", "t")]))


@st.composite
def optional(draw: st.DrawFn, data: dict[str, Any], **fields: st.SearchStrategy[Any]) -> None:
    """Put some of the fields into `data`."""
    for name, strategy in fields.items():
        if draw(st.booleans()):
            data[name] = draw(strategy)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what every record has."""
    data: dict[str, Any] = {"org": draw(CODES)}
    draw(
        optional(
            data,
            site=CODES | st.none(),
            version=st.one_of(st.none(), st.integers(0, 2**63 - 1)),
            retracted=st.booleans(),
        )
    )
    return data


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a person's record."""
    data = draw(records())
    draw(
        optional(
            data,
            imd_quintile=st.sampled_from([None, 1, 2, 3, 4, 5]),
            ethnic_group=ETHNIC_GROUPS,
            sex=st.sampled_from(["female", "male", "indeterminate", "not_known"]),
            age_band=st.sampled_from(["0-17", "18-24", "25-44", "45-64", "65-74", "75-84", "85+"]),
        )
    )
    return data


@st.composite
def attendances(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an attendance, open or ended."""
    data = draw(people())
    arrived, text = draw(instants())
    data |= {"attendance_key": draw(KEYS), "arrived_at": text}
    data["department_type"] = draw(st.sampled_from([1, 2, 3, 5]))
    between = st.integers(0, 5000).map(lambda seconds: at(arrived + seconds))
    draw(optional(data, treatment_started_at=between, referred_at=between, decision_to_admit_at=between))
    if draw(st.booleans()):
        data["departed_at"] = at(arrived + draw(st.integers(5000, 90_000)))
        draw(
            optional(
                data, outcome=st.sampled_from(["admitted", "transferred", "discharged", "left", "died", None])
            )
        )
    return data


@st.composite
def handovers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a handover: waiting, complete or cleared."""
    data = draw(records())
    arrived, text = draw(instants())
    data |= {"handover_key": draw(KEYS), "arrived_at": text}
    draw(optional(data, ambulance_trust=CODES))
    if draw(st.booleans()):
        ended = arrived + draw(SECONDS)
        data["handover_at"] = at(ended)
        draw(optional(data, cleared_at=SECONDS.map(lambda seconds: at(ended + seconds)) | st.none()))
    return data


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a response: under way or there."""
    data = draw(records())
    began, text = draw(instants())
    data |= {"response_key": draw(KEYS), "category": draw(st.integers(1, 4)), "clock_start": text}
    draw(optional(data, arrived_at=SECONDS.map(lambda seconds: at(began + seconds)) | st.none()))
    return data


@st.composite
def sessions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a session of any status."""
    data = draw(records())
    start, text = draw(instants())
    status = draw(st.sampled_from(["planned", "held", "cancelled", "reallocated"]))
    data |= {
        "session_key": draw(KEYS),
        "list_type": draw(st.sampled_from(["elective", "emergency", "trauma"])),
        "status": status,
        "planned_start": text,
        "planned_end": at(start + draw(st.integers(1, 86_400))),
    }
    draw(optional(data, theatre=st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True), specialty=st.just("110")))
    if status == "held":
        data["cases"] = draw(st.lists(touches(start), max_size=3))
        if draw(st.booleans()):
            data["ended_at"] = at(start + draw(SECONDS))
    return data


@st.composite
def touches(draw: st.DrawFn, start: float) -> dict[str, Any]:
    """Draw the touch interval of a case."""
    begins = start + draw(st.integers(-900, 20_000))
    interval: dict[str, Any] = {
        "touch_start": at(begins),
        "touch_end": at(begins + draw(st.integers(0, 9000))),
    }
    draw(optional(interval, completed=st.booleans()))
    return interval


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a case: planned, completed or cancelled."""
    data = draw(records())
    data |= {"case_key": draw(KEYS), "planned_at": draw(instants())[1]}
    fate = draw(st.sampled_from(["planned", "completed", "cancelled"]))
    if fate == "completed":
        data["completed_at"] = draw(instants())[1]
    if fate == "cancelled":
        data["cancelled_at"] = draw(instants())[1]
        data["cancellation_reason"] = draw(st.sampled_from(["non_clinical", "clinical", "patient"]))
        draw(optional(data, cancelled_on_day=st.booleans(), rebooked_within_24h=st.booleans()))
    return data


@st.composite
def spells(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a spell, open, ready or ended."""
    data = draw(people())
    admitted, text = draw(instants())
    data |= {"spell_key": draw(KEYS), "admitted_at": text}
    later = draw(st.integers(2, 40))
    ready = (BASE + timedelta(seconds=admitted, days=draw(st.integers(1, later - 1)))).date().isoformat()
    draw(
        optional(
            data,
            pathway=st.sampled_from([None, 0, 1, 2, 3]),
            delay_reason_group=st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True),
            responsible_council=st.from_regex(r"E[0-9]{8}", fullmatch=True),
        )
    )
    if draw(st.booleans()):
        data["discharge_ready_date"] = ready
    if draw(st.booleans()):
        data["discharged_at"] = at(admitted + later * 86_400)
        if "discharge_ready_date" not in data:
            draw(optional(data, ready_same_day=st.booleans()))
    return data


@st.composite
def beds(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a state of the beds."""
    data = draw(records())
    occupied = draw(COUNTS)
    data |= {
        "as_at": draw(instants())[1],
        "bed_group": draw(st.sampled_from(["adult_general_acute", "paediatric_general_acute"])),
        "open_core": draw(COUNTS),
        "open_escalation": draw(COUNTS),
        "occupied": occupied,
    }
    some = st.integers(0, occupied) | st.none()
    draw(
        optional(
            data, closed=COUNTS, no_criteria_to_reside=some, nights_7_or_more=some, nights_21_or_more=some
        )
    )
    return data


@st.composite
def departments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a department's own count, with or without its spaces."""
    data = draw(records())
    patients = draw(COUNTS)
    over_4h = draw(st.integers(0, patients))
    data |= {
        "as_at": draw(instants())[1],
        "in_department": patients,
        "over_4h": over_4h,
        "over_12h": draw(st.integers(0, over_4h)),
    }
    draw(optional(data, referred_waiting=st.integers(0, patients) | st.none()))
    if draw(st.booleans()):
        names = ("majors_spaces", "majors_occupied", "resus_spaces", "resus_occupied")
        data |= {name: draw(COUNTS) for name in names}
    return data


@st.composite
def capacities(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a state of critical care or of virtual wards."""
    groups = ["adult_critical_care", "paediatric_critical_care", "neonatal_critical_care", "virtual_ward"]
    return draw(records()) | {
        "as_at": draw(instants())[1],
        "capacity_group": draw(st.sampled_from(groups)),
        "capacity": draw(COUNTS),
        "occupied": draw(COUNTS),
    }


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an ambulance service's state."""
    data = draw(records()) | {"as_at": draw(instants())[1], "reap_level": draw(st.integers(1, 4))}
    levels = st.integers(1, 4) | st.none()
    draw(optional(data, clinical_safety_plan_level=levels, handovers_waiting=COUNTS | st.none()))
    return data


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the calls to NHS 111 of a period inside a day: the base is 09:00 in London."""
    data = draw(records())
    day, start = 86_400 * draw(st.integers(0, 10)), draw(st.integers(-9 * 3600, 14 * 3600))
    end = start + draw(st.sampled_from([0.25, 1, 3600]))
    answered, abandoned = draw(st.integers(0, 5_000_000)), draw(st.integers(0, 1_000_000))
    data |= {
        "activity_key": draw(KEYS),
        "period_start": at(day + start),
        "period_end": at(day + min(end, 15 * 3600)),
        "calls_offered": answered + abandoned + draw(st.integers(0, 1_000_000)),
        "calls_answered": answered,
        "answered_within_60s": draw(st.integers(0, answered)),
        "abandoned_after_30s": abandoned,
    }
    return data


def strata(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw strata, each once."""
    return st.lists(
        st.builds(
            lambda pair, rest: {"dimension": pair[0], "value": pair[1], **rest},
            STRATA,
            inner,
        ),
        max_size=2,
        unique_by=lambda one: (one["dimension"], one["value"]),
    )


@st.composite
def censuses(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an RTT census."""
    data = draw(records())
    cadence = draw(st.sampled_from(["month", "week"]))
    bands = st.just([draw(COUNTS)] * 105)
    days = ["2026-02-28", "2024-02-29", "2026-05-31"] if cadence == "month" else ["2026-06-07", "2026-06-14"]
    data |= {"cadence": cadence, "census_date": draw(st.sampled_from(days)), "bands": draw(bands)}
    draw(
        optional(
            data,
            strata=strata(bands.map(lambda one: {"bands": one})),
            publication=st.from_regex(r"[a-z][a-z0-9_]{1,63}", fullmatch=True) | st.none(),
        )
    )
    return data


@st.composite
def measures(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a reported measure."""
    data = draw(records())
    start = draw(st.dates(date(2020, 1, 1), date(2027, 1, 1)))
    data |= {
        "measure": draw(st.from_regex(r"[a-z][a-z0-9_]{1,63}", fullmatch=True)),
        "period_start": start.isoformat(),
        "period_end": (start + timedelta(days=draw(st.integers(1, 400)))).isoformat(),
        "numerator": draw(AMOUNTS | st.none()),
    }
    parts = st.fixed_dictionaries(
        {"numerator": AMOUNTS | st.none()}, optional={"denominator": POSITIVE_AMOUNTS}
    )
    draw(
        optional(data, denominator=POSITIVE_AMOUNTS | st.none(), strata=strata(parts), publication=st.none())
    )
    return data


DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "theatre.session.recorded.v1": sessions(),
    "theatre.case.recorded.v1": cases(),
    "spell.recorded.v1": spells(),
    "ed.attendance.recorded.v1": attendances(),
    "ambulance.handover.recorded.v1": handovers(),
    "ambulance.response.recorded.v1": responses(),
    "bed.state.observed.v1": beds(),
    "ed.state.observed.v1": departments(),
    "capacity.state.observed.v1": capacities(),
    "ambulance.state.observed.v1": services(),
    "nhs111.activity.recorded.v1": calls(),
    "rtt.census.reported.v1": censuses(),
    "measure.reported.v1": measures(),
}


@st.composite
def events(draw: st.DrawFn, event_type: str) -> dict[str, Any]:
    """Draw a valid event of a full type name."""
    code = draw(CODES)
    occurred = draw(st.integers(0, 1_000_000))
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": draw(st.from_regex(r"[!-~]{1,128}", fullmatch=True)),
        "source": f"/ods/{code}/" + draw(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)),
        "type": event_type,
        "time": at(occurred),
        "recordedtime": at(occurred + draw(st.integers(-300, 100_000))),
        "partitionkey": code,
        "data": draw(DATA[event_type.removeprefix(TYPE_PREFIX)]),
    }
    draw(
        optional(
            event,
            subject=st.from_regex(r"[!-~]{1,128}", fullmatch=True) | st.none(),
            dataschema=st.just("https://example.org/schema.json") | st.none(),
            datacontenttype=st.just("application/json"),
            synthetic=st.booleans(),
            sequence=st.from_regex(r"[0-9A-Za-z]{1,64}", fullmatch=True) | st.none(),
            traceparent=st.just(f"00-{'a' * 32}-{'b' * 16}-01") | st.none(),
        )
    )
    assume(not any(guard.identifiers(event, AMOUNT_FIELDS)))  # some are drawn by chance
    names = draw(st.permutations(list(event)))
    return {name: event[name] for name in names}


JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 3.0, -0.0, 0.1, 1e3),
    *(
        2**63 - 1,
        2**63,
        2**64,
        10**15,
        10**15 + 1,
        -(10**15) - 1,
        10_000_000,
        10_000_001,
        10**30,
        1_780_000_000,
    ),
    *map(
        Raw, ("NaN", "Infinity", "-Infinity", "1e400", "1E2", "-0", "01", "1.", "+1", "0x1", "1_0", "'a'", "")
    ),
    *map(
        Raw,
        (r'"\ud800"', r'"\udc00\ud800"', r'"\ud83d\ude00"', r'"\u0000"', r'"\u0041BC"', r'"\x"', '"a\nb"'),
    ),
    *(
        "",
        " ",
        "\n",
        "A",
        "abc",
        "ABC\n",
        "ABC ",
        "a1\n",
        "0123456789",
        "²",
        "٣٤٥",
        "RL\uff14",
        "é",
        "e\u0301",
        "\u2028",
    ),
    *(
        "x" * 64,
        "x" * 65,
        "A" * 10,
        "A" * 11,
        "1.0",
        "1.5",
        "-1.5",
        "-0.0",
        "-0",
        "1.1234567",
        "1e5",
        "1" * 16 + ".0",
    ),
    *(
        "true",
        "null",
        "1",
        "None",
        "2026-06-01",
        "2026-02-29",
        "2026-6-1",
        "20260601",
        "2026-W23-1",
        "2026-06-01\n",
    ),
    *(
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "-001-01-01",
        "2026-06-01T00:00:00Z",
        "\uff12\uff10\uff12\uff16-06-01",
    ),
    *(
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59.999999Z",
    ),
    *(
        "2026-06-01T08:00:00",
        "2026-06-01T08:00Z",
        "2026-06-01 08:00:00Z",
        "2026-06-01t08:00:00z",
        "2026-06-01T24:00:00Z",
    ),
    *(
        "2026-06-30T23:59:60Z",
        "2026-06-01T08:00:00+0100",
        "2026-06-01T08:00:00+01",
        "2026-06-01T08:00:00-00:00",
    ),
    *(
        "2026-06-01T08:00:00+24:00",
        "2026-06-01T08:00:00+23:59",
        "2026-06-01T08:00:00.Z",
        "2026-06-01T08:00:00,5Z",
    ),
    *(
        "2026-06-01T08:00:00.1234567Z",
        "2026-06-01T08:00:00.999999999Z",
        "2026-06-01T08:00:00Z\n",
        " 2026-06-01T08:00:00Z",
    ),
    *(
        "2026-06-01T08:00:00 Z",
        "2026-06-01T08:00:00\u221201:00",
        "1780300800",
        "2026-06-01T08:00:60Z",
        "2026-13-01T08:00:00Z",
    ),
    *([], {}, [[]], [{}], {"a": 1}, [None], [1, 2], ["a"], {"": None}, [[[[[[]]]]]]),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List where something can be changed; of a long list only the first and the last place."""
    found = [path]
    if isinstance(value, dict):
        for name in value:
            found += _paths(value[name], (*path, name))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1} if value else ()):
            found += _paths(value[index], (*path, index))
    return found


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Give a copy of a document with another value at a path; `...` drops it."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict):
        changed = {
            name: _put(inner, tuple(rest), new) if name == step else inner for name, inner in value.items()
        }
        return {name: inner for name, inner in changed.items() if inner is not ...}
    copy = list(value)
    copy[step] = _put(copy[step], tuple(rest), new)
    return [inner for inner in copy if inner is not ...]


FIELDS = (
    *(
        "org",
        "site",
        "version",
        "retracted",
        "data",
        "type",
        "time",
        "attendance_key",
        "name",
        "nhs_number",
        "",
        "Org",
    ),
    *("strata", "bands", "cases", "publication", "imd_quintile", "departed_at", "ended_at", "numerator"),
)


@st.composite
def spoiled(draw: st.DrawFn, event: dict[str, Any]) -> str:
    """Draw a document near a valid event: one to three changes, each at any depth."""
    document: Any = event
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in _paths(document) if path]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        document = _put(document, path, draw(_change(_at(document, path))))
    text = dump(document)
    return draw(
        st.sampled_from(
            [text] * 12 + ["\ufeff" + text, f" \n{text}\t", text + "x", text[:-1], text + text, f"[{text}]"]
        )
    )


def _odd_texts(old: str) -> list[Any]:
    escaped = Raw('"' + "".join(f"\\u{ord(letter) & 0xFFFF:04x}" for letter in old) + '"')
    return [
        old + "\n",
        old + " ",
        "\n" + old,
        old * 2,
        old.lower(),
        old.upper(),
        old[:-1],
        old + "\0",
        escaped,
    ]


def _odd_numbers(old: int) -> list[Any]:
    return [old + 1, old - 1, -old, float(old), str(old), bool(old), Raw(f"{old}.0"), Raw(f"{old}e0")]


def _odd(old: Any) -> list[Any]:
    """Give what may stand in place of a value because it looks like it."""
    if isinstance(old, str) and not isinstance(old, Raw):
        return _odd_texts(old)
    if type(old) is int:
        return _odd_numbers(old)
    if isinstance(old, list) and not isinstance(old, Pairs):
        return [[*old, *old], old * 201, old[:-1], []]
    if isinstance(old, dict):
        return [{**old, "unknown": 1}, Pairs([*old.items(), *list(old.items())[:1]])]
    return []


def every_change(event: dict[str, Any]) -> Iterator[Any]:
    """Give an event with one thing changed, in every way known here."""
    for path in _paths(event):
        if path:
            for new in (..., *JUNK, *_odd(_at(event, path))):
                yield _put(event, path, new)


@st.composite
def _change(draw: st.DrawFn, old: Any) -> Any:
    """Draw what stands in place of a value."""
    ways = [st.just(...), st.sampled_from(JUNK), st.sampled_from(JUNK)]
    if odd := _odd(old):
        ways.append(st.sampled_from(odd))
    if isinstance(old, dict) and old:
        ways += [_with_field(old), _with_repeated_key(old)]
    return draw(draw(st.sampled_from(ways)))


@st.composite
def _with_field(draw: st.DrawFn, old: dict[str, Any]) -> Any:
    return {**old, draw(st.sampled_from(FIELDS)): draw(st.sampled_from(JUNK))}


@st.composite
def _with_repeated_key(draw: st.DrawFn, old: dict[str, Any]) -> Any:
    name, value = draw(st.sampled_from(list(old.items())))
    again = (name, draw(st.sampled_from([value, *JUNK])))
    return Pairs([*old.items(), again] if draw(st.booleans()) else [again, *old.items()])
