"""The contract: golden events, every rule between fields with its reason, and both modes of CloudEvents."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any, get_args

import pytest
from golden_events import DATA, GOLDEN

import schemas
from schemas import fast
from schemas.common import Dimension, is_stratum
from schemas.envelope import EVENT_MODELS, TYPE_PREFIX, Headers, family_of

SESSION, CASE = "theatre.session.recorded.v1", "theatre.case.recorded.v1"
SPELL, ATTENDANCE = "spell.recorded.v1", "ed.attendance.recorded.v1"
HANDOVER, BEDS = "ambulance.handover.recorded.v1", "bed.state.observed.v1"
RESPONSE = "ambulance.response.recorded.v1"
DEPARTMENT, CAPACITY = "ed.state.observed.v1", "capacity.state.observed.v1"
SERVICE, CALLS = "ambulance.state.observed.v1", "nhs111.activity.recorded.v1"
COUNTED = ("calls_offered", "calls_answered", "answered_within_60s", "abandoned_after_30s")
CENSUS, MEASURE = "rtt.census.reported.v1", "measure.reported.v1"

PERSONAL = "4857773456"
"""What must not be repeated in a refusal: it could be an NHS number."""


def event(suffix: str, *, envelope: dict[str, Any] | None = None, **data: Any) -> bytes:
    """Give a golden event with other fields; `...` leaves a field out."""
    golden = GOLDEN[TYPE_PREFIX + suffix]
    changed = {**golden, **(envelope or {}), "data": {**golden["data"], **data}}
    kept = {name: value for name, value in changed.items() if value is not ...}
    kept["data"] = {name: value for name, value in kept["data"].items() if value is not ...}
    return json.dumps(kept).encode()


def refusal(value: bytes, headers: Headers = ()) -> fast.Refusal:
    """Give the refusal of an event; fails where it is accepted."""
    with pytest.raises(fast.RefusedError) as raised:
        fast.decode(value, headers)
    return raised.value.refusal


def test_families_are_named_by_their_types() -> None:
    """The families, in the words that catalogue, topics and simulator use."""
    assert {
        "theatre_session",
        "theatre_case",
        "spell",
        "ed_attendance",
        "ambulance_handover",
        "ambulance_response",
        "bed_state",
        "ed_state",
        "capacity_state",
        "ambulance_state",
        "nhs111_activity",
        "rtt_census",
        "measure",
    } == {family_of(name) for name in EVENT_MODELS}


def test_everything_exported_exists() -> None:
    """The package's list of names is true."""
    assert [] == [name for name in schemas.__all__ if not hasattr(schemas, name)]


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_a_golden_event_is_read_whole(event_type: str) -> None:
    """Every field comes out as it went in, instants and dates as such."""
    golden = GOLDEN[event_type]
    decoded = fast.decode(json.dumps(golden).encode())

    assert event_type == fast.event_type(decoded)
    assert all(
        as_sent(value, getattr(decoded, name))
        for name, value in golden.items()
        if name not in ("type", "data")
    )
    assert all(as_sent(value, getattr(decoded.data, name)) for name, value in golden["data"].items())


def as_sent(sent: Any, read: Any) -> bool:
    """Whether a value was read as it was sent."""
    if isinstance(read, datetime):
        return read == datetime.fromisoformat(sent)
    if isinstance(read, date):
        return read == date.fromisoformat(sent)
    if isinstance(sent, list):
        return len(sent) == len(read) and all(map(as_sent, sent, read))
    if isinstance(sent, dict):
        return all(as_sent(value, getattr(read, name)) for name, value in sent.items())
    return bool(read == sent)


@pytest.mark.parametrize(
    ("kept", "suffix"),
    [
        ("attendance_key department_type arrived_at", ATTENDANCE),
        ("handover_key arrived_at", HANDOVER),
        ("response_key category clock_start", RESPONSE),
        ("session_key list_type status planned_start planned_end", SESSION),
        ("case_key planned_at", CASE),
        ("spell_key admitted_at", SPELL),
        ("as_at bed_group open_core open_escalation occupied", BEDS),
        ("as_at in_department over_4h over_12h", DEPARTMENT),
        ("as_at capacity_group capacity occupied", CAPACITY),
        ("as_at reap_level", SERVICE),
        (f"activity_key period_start period_end {' '.join(COUNTED)}", CALLS),
        ("cadence census_date bands", CENSUS),
        ("measure period_start period_end numerator", MEASURE),
    ],
)
def test_the_least_a_record_must_say(kept: str, suffix: str) -> None:
    """Identity and the first fact suffice: without any one of them it is refused."""
    names = ["org", *kept.split()]
    least = {name: ... for name in DATA[suffix] if name not in names}
    fast.decode(event(suffix, **least))

    assert [(f"data.{name}: Field required",) for name in names] == [
        refusal(event(suffix, **{**least, name: ...})).problems for name in names
    ]


