"""The identifier guard: what passes for an NHS number or a postcode, wherever it stands; what does not."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import UUID

import pytest
from golden_events import GOLDEN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identifying import POSTCODES, TEN_DIGITS, binary, check_digit, identifiers, marked, structured
from valid_events import AMOUNT_FIELDS

from schemas import fast, guard
from schemas.envelope import EVENT_MODELS, TYPE_PREFIX, Headers

NUMBER = "9434765919"
"""An example often printed: 9·10+4·9+3·8+4·7+7·6+6·5+5·4+9·3+1·2 = 299, 299 mod 11 = 2, 11-2 = 9."""
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
MEASURE, ATTENDANCE = "measure.reported.v1", "ed.attendance.recorded.v1"


@pytest.mark.parametrize(
    ("passes", "digits"),
    [
        (True, NUMBER),
        (False, "9434765918"),
        (True, "0000000000"),
        (True, "1111111111"),
        (False, "1234567890"),
        (False, "4857773456"),
    ],
)
def test_the_check_digit(passes: bool, digits: str) -> None:
    """Weights 10 to 2, remainder by 11, worked by hand."""
    assert passes == guard.is_nhs_number(digits)


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_each_nine_digits_have_one_check_digit_or_none(nine: str) -> None:
    """It is the one of the published steps."""
    expected = {check_digit(nine)} - {10}
    assert expected == {digit for digit in range(10) if guard.is_nhs_number(f"{nine}{digit}")}


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        "943 476 5919",
        "943-476-5919",
        "94 34 76 59 19",
        "room 12 94 34 76 59 19 today",
        "943\u00a0476\u00a05919",
        f"ed-{NUMBER}-2",
        "x-943-476-5919-2",
        f"nhs_{NUMBER}",
        f"NHS{NUMBER}",
        f"pt{NUMBER}",
        f"a{NUMBER}",
        f"{NUMBER}x",
        f"e:pat{NUMBER}end/2",
        "943.476.5919",
        "943_476_5919",
        "943/476/5919",
        "943:476:5919",
        f"urn:nhs:{NUMBER}",
        f"seen {NUMBER}, then home",
        f"{NUMBER}.0",
        "B1 1AA",
        "sw1a 1aa",
        "SW1A1AA",
        "DY10-2PQ",
        "home:EC1A 1BB;",
        "M11AE",
    ],
)
def test_what_is_taken_for_an_identifier(text: str) -> None:
    """Alone, in groups, among other words, in small letters."""
    assert guard.identifier_in(text)
    assert guard.identifier_among(text.encode())
    assert guard.identifier_among(json.dumps(text).encode())


@pytest.mark.parametrize(
    "text",
    [
        f"{NUMBER}9",
        f"x{NUMBER}9",
        f"x1y{NUMBER}",
        f"ed{NUMBER}",
        f"p{NUMBER}cdb",
        "e-1732500000123",
        "2026-06-15 09:42:00+01:00",
        "2026-06-15-09",
        "94347-65919",
        "beds-2026-06-15-07",
        "k7f3-20260615-118",
        "ae_4h_all_types-R0A-2025-09-1761868800000000",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "https://example.org/schema.json",
        "RJ122",
        "A81001",
        "S1Y5D",
        "E08000031",
        "85+",
        "core20_recruitment",
        "",
    ],
)
def test_what_is_not(text: str) -> None:
    """Longer numbers, dates, codes of organisations, what the contract itself is made of."""
    assert guard.identifier_in(text) is None
    assert guard.identifier_among(text.encode()) is None


def test_no_uuid_is_refused() -> None:
    """100,000 random ones, however they are written, and as short as a hash: an id may always be one."""
    draw = random.Random(20_260_615)  # noqa: S311 - any UUIDs
    made = [UUID(int=draw.getrandbits(128), version=4) for _ in range(100_000)]

    assert [] == [
        one
        for one in made
        if guard.identifier_in(f"{one}") or guard.identifier_in(one.hex) or guard.identifier_in(one.hex[:12])
    ]
    assert guard.identifier_among("\n".join(map(str, made)).encode()) is None


ODD_TEXTS = st.lists(
    st.one_of(
        st.text("0123456789ABab -./:_\n", max_size=12), TEN_DIGITS, POSTCODES, st.sampled_from("- .x7\n")
    ),
    max_size=6,
).map("".join)


@settings(EXAMPLES, max_examples=500)
@given(ODD_TEXTS)
def test_the_quick_look_misses_nothing(text: str) -> None:
    """Bytes say the same as their text, so that the hot path refuses what the models refuse."""
    assert guard.identifier_in(text) == guard.identifier_among(text.encode())
    bare = text.replace(" ", "")
    assert guard.identifier_in(bare) == guard.identifier_in_lines(bare)


@settings(EXAMPLES, max_examples=200)
@given(st.lists(ODD_TEXTS, max_size=5))
def test_texts_joined_by_lines_say_what_they_say_alone(texts: list[str]) -> None:
    """As a batch of them is looked at: nothing is found across a line's end."""
    lines = [one.replace("\n", "") for one in texts]
    alone = any(map(guard.identifier_in, lines))

    assert alone == (guard.identifier_in("\n".join(lines)) is not None)


