"""A msgspec decoder for the hot path, derived from the pydantic models, and the explanation of a refusal.

`decode` accepts exactly what the models accept and gives objects with the same attributes and values
(property tests hold it to that). Structs are derived, so a field is written once. A refusal costs a
second reading by pydantic, which explains it field by field and never quotes a value.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import islice
from operator import attrgetter, or_
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints, ValidationError

from schemas import guard
from schemas.common import IDENTIFIER, Amount, OpaqueKey, Record
from schemas.envelope import EVENT_MODELS, RECORDS, Envelope, Headers, structured
from schemas.withholding import FIELDS, conforms, fields, has_only_known_words

T = TypeVar("T")


Reason = Literal["not_json", "unknown_type", "invalid", "identifier", "binary_mode"]


class Refusal(msgspec.Struct, frozen=True):
    """Why an event was refused: a short reason for counting, and a problem a field for the publisher.

    `withheld`: something in it could name a person, so nothing of it may be copied.
    """

    reason: Reason
    problems: tuple[str, ...]
    withheld: bool = False

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


class _Kind(NamedTuple):
    """What is known of one struct: its event type, its rules, and how its texts are checked.

    Attributes:
        name: full event type.
        problem: the record's rules between fields.
        key: reads the publisher's key of a record; None for records without one.
        codes: reads the texts of a record that have few different values.
        known: those that have matched their patterns before, and identify nobody.
        plain: whether an identifier has no place in the rest of the record, but for the version.
    """

    name: str
    problem: Callable[[Any], str | None]
    key: Callable[[Any], str] | None
    codes: Callable[[Any], Any]
    known: set[Any]
    plain: bool


def _kind(name: str, model: type[Envelope]) -> _Kind:
    record: Any = model.model_fields["data"].annotation
    texts = _patterned(record)
    key = next((one for one, hint in texts.items() if hint == OpaqueKey), None)
    codes = [one for one in texts if one not in (key, "org", "site")]
    hints = get_type_hints(record, include_extras=True)
    rest = [one for one in record.model_fields if one not in texts and one != "version"]
    return _Kind(
        name,
        record.problem,
        attrgetter(key) if key else None,
        attrgetter(*codes) if codes else lambda _record: None,
        set(),
        not any(can_identify(hints[one]) for one in rest),
    )


def _patterned(record: type[BaseModel]) -> dict[str, Any]:
    """Give the fields of a record that are one text with a pattern, or none, with their annotation."""
    hints = get_type_hints(record, include_extras=True)
    return {name: hint for name, hint in hints.items() if name in record.model_fields and _has_pattern(hint)}


def _has_pattern(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return any(isinstance(one, StringConstraints) for one in get_args(hint))
    return [_has_pattern(one) for one in get_args(hint) if one is not type(None)] == [True]


def can_identify(hint: Any) -> bool:
    """Whether a value of an annotated field can be an NHS number or hold an identifier."""
    if get_origin(hint) is Annotated and get_args(hint)[0] is int:
        bounds = _meta(get_args(hint)[1:], int)[0]
        short = range(1 - guard.LEAST_NUMBER, guard.LEAST_NUMBER)
        return bounds.ge not in short or bounds.le not in short
    if get_origin(hint) is Literal:
        return any(isinstance(one, str) and guard.identifier_in(one) for one in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        inner = get_type_hints(hint, include_extras=True)
        return any(can_identify(inner[name]) for name in hint.model_fields)
    return hint in (str, int, float) or any(map(can_identify, get_args(hint)))


def _is_amount(hint: Any) -> bool:
    return hint in (Amount, Amount | None)


# Matching its patterns takes longer than reading all else of an event. So it is read without them: where
# it comes from and its codes are looked up among those that matched before, and its identifiers are held
# to something stricter than their patterns. Whatever is not found to match is read again, with patterns.
_MOST_KNOWN = 50_000
_MOST_PLACES = 20
"""Places of identifiers in one event that its refusal names."""
_LONGEST_ID, _LONGEST_KEY = 128, 64
_UNCHECKED = {"source", "partitionkey", "id"}.union(*map(_patterned, RECORDS.values()))
_structs = _Structs().events()
_quick_structs = _Structs(frozenset(_UNCHECKED)).events()
_kinds = {model: _kind(name, model) for name, model in EVENT_MODELS.items()}
_by_struct = {
    structs[model]: kind for model, kind in _kinds.items() for structs in (_structs, _quick_structs)
}
_decode = _decoder(_structs)
_decode_quick = _decoder(_quick_structs)
_wrong_times = Envelope.wrong_times
_AMOUNTS = frozenset(
    name for model in EVENT_MODELS.values() for name, hint in fields(model) if _is_amount(hint)
)
_AMOUNT_FORMS = ("constrained-int", "constrained-str")
_AMOUNT = 'a whole number of at most 15 digits, or text with decimals such as "1250.50"'
_optional_texts = attrgetter("subject", "sequence", "dataschema")
"""Reads the texts of an envelope that are rarely there; of the others none has room for an identifier."""

Address = tuple[str, str, str, str, str | None, bool]
"""Where an event comes from and what it is: its type, `source`, `partitionkey`, organisation and site of the
record, and whether it is synthetic."""

_addresses: set[Address] = set()


def _matches(event: Any, record: Any, kind: _Kind) -> bool:
    """Whether the identifiers and codes of an event, read without patterns, are known to match them."""
    identifier = event.id
    if not (
        identifier.isascii()
        and identifier.isprintable()
        and " " not in identifier
        and 0 < len(identifier) <= _LONGEST_ID
        and kind.codes(record) in kind.known
    ):
        return False
    if kind.key is None:
        return True
    key = kind.key(record)
    bare = key if key.isalnum() else key.replace("-", "")
    return bare.isalnum() and bare.isascii() and not bare.isdigit() and len(key) <= _LONGEST_KEY


def _remember(address: Address, kind: _Kind, codes: Any) -> None:
    for known, one in ((_addresses, address), (kind.known, codes)):
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known.add(one)


def decode(value: bytes, headers: Headers = ()) -> Any:
    """Decode one event, structured or binary.

    Returns:
        An object with the attributes of the event's pydantic model; `event_type(it)` names its type.

    Raises:
        RefusedError: with every problem found, by field, and no value quoted.
    """
    return read(value, headers, {})[0]


def read(value: bytes, headers: Headers, known: Mapping[Address, T]) -> tuple[Any, Address, T | None]:
    """Decode one event as `decode` does, and look up where it comes from.

    Args:
        value: of the record.
        headers: of the record.
        known: what the caller knows of addresses, all of them of events that were decoded before.

    Returns:
        The event, its address, and what is known of that; None when it is not among `known`.

    Raises:
        RefusedError: with every problem found, by field, and no value quoted.
    """
    if headers:
        value = _in_structured_mode(value, headers)
    try:
        event = _decode_quick(value)
        record, kind = event.data, _by_struct[event.__class__]
        address = (
            kind.name,
            event.source,
            event.partitionkey,
            record.org,
            record.site,
            event.synthetic,
        )
        found = known.get(address)
        if (found is None and address not in _addresses) or not _matches(event, record, kind):
            event = _decode(value)
            record = event.data
            if Envelope.violation(event) is not None or guard.identifier_among(value):
                return _second_reading(value)
            _remember(address, kind, kind.codes(record))
        elif _may_identify(event) if kind.plain else guard.identifier_among(value):
            return _second_reading(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _second_reading(value)
    if _wrong_times(event) or kind.problem(record):
        return _second_reading(value)
    return event, address, found


def _may_identify(event: Any) -> bool:
    """Whether an identifier may stand in an event of a plain kind whose address and codes are known.

    Those were looked at when they were remembered; what is found here is for the models to decide.
    """
    record, kind = event.data, _by_struct[event.__class__]
    version = record.version
    if version is not None and version >= guard.LEAST_NUMBER and guard.is_identifier(version):
        return True
    lines = f"{event.id}\n{kind.key(record)}" if kind.key else event.id
    if event.subject or event.sequence or event.dataschema:
        lines = "\n".join((lines, *filter(None, _optional_texts(event))))
    return guard.identifier_in_lines(lines) is not None


def read_all(values: Sequence[bytes], known: Mapping[Address, T]) -> list[tuple[Any, T] | None]:
    """Decode a batch of events in structured mode, less for each than `read` does one by one.

    Args:
        values: of the records.
        known: as in `read`.

    Returns:
        For each value the event and what is known of its address. None for one that `read` has to take: it is
        not known, or not plainly right. One value that is no event is enough to give None for all.
    """
    try:
        events = [_decode_quick(value) for value in values]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [None] * len(values)
    found: list[tuple[Any, T] | None] = []
    keys: list[str] = []
    others: list[str] = []
    for event in events:
        record, kind = event.data, _by_struct[event.__class__]
        what = known.get(
            (kind.name, event.source, event.partitionkey, record.org, record.site, event.synthetic)
        )
        version = record.version
        if (
            what is None
            or kind.key is None
            or not kind.plain
            or kind.codes(record) not in kind.known
            or _wrong_times(event)
            or kind.problem(record)
            or (version is not None and version >= guard.LEAST_NUMBER and guard.is_identifier(version))
        ):
            found.append(None)
        else:
            keys.append(kind.key(record))
            if event.subject or event.sequence or event.dataschema:
                others.extend(filter(None, _optional_texts(event)))
            found.append((event, what))
    ids = [event.id for event in events]
    if not (_are_identifiers(ids) and _are_keys(keys)):
        return [None] * len(values)
    if guard.identifier_in_lines("\n".join([*ids, *keys, *others])):
        return [None if one is None or _may_identify(one[0]) else one for one in found]
    return found


def _are_identifiers(texts: list[str]) -> bool:
    """Whether each is 1 to 128 printable characters, none of them a space."""
    text = "".join(texts)
    return (
        text.isascii()
        and text.isprintable()
        and " " not in text
        and all(texts)
        and len(max(texts, key=len, default="")) <= _LONGEST_ID
    )


def _are_keys(keys: list[str]) -> bool:
    """Whether each is up to 64 letters and digits, dashes aside, and not digits alone."""
    bare = "\n".join(keys).replace("-", "").split("\n") if keys else []
    return (
        len(bare) == len(keys)
        and all(map(str.isalnum, bare))
        and not any(map(str.isdigit, bare))
        and "".join(bare).isascii()
        and len(max(keys, key=len, default="")) <= _LONGEST_KEY
    )


def _in_structured_mode(value: bytes, headers: Headers) -> bytes:
    for number, (name, text) in enumerate(headers, 1):
        if kind := guard.identifier_among(b"%b\n%b" % (name.encode(), text or b"")):
            raise RefusedError(Refusal(IDENTIFIER, (f"header {number}: holds what passes as {kind}",), True))
    try:
        return structured(value, headers)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        of_value = isinstance(error, msgspec.MsgspecError | RecursionError)
        problem = "value: is not one JSON value" if of_value else str(error)
        raise RefusedError(_unread("binary_mode", value, problem)) from None


def event_type(event: Any) -> str:
    """Give the full event type of a decoded event."""
    name: str = _by_struct[type(event)].name
    return name


def _second_reading(value: bytes) -> tuple[Any, Address, None]:
    """Let the models decide: they explain a refusal, and what they accept is accepted (a repeated key)."""
    model = parse(value)
    event: Any = msgspec.convert(model.model_dump(), _structs[type(model)])
    record = event.data
    where = (event.source, event.partitionkey, record.org, record.site, event.synthetic)
    return event, (event_type(event), *where), None


def parse(value: bytes) -> Envelope:
    """Validate one structured event with its pydantic model, and the guard: the slow, explaining way.

    Raises:
        RefusedError: with every problem found, by field, and no value quoted.
    """
    try:
        head = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(_unread("not_json", value, f"the value is not JSON text: {error}")) from None
    found = tuple(_found(head))
    if not isinstance(head, dict):
        raise RefusedError(_refusal("not_json", head, found, ["the value is JSON but not an object"]))
    model = EVENT_MODELS.get(head["type"]) if isinstance(head.get("type"), str) else None
    if model is None:
        known = ", ".join(EVENT_MODELS)
        raise RefusedError(_refusal("unknown_type", head, found, [f"type: missing or not one of {known}"]))
    try:
        event = model.model_validate_json(value)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_context=False, include_url=False)
        reason: Reason = "invalid"
        if any(one["type"] == IDENTIFIER for one in errors):
            reason = IDENTIFIER
        raise RefusedError(_refusal(reason, head, found, _problems(head, errors))) from None
    if found:
        raise RefusedError(_refusal(IDENTIFIER, head, found, []))
    return event


def _refusal(reason: Reason, document: Any, found: tuple[str, ...], problems: Sequence[str]) -> Refusal:
    """Make the refusal of a JSON document in which the guard found something, or nothing."""
    reason = IDENTIFIER if found else reason
    withheld = reason == IDENTIFIER or not conforms(document)
    return Refusal(reason, (*found, *problems), withheld)


def _unread(reason: Reason, value: bytes, problem: str) -> Refusal:
    """Make the refusal of bytes that cannot be read field by field."""
    kind = guard.identifier_among(value)
    found = (f"the value holds what passes as {kind}",) if kind else ()
    withheld = bool(found) or reason == "binary_mode" or not has_only_known_words(value)
    return Refusal(IDENTIFIER if found else reason, (*found, problem), withheld)


def _found(document: Any) -> Iterator[str]:
    """Say where the guard found something, the first places only."""
    for place, kind in islice(guard.identifiers(document, _AMOUNTS), _MOST_PLACES):
        yield f"{_named(document, place) or 'the value'}: holds what passes as {kind}"


def _problems(document: Any, errors: Sequence[Any]) -> list[str]:
    """Say what is wrong, each once: an amount that is of neither of its two forms has an error of each."""
    return list(dict.fromkeys(_problem(document, one) for one in errors))


def _problem(document: Any, error: Any) -> str:
    place, message = error["loc"], error["msg"].removeprefix("Value error, ")
    if place and place[-1] in _AMOUNT_FORMS:
        place, message = place[:-1], _AMOUNT
    where = _named(document, place)
    return f"{where}: {message}" if where else message


def _named(document: Any, place: Sequence[str | int]) -> str:
    """Name a place; a field that the contract does not know by its number, as its name is from outside."""
    names = []
    for step in place:
        inside = document if isinstance(document, dict) else {}
        if step in inside and step not in FIELDS:
            names.append(f"(field {list(inside).index(step) + 1})")
        else:
            names.append(str(step))
        try:
            document = document[step]
        except (LookupError, TypeError):
            document = None
    return ".".join(names)