BEFORE, AFTER = "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"
TOUCH = {"touch_start": AFTER, "touch_end": BEFORE}
TWICE = [{"dimension": "sex", "value": "male", "numerator": 1}] * 2


@pytest.mark.parametrize(
    ("reason", "suffix", "changed"),
    [
        ("outcome: set although departed_at is missing", ATTENDANCE, {"departed_at": ...}),
        ("referred_at: outside arrival and departure", ATTENDANCE, {"referred_at": BEFORE}),
        ("referred_at: outside arrival and departure", ATTENDANCE, {"referred_at": AFTER}),
        ("over_4h: more than in_department", DEPARTMENT, {"in_department": 29}),
        ("over_12h: more than over_4h", DEPARTMENT, {"over_12h": 31}),
        ("referred_waiting: more than in_department", DEPARTMENT, {"referred_waiting": 81}),
        (
            "majors_spaces: with majors_occupied, resus_spaces and resus_occupied, or without them",
            DEPARTMENT,
            {"resus_occupied": None},
        ),
        ("period_end: not after period_start", CALLS, {"period_end": "2026-06-01T07:00:00Z"}),
        ("period_end: in another civil day than period_start", CALLS, {"period_end": "2026-06-01T23:00:01Z"}),
        ("answered_within_60s: more than calls_answered", CALLS, {"answered_within_60s": 91}),
        (
            "calls_offered: fewer than calls_answered and abandoned_after_30s",
            CALLS,
            {"abandoned_after_30s": 11},
        ),
        ("departed_at: before arrived_at", ATTENDANCE, {"departed_at": BEFORE}),
        ("treatment_started_at: outside arrival and departure", ATTENDANCE, {"treatment_started_at": BEFORE}),
        ("treatment_started_at: outside arrival and departure", ATTENDANCE, {"treatment_started_at": AFTER}),
        ("decision_to_admit_at: outside arrival and departure", ATTENDANCE, {"decision_to_admit_at": BEFORE}),
        ("decision_to_admit_at: outside arrival and departure", ATTENDANCE, {"decision_to_admit_at": AFTER}),
        ("handover_at: before arrived_at", HANDOVER, {"handover_at": BEFORE}),
        ("cleared_at: set although handover_at is missing", HANDOVER, {"handover_at": None}),
        ("cleared_at: before handover_at", HANDOVER, {"cleared_at": BEFORE}),
        ("arrived_at: before clock_start", RESPONSE, {"arrived_at": BEFORE}),
        ("planned_end: must be after planned_start", SESSION, {"planned_end": "2026-06-01T07:30:00Z"}),
        (
            "planned_end: more than 24 hours after planned_start",
            SESSION,
            {"planned_end": "2026-06-02T07:30:01Z"},
        ),
        ("status: only a held session has cases or ended_at", SESSION, {"status": "planned", "cases": []}),
        (
            "status: only a held session has cases or ended_at",
            SESSION,
            {"status": "cancelled", "ended_at": None},
        ),
        ("cases.0.touch_end: before touch_start", SESSION, {"cases": [TOUCH]}),
        (
            "ended_at: before planned_start in a session without cases",
            SESSION,
            {"cases": [], "ended_at": BEFORE},
        ),
        ("cancelled_at: a case is completed or cancelled, not both", CASE, {"completed_at": AFTER}),
        ("cancelled_at: missing, although the record describes a cancellation", CASE, {"cancelled_at": None}),
        ("cancellation_reason: missing in a cancellation", CASE, {"cancellation_reason": None}),
        ("ready_same_day: set although discharge_ready_date is given", SPELL, {"ready_same_day": True}),
        ("discharge_ready_date: before the date of admission", SPELL, {"discharge_ready_date": "2026-05-29"}),
        ("discharge_ready_date: after the date of discharge", SPELL, {"discharge_ready_date": "2026-06-02"}),
        (
            "ready_same_day: set although the patient has not left",
            SPELL,
            {"ready_same_day": True, "discharge_ready_date": None, "discharged_at": None},
        ),
        ("discharged_at: before admitted_at", SPELL, {"discharged_at": BEFORE, "discharge_ready_date": None}),
        ("no_criteria_to_reside: more than occupied", BEDS, {"no_criteria_to_reside": 581}),
        ("nights_7_or_more: more than occupied", BEDS, {"nights_7_or_more": 581}),
        ("nights_14_or_more: more than occupied", BEDS, {"nights_14_or_more": 581}),
        ("nights_21_or_more: more than occupied", BEDS, {"nights_21_or_more": 581}),
        (
            "census_date: a monthly census is as at the last day of a month",
            CENSUS,
            {"census_date": "2026-05-30"},
        ),
        (
            "census_date: a weekly census is as at a Sunday",
            CENSUS,
            {"cadence": "week", "census_date": "2026-06-01"},
        ),
        (
            "strata.1: its imd_quintile stands twice",
            CENSUS,
            {"strata": [{"dimension": "imd_quintile", "value": "1", "bands": [0] * 105}] * 2},
        ),
        ("period_end: must be after period_start", MEASURE, {"period_end": "2026-04-01"}),
        ("denominator: negative", MEASURE, {"denominator": -1}),
        ("denominator: negative", MEASURE, {"denominator": "-0.5"}),
        ("strata.1: its sex stands twice", MEASURE, {"strata": TWICE}),
        (
            "strata.0.denominator: negative",
            MEASURE,
            {"strata": [{"dimension": "sex", "value": "male", "numerator": 1, "denominator": -1}]},
        ),
        (
            "census_date: not between 1990 and 2100: a placeholder?",
            CENSUS,
            {"census_date": "9999-12-31"},
        ),
        (
            "admitted_at: not between 1990 and 2100: a placeholder?",
            SPELL,
            {"admitted_at": "0001-01-01T00:00:00+14:00"},
        ),
    ],
)
def test_each_rule_between_fields_says_its_reason(reason: str, suffix: str, changed: dict[str, Any]) -> None:
    """One rule broken, one problem, in the rule's own words."""
    assert fast.Refusal("invalid", (f"data: {reason}",)) == refusal(event(suffix, **changed))