def refusal(value: bytes, headers: Headers = ()) -> fast.Refusal:
    """Give the refusal of an event; fails where it is accepted."""
    with pytest.raises(fast.RefusedError) as raised:
        fast.decode(value, headers)
    return raised.value.refusal


@pytest.mark.parametrize("event_type", EVENT_MODELS)
@pytest.mark.parametrize("mode", [structured, binary])
@EXAMPLES
@given(drawn=st.data())
def test_an_identifier_is_refused_wherever_it_stands(
    event_type: str, mode: Any, drawn: st.DataObject
) -> None:
    """Any place of any event in both modes: one reason, nothing quoted, nothing to be copied."""
    text, event = drawn.draw(marked(event_type))
    refused = refusal(*mode(event))

    assert ("identifier", True) == (refused.reason, refused.withheld)
    said = str(refused).replace(" ", "").replace("-", "")
    assert text.replace(" ", "").replace("-", "") not in said


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_a_known_address_and_known_codes_are_no_way_past_the_guard(event_type: str) -> None:
    """The second event of a publisher is looked at as the first one is, alone and in a batch."""
    golden = GOLDEN[event_type]
    good = json.dumps(golden).encode()
    _, address, _ = fast.read(good, (), {})
    has_key = any(name.endswith("_key") for name in golden["data"])
    for name in ("id", "subject", "sequence", "dataschema"):
        written = f"urn:{NUMBER}" if name == "dataschema" else NUMBER
        value = json.dumps({**golden, name: written}).encode()
        assert (f"{name}: holds what passes as an NHS number",) == refusal(value).problems
        assert [has_key, False] == [bool(one) for one in fast.read_all([good, value], {address: 1})]
    for written in (f"k-{NUMBER}", int(NUMBER)):
        keys = (
            [one for one in golden["data"] if one.endswith("_key")]
            if isinstance(written, str)
            else ["version"]
        )
        for name in keys:
            value = json.dumps({**golden, "data": {**golden["data"], name: written}}).encode()
            assert (f"data.{name}: holds what passes as an NHS number",) == refusal(value).problems
            assert None is fast.read_all([value], {address: 1})[0]


WORDS = st.sampled_from([NUMBER, "9434765918", "943-476-5919", "943-476-5918", "SW1A-1AA", "SW1A1AAA", "x7"])
TEXTS = st.builds(
    "{}{}{}".format, st.sampled_from(["", "k-", "k", "e.", "1/"]), WORDS, st.sampled_from(["", "-2", "b"])
)


@st.composite
def attendances(draw: st.DrawFn) -> bytes:
    """Draw an attendance of one publisher, with words that the guard has to look at twice."""
    golden = GOLDEN[TYPE_PREFIX + ATTENDANCE]
    event = {**golden, "data": {**golden["data"], "attendance_key": draw(TEXTS | st.just("a1"))}}
    for name in ("id", "subject", "sequence", "dataschema"):
        if draw(st.booleans()):
            event[name] = "urn:" * (name == "dataschema") + draw(TEXTS)
    event["data"]["version"] = draw(st.sampled_from([1, 1, 1, int(NUMBER), 9434765918, 94347659190]))
    return json.dumps(event).encode()


