"""The fast decoder and the models: they accept the same documents and read the same values from them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from golden_events import GOLDEN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from valid_events import AMOUNT_FIELDS, dump, events, every_change, spoiled

from schemas import fast, guard
from schemas.envelope import EVENT_MODELS, Envelope

EXAMPLES = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def plain(value: Any) -> Any:
    """Give a decoded value as plain containers, with the type beside each scalar."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return tuple(plain(inner) for inner in value)
    return type(value), value


def as_event(event: Any) -> Any:
    """Give an event as plain containers; its type is a field of the model, and the struct's tag."""
    found = plain(event)
    found.pop("type", None)
    name = event.type if isinstance(event, Envelope) else fast.event_type(event)
    return name, found


def by_models(text: bytes) -> Envelope | None:
    """Give what the models read, or None where they refuse."""
    try:
        return fast.parse(text)
    except fast.RefusedError:
        return None


def by_decoder(text: bytes) -> Any:
    """Give what the service reads, or None where it refuses."""
    try:
        return fast.decode(text)
    except fast.RefusedError:
        return None


def by_structs_alone(text: bytes) -> Any:
    """Give what msgspec and the rules between fields accept without a second reading, or None."""
    try:
        event = fast._decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    refused = Envelope.violation(event) or fast._by_struct[type(event)].problem(event.data)
    guarded = any(guard.identifiers(msgspec.json.decode(text), AMOUNT_FIELDS))
    return None if refused or guarded else event


def judge(text: str) -> bool:
    """Hold the three readings of a document against each other; say whether it was accepted."""
    value = text.encode("utf-8", "surrogatepass")
    model, decoded, structs = by_models(value), by_decoder(value), by_structs_alone(value)

    assert (model is None) == (decoded is None)
    if structs is not None:
        assert model is not None, "the structs alone accept what the models refuse"
        assert as_event(model) == as_event(structs)
    if model is not None:
        assert as_event(model) == as_event(decoded)
    return model is not None


@pytest.mark.parametrize("event_type", EVENT_MODELS)
@EXAMPLES
@given(drawn=st.data())
def test_a_valid_event_is_read_alike(event_type: str, drawn: st.DataObject) -> None:
    """Both accept it, at the first reading, with equal values."""
    text = dump(drawn.draw(events(event_type)))

    assert judge(text)
    assert by_structs_alone(text.encode()) is not None


@pytest.mark.parametrize("event_type", EVENT_MODELS)
@settings(EXAMPLES, max_examples=40)
@given(drawn=st.data())
def test_a_spoiled_event_is_judged_alike(event_type: str, drawn: st.DataObject) -> None:
    """Up to three things dropped, added, repeated, misspelt or of another type: both say the same."""
    judge(drawn.draw(events(event_type).flatmap(spoiled)))


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_every_single_change_is_judged_alike(event_type: str) -> None:
    """Each place of a golden event with each odd value in it, and each odd number, text and length."""
    judged = [judge(dump(changed)) for changed in every_change(GOLDEN[event_type])]

    assert len(judged) > 1000
    assert 0.02 < sum(judged) / len(judged) < 0.5


@pytest.mark.parametrize("event_type", EVENT_MODELS)
def test_a_repeated_key_is_judged_alike(event_type: str) -> None:
    """The last of two equal keys counts, as in the models; what stood before it does not matter."""
    text = dump(GOLDEN[event_type])
    code, attributes = text[1:].split(",", 1)

    assert judge("{" + code.replace("1.0", "9.9") + "," + text[1:])
    assert not judge(text[:-1] + "," + code.replace("1.0", "9.9") + "}")
    assert judge(text[:-1] + "," + code + "}")
    assert attributes


@settings(EXAMPLES, max_examples=200)
@given(st.binary(max_size=64) | st.text(max_size=64).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_that_are_no_event_are_refused(value: bytes) -> None:
    """Nothing but a refusal comes out of rubbish."""
    assert by_models(value) is None
    assert by_decoder(value) is None