@pytest.mark.parametrize(
    ("suffix", "changed"),
    [
        (SPELL, {"admitted_at": "2026-05-30T23:30:00Z"}),  # the 31st in London
        (SPELL, {"discharge_ready_date": None, "ready_same_day": True}),
        (SPELL, {"discharged_at": None}),
        (SESSION, {"planned_end": "2026-06-02T07:30:00Z"}),
        (SESSION, {"cases": [], "ended_at": "2026-06-01T07:30:00Z"}),
        (SESSION, {"ended_at": None}),
        (ATTENDANCE, {"departed_at": "2026-06-01T07:00:00Z"}),
        (HANDOVER, {"handover_at": "2026-06-01T08:00:00Z"}),
        (RESPONSE, {"arrived_at": "2026-06-01T08:00:00Z"}),
        (BEDS, {"no_criteria_to_reside": 580}),
        (CENSUS, {"cadence": "week"}),
        (CENSUS, {"census_date": "2024-02-29"}),
        (MEASURE, {"numerator": None, "denominator": None}),
        (MEASURE, {"denominator": 0}),
    ],
)
def test_at_the_boundary_a_rule_holds(suffix: str, changed: dict[str, Any]) -> None:
    """What only just meets a rule is accepted."""
    assert TYPE_PREFIX + suffix == fast.event_type(fast.decode(event(suffix, **changed)))


@pytest.mark.parametrize(
    ("suffix", "field"),
    [
        (SESSION, "session_key"),
        (CASE, "case_key"),
        (SPELL, "spell_key"),
        (ATTENDANCE, "attendance_key"),
        (HANDOVER, "handover_key"),
        (RESPONSE, "response_key"),
    ],
)
def test_a_key_of_digits_is_refused_with_the_reason(suffix: str, field: str) -> None:
    """However its digits are written: it says why, does not repeat it, and so nothing of it is kept."""
    for key in (PERSONAL, int(PERSONAL), float(PERSONAL), "485-777-3456", "485 777 3456", f" {PERSONAL}\t"):
        refused = refusal(event(suffix, **{field: key}))
        (problem,) = refused.problems
        assert f"data.{field}: an opaque key must contain a letter" in problem
        assert ("identifier", False) == (refused.reason, "3456" in problem)
    assert "invalid" == refusal(event(suffix, **{field: "-"})).reason
    fast.decode(event(suffix, **{field: f"x{PERSONAL}"}))