@settings(EXAMPLES, max_examples=300)
@given(st.lists(attendances(), min_size=1, max_size=6))
def test_a_batch_is_taken_as_each_of_it_is(values: list[bytes]) -> None:
    """Whatever a batch is cut from: what is refused alone is not taken together, and the rest is the same."""
    _, address, _ = fast.read(json.dumps(GOLDEN[TYPE_PREFIX + ATTENDANCE]).encode(), (), {})
    for value, taken in zip(values, fast.read_all(values, {address: 1}), strict=True):
        try:
            alone = fast.parse(value).id
        except fast.RefusedError:
            alone = None
        try:
            assert alone == fast.read(value, (), {address: 1})[0].id
        except fast.RefusedError:
            assert alone is None
        assert taken is None or taken[0].id == alone


def test_families_of_the_fast_way_hold_identifiers_nowhere_else() -> None:
    """Each family with a key goes the fast way, and so its other fields have no room for one."""
    plain = {kind.name: kind.plain for kind in fast._kinds.values() if kind.key is not None}

    assert len(plain) >= 5
    assert all(plain.values()), plain
    assert not fast._kinds[EVENT_MODELS[TYPE_PREFIX + MEASURE]].plain


def report(**data: Any) -> bytes:
    """Give a reported measure with other figures."""
    golden = GOLDEN[TYPE_PREFIX + MEASURE]
    return json.dumps({**golden, "data": {**golden["data"], **data}}).encode()


def test_an_amount_with_decimals_is_an_amount() -> None:
    """Ten digits of pounds may pass the check; with pence they are not taken for a person."""
    assert "identifier" == refusal(report(numerator=int(NUMBER))).reason
    assert f"{NUMBER}.00" == fast.decode(report(numerator=f"{NUMBER}.00")).data.numerator
    assert "identifier" == refusal(report(note=f"{NUMBER}.00")).reason
    assert set(AMOUNT_FIELDS) == fast._AMOUNTS


@given(identifiers())
def test_headers_that_are_no_attributes_are_looked_at(drawn: tuple[str, Any]) -> None:
    """A header's value as its name, in both modes; the header is told by its number."""
    text, _ = drawn
    value = json.dumps(GOLDEN[TYPE_PREFIX + ATTENDANCE]).encode()

    for header in (("x-note", text.encode()), (text, b"1"), (text, None)):
        refused = refusal(value, [("content-type", b"application/json"), header])
        assert "identifier" == refused.reason
        assert refused.problems[0].startswith("header 2: holds what passes as a")


@pytest.mark.parametrize(
    "value",
    [
        b'{"id": "' + NUMBER.encode(),
        b"{" + NUMBER.encode() + b"}",
        b'{"id": "\\u0039434765919',
        b"PID|1||943 476 5919^^^NHS",
        b"home,SW1A 1AA",
        b"\xff " + NUMBER.encode(),
    ],
)
def test_what_is_no_json_is_looked_at_too(value: bytes) -> None:
    """Malformed, HL7, a line of a table, not even text; in binary mode as well."""
    refused = refusal(value)
    assert ("identifier", True) == (refused.reason, refused.withheld)
    assert "not JSON" in refused.problems[1]

    assert "identifier" == refusal(value, [("ce_specversion", b"1.0")]).reason


def test_a_refusal_names_few_places_of_many() -> None:
    """A list of a thousand numbers makes no dead letter larger than the event."""
    assert 20 == sum("NHS number" in one for one in refusal(report(note=[int(NUMBER)] * 1000)).problems)


def test_a_document_nested_deeper_than_calls_is_refused() -> None:
    """Nothing but a refusal comes of it."""
    for depth in (400, 900, 980):
        deep = "[" * depth + NUMBER + "]" * depth
        value = json.dumps(GOLDEN[TYPE_PREFIX + MEASURE]).replace(
            '"measure"', f'"note": {deep}, "measure"', 1
        )
        assert refusal(value.encode()).withheld
