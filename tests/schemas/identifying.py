"""Numbers and postcodes made up as publishers write them, and events in which one stands somewhere."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from valid_events import Raw, _at, _paths, _put, dump, events

from schemas.envelope import Headers

WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)


def check_digit(nine: str) -> int:
    """Give the tenth digit of an NHS number by the five steps of the Data Dictionary; 10 for none."""
    remainder = sum(int(nine[place]) * WEIGHTS[place] for place in range(9)) % 11
    digit = 11 - remainder
    return 0 if digit == 11 else digit


TEN_DIGITS = (
    st.from_regex(r"[0-9]{9}", fullmatch=True)
    .filter(lambda nine: check_digit(nine) < 10)
    .map(lambda nine: f"{nine}{check_digit(nine)}")
)
POSTCODES = st.from_regex(
    r"([A-Z][0-9]{1,2}|[A-Z]{2}[0-9]{1,2}|[A-Z][0-9][A-Z]|[A-Z]{2}[0-9][A-Z])[ -]?[0-9][A-Z]{2}",
    fullmatch=True,
)


@st.composite
def identifiers(draw: st.DrawFn) -> tuple[str, Any]:
    """Draw an identifier: its text, and what stands in the document."""
    if draw(st.booleans()):
        text = draw(POSTCODES)
        return text, draw(st.sampled_from([text, text.lower(), f"x-{text}", f"({text})"]))
    digits = draw(TEN_DIGITS)
    ways: list[Any] = [digits, f"x-{digits}-2", Raw(f'"\\u{ord(digits[0]):04x}{digits[1:]}"')]
    ways += [f"{digits[:3]}{gap}{digits[3:6]}{gap}{digits[6:]}" for gap in " -"]
    ways += [f"{digits[:5]} {digits[5:]}", f"nhs:{digits}", " ".join(digits)]
    if digits[0] != "0":
        ways += [int(digits), -int(digits), float(digits)]
    return digits, draw(st.sampled_from(ways))


@st.composite
def marked(draw: st.DrawFn, event_type: str) -> tuple[str, dict[str, Any]]:
    """Draw a valid event in which an identifier stands at any place: the identifier's text, the event."""
    text, written = draw(identifiers())
    event = draw(events(event_type))
    path = draw(st.sampled_from([one for one in _paths(event) if one]))
    old = _at(event, path)
    ways: list[Any] = [written]
    if isinstance(old, dict):
        ways += [{**old, "note": written}, {**old, "note": [{"a": written}]}]
        if isinstance(written, str) and not isinstance(written, Raw):
            ways.append({**old, written: 1})
    return text, _put(event, path, draw(st.sampled_from(ways)))


def structured(event: dict[str, Any]) -> tuple[bytes, Headers]:
    """Give an event in structured mode."""
    return dump(event).encode(), ()


def binary(event: dict[str, Any]) -> tuple[bytes, Headers]:
    """Give an event in binary mode."""
    plain = json.loads(dump(event))
    headers = [
        (f"ce_{name}", (value if isinstance(value, str) else json.dumps(value)).encode())
        for name, value in plain.items()
        if name not in ("data", "datacontenttype")
    ]
    if "datacontenttype" in plain:
        headers.append(("content-type", str(plain["datacontenttype"]).encode()))
    return json.dumps(plain["data"]).encode(), headers