@pytest.mark.parametrize("name", ["time", "recordedtime"])
def test_a_naive_time_is_refused(name: str) -> None:
    """Between one and two in an October night it could be either of two hours."""
    (problem,) = refusal(event(BEDS, envelope={name: "2026-10-25T01:30:00"})).problems

    assert problem.startswith(f"{name}: has no offset")


def test_a_naive_time_in_the_record_is_refused() -> None:
    """The record's instants obey the same rule as the envelope's."""
    (problem,) = refusal(event(BEDS, as_at="2026-06-01T06:55:00")).problems

    assert problem.startswith("data.as_at: has no offset")


def test_both_hours_of_an_october_night_are_told_apart() -> None:
    """With offsets the hour that comes twice is two instants."""
    first, second = (
        fast.decode(
            event(
                BEDS, as_at=f"2026-10-25T01:30:00{offset}", envelope={"time": BEFORE, "recordedtime": AFTER}
            )
        ).data.as_at
        for offset in ("+01:00", "+00:00")
    )

    assert timedelta(hours=1) == second - first


@pytest.mark.parametrize(
    ("accepted", "recorded"),
    [
        (True, "2026-06-01T11:55:00Z"),
        (False, "2026-06-01T11:54:59.999Z"),
        (True, "2026-06-01T12:55:00+01:00"),
    ],
)
def test_recorded_before_it_occurred_within_the_skew(accepted: bool, recorded: str) -> None:
    """A clock may be wrong by 300 seconds and no more."""
    value = event(BEDS, envelope={"recordedtime": recorded})
    if accepted:
        assert datetime.fromisoformat(recorded) == fast.decode(value).recordedtime
    else:
        assert ("recordedtime: more than 300 s before time",) == refusal(value).problems


def test_a_publisher_speaks_for_itself() -> None:
    """The partition key is the organisation in the source."""
    assert ("partitionkey: is not the organisation code in source",) == refusal(
        event(BEDS, envelope={"partitionkey": "RNA"})
    ).problems


