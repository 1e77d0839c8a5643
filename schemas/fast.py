"""A msgspec decoder for the hot path, derived from the pydantic models, and the explanation of a refusal.

`decode` accepts exactly what the models accept and gives objects with the same attributes and values
(property tests hold it to that). Structs are derived, so a field is written once. A refusal costs a
second reading by pydantic, which explains it field by field and never quotes a value.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import reduce
from operator import attrgetter, or_
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints, ValidationError

from schemas.common import IDENTIFIER, Record
from schemas.envelope import EVENT_MODELS, Envelope, Headers, structured


class Refusal(msgspec.Struct, frozen=True):
    """Why an event was refused: a short reason for counting, and a problem a field for the publisher."""

    reason: Literal["not_json", "unknown_type", "invalid", "identifier", "binary_mode"]
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """Give all problems in one line."""
        return f"{self.reason}: " + "; ".join(self.problems)


class RefusedError(Exception):
    """An event does not meet the contract; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _meta(constraints: tuple[Any, ...], base: Any) -> list[msgspec.Meta]:
    arguments: dict[str, Any] = {}
    for constraint in constraints:
        match constraint:
            case StringConstraints(pattern=pattern, max_length=max_length):
                arguments |= {"pattern": pattern} | ({"max_length": max_length} if max_length else {})
            case Ge(ge=bound):
                arguments["ge"] = bound
            case Le(le=bound):
                arguments["le"] = bound
            case MinLen(min_length=bound):
                arguments["min_length"] = bound
            case MaxLen(max_length=bound):
                arguments["max_length"] = bound
            case _:  # validators whose effect the type or the pattern already has
                pass
    if getattr(base, "__name__", "") == "datetime":
        arguments["tz"] = True
    return [msgspec.Meta(**arguments)] if arguments else []


class _Structs:
    """Structs derived from the models, once each.

    Args:
        unchecked: fields of an event or its record that are read as plain text, without their pattern.
    """

    def __init__(self, unchecked: frozenset[str] = frozenset()) -> None:
        self._unchecked = unchecked
        self._made: dict[type[BaseModel], type[msgspec.Struct]] = {}

    def struct(self, model: type[BaseModel], **options: Any) -> type[msgspec.Struct]:
        """Give the struct of a model."""
        if model not in self._made:
            unchecked = self._unchecked if issubclass(model, Envelope | Record) else frozenset()
            hints = get_type_hints(model, include_extras=True)
            fields: list[Any] = []
            for name, field in model.model_fields.items():
                if name == options.get("tag_field"):
                    continue
                kind = self._translate(hints[name])
                if name in unchecked:
                    kind = str if field.is_required() else str | None
                fields.append((name, kind) if field.is_required() else (name, kind, field.default))
            self._made[model] = msgspec.defstruct(
                model.__name__, fields, forbid_unknown_fields=True, kw_only=True, gc=False, **options
            )
        return self._made[model]

    def events(self) -> dict[type[BaseModel], type[msgspec.Struct]]:
        """Give the struct of each event's model."""
        return {model: self.struct(model, tag_field="type", tag=name) for name, model in EVENT_MODELS.items()}

    def _translate(self, annotation: Any) -> Any:
        """Turn a pydantic annotation into the msgspec annotation that accepts the same JSON."""
        origin = get_origin(annotation)
        if origin is Annotated:
            base, *constraints = get_args(annotation)
            meta = _meta(tuple(constraints), base)
            translated = self._translate(base)
            return Annotated[(translated, *meta)] if meta else translated
        if origin in (Union, types.UnionType):
            return reduce(or_, (self._translate(argument) for argument in get_args(annotation)))
        if origin is tuple:
            return tuple[self._translate(get_args(annotation)[0]), ...]  # type: ignore[misc]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.struct(annotation)
        return annotation


def _decoder(events: dict[type[BaseModel], type[msgspec.Struct]]) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(Union[tuple(events.values())]).decode  # noqa: UP007


# A few thousand addresses send everything, and matching four patterns takes longer than reading all else.
# So an event is read without them, and its address is looked up among those that matched before, each
# other and their patterns.
_address = attrgetter("source", "partitionkey", "data.org", "data.site")
_matched: set[tuple[str, ...]] = set()
_MOST_MATCHED = 50_000

_structs = _Structs().events()
_quick_structs = _Structs(frozenset({"source", "partitionkey", "org", "site"})).events()
_decode = _decoder(_structs)
_decode_quick = _decoder(_quick_structs)
_wrong_times = Envelope.wrong_times
_by_struct = {
    structs[model]: (name, model.model_fields["data"].annotation.problem)  # type: ignore[union-attr]
    for name, model in EVENT_MODELS.items()
    for structs in (_structs, _quick_structs)
}


def decode(value: bytes, headers: Headers = ()) -> Any:
    """Decode one event, structured or binary.

    Returns:
        An object with the attributes of the event's pydantic model; `event_type(it)` names its type.

    Raises:
        RefusedError: with every problem found, by field, and no value quoted.
    """
    if headers:
        try:
            value = structured(value, headers)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            of_value = isinstance(error, msgspec.MsgspecError | RecursionError)
            problem = "value: is not one JSON value" if of_value else str(error)
            raise RefusedError(Refusal("binary_mode", (problem,))) from None
    try:
        event = _decode_quick(value)
        if _address(event) not in _matched:
            event = _decode(value)
            if Envelope.violation(event) is not None:
                return _second_reading(value)
            _remember(_address(event))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _second_reading(value)
    if _wrong_times(event) or _by_struct[type(event)][1](event.data):
        return _second_reading(value)
    return event


def _remember(address: tuple[str, ...]) -> None:
    if len(_matched) >= _MOST_MATCHED:
        _matched.clear()
    _matched.add(address)


def event_type(event: Any) -> str:
    """Give the full event type of a decoded event."""
    return _by_struct[type(event)][0]


def _second_reading(value: bytes) -> Any:
    """Let the models decide: they explain a refusal, and what they accept is accepted (a repeated key)."""
    model = parse(value)
    return msgspec.convert(model.model_dump(), _structs[type(model)])


def parse(value: bytes) -> Envelope:
    """Validate one structured event with its pydantic model: the slow, explaining way.

    Raises:
        RefusedError: with every problem found, by field, and no value quoted.
    """
    try:
        head = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(Refusal("not_json", (f"the value is not JSON text: {error}",))) from None
    if not isinstance(head, dict):
        raise RefusedError(Refusal("not_json", ("the value is JSON but not an object",)))
    model = EVENT_MODELS.get(head["type"]) if isinstance(head.get("type"), str) else None
    if model is None:
        known = ", ".join(EVENT_MODELS)
        raise RefusedError(Refusal("unknown_type", (f"type: missing or not one of {known}",)))
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        errors = error.errors()
        reason: Literal["invalid", "identifier"] = "invalid"
        if any(one["type"] == IDENTIFIER for one in errors):
            reason = "identifier"
        raise RefusedError(Refusal(reason, tuple(map(_problem, errors)))) from None


def _problem(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