@pytest.mark.parametrize("value", [b"", b"nothing", b"[]", b'"text"', b"null", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(value: bytes) -> None:
    """Told apart from an event with faults, for the publisher's log."""
    assert "not_json" == refusal(value).reason


@pytest.mark.parametrize("name", [..., None, 1, "", "uk.nhs.oversight.ed.attendance.recorded.v2", "ed"])
def test_an_unknown_type_lists_the_known(name: Any) -> None:
    """The refusal shows what could have been meant."""
    refused = refusal(event(BEDS, envelope={"type": name}))

    assert "unknown_type" == refused.reason
    assert all(known in refused.problems[0] for known in EVENT_MODELS)


def test_every_problem_is_told_at_once() -> None:
    """A publisher mends an event in one go; a field from outside is told by its number, not its name."""
    refused = refusal(event(BEDS, occupied=-1, open_core="many", extra=1, envelope={"specversion": "0.3"}))

    last = f"data.(field {len(DATA[BEDS]) + 1})"
    assert ["specversion", "data.open_core", "data.occupied", last] == [
        problem.split(":")[0] for problem in refused.problems
    ]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    return [path] * (not isinstance(value, dict | list)) + [
        leaf for name, one in inner for leaf in _leaves(one, (*path, name))
    ]


def _replace(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replace(copy[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("event_type", EVENT_MODELS)
@pytest.mark.parametrize(
    "shape", [str, int, lambda text: {"a": text}, lambda text: [text], lambda text: f"{text}é\n"]
)
def test_a_refusal_quotes_no_value(event_type: str, shape: Any) -> None:
    """Whatever stands in whichever field, it does not come back: it could be a person's number."""
    refused = 0
    for path in _leaves(GOLDEN[event_type]):
        value = json.dumps(_replace(GOLDEN[event_type], path, shape(PERSONAL))).encode()
        said = problems(value)
        refused += bool(said)
        assert PERSONAL not in said
    assert refused > 10


def problems(value: bytes) -> str:
    """Give what a refusal says, nothing where there is none."""
    try:
        fast.decode(value)
    except fast.RefusedError as error:
        return str(error)
    return ""


def test_a_repeated_stratum_is_not_quoted() -> None:
    """A stratum's value is text from outside like any other."""
    strata = [{"dimension": "sex", "value": PERSONAL, "numerator": 1}] * 2

    assert PERSONAL not in str(refusal(event(MEASURE, strata=strata)))


@pytest.mark.parametrize(
    ("dimension", "value"),
    [("sex", "A"), ("imd_quintile", "6"), ("age_band", "0-18"), ("ethnic_group", "SMITH")],
)
def test_a_stratum_has_a_value_of_its_dimension(dimension: str, value: str) -> None:
    """What else stands there would be shown on every board."""
    strata = [{"dimension": dimension, "value": value, "numerator": 1}]

    assert (f"data: strata.0: its value is none of {dimension}",) == refusal(
        event(MEASURE, strata=strata)
    ).problems


@pytest.mark.parametrize("numerator", [1250.5, "1,250.50", "1250", 10**16, True, {}])
def test_an_amount_of_another_form_is_told_once_and_how_it_is_written(numerator: Any) -> None:
    """Its two forms are one rule, and their names in the model say nothing to a publisher."""
    told = 'a whole number of at most 15 digits, or text with decimals such as "1250.50"'
    assert (f"data.numerator: {told}",) == refusal(event(MEASURE, numerator=numerator)).problems


def test_every_dimension_has_values() -> None:
    """Each says what a stratum of it may be called, not known among them."""
    assert all(is_stratum(dimension, "not_known") for dimension in get_args(Dimension))
    assert not any(is_stratum(dimension, "SMITH") for dimension in get_args(Dimension))


def binary(event_type: str, **headers: bytes | None) -> tuple[bytes, list[tuple[str, Any]]]:
    """Give a golden event in binary mode."""
    golden = GOLDEN[event_type]
    attributes = {
        f"ce_{name}": (json.dumps(value) if isinstance(value, bool) else value).encode()
        for name, value in golden.items()
        if name not in ("data", "datacontenttype")
    }
    attributes |= {"content-type": b"application/json; charset=utf-8", **headers}
    return json.dumps(golden["data"]).encode(), list(attributes.items())


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_binary_mode_equals_structured_mode(event_type: str) -> None:
    """Attributes as headers and data as the value: the same event, whatever other headers there are."""
    value, headers = binary(event_type, traceparent=b"\xff")
    structured = json.dumps(GOLDEN[event_type]).encode()

    assert fast.decode(structured) == fast.decode(value, headers)
    assert fast.decode(structured) == fast.decode(
        structured, [("content-type", b"application/cloudevents+json"), ("x", b"\xff")]
    )


@pytest.mark.parametrize(
    ("problem", "reason", "value", "headers"),
    [
        ("value: is not one JSON value", "binary_mode", b"{} {}", {}),
        ("value: is not one JSON value", "binary_mode", b"", {}),
        ("value: is not one JSON value", "binary_mode", b"[" * 100_000, {}),
        ("header ce_id: is not UTF-8 text", "binary_mode", b"{}", {"ce_id": b"\xff"}),
        ("id: String should match pattern", "invalid", None, {"ce_id": None}),
        (
            "datacontenttype: Input should be 'application/json'",
            "invalid",
            None,
            {"content-type": b"text/xml"},
        ),
        ("datacontenttype: Input should be 'application/json'", "invalid", None, {"content-type": None}),
        ("synthetic: Input should be a valid boolean", "invalid", None, {"ce_synthetic": b"TRUE"}),
        ("(field 14): Extra inputs are not permitted", "invalid", None, {"ce_unknown": b"1"}),
        ("attribute 14: is not UTF-8 text", "binary_mode", None, {"ce_unknown": b"\xff"}),
        ("attribute 14: the data of an event", "binary_mode", None, {"ce_data": b"{}"}),
        ("header ce_datacontenttype: stands twice", "binary_mode", None, {"ce_datacontenttype": b"text/xml"}),
    ],
)
def test_a_faulty_record_in_binary_mode_is_refused(
    problem: str, reason: str, value: bytes | None, headers: dict[str, bytes | None]
) -> None:
    """Headers may hold any bytes, or none; nothing but a refusal comes of it."""
    good, all_headers = binary(TYPE_PREFIX + BEDS, **headers)
    refused = refusal(good if value is None else value, all_headers)

    assert reason == refused.reason
    assert refused.problems[0].startswith(problem)
