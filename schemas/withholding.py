"""What of a refused record may be copied: what the contract could hold under the names that it stands under.

A name or free text cannot be told by its look. But the contract has no field for them: where every name and
text of a record is such as the contract knows, there is none, and where one is not, nothing is copied.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from pydantic import BaseModel, StringConstraints

from schemas.envelope import EVENT_MODELS

_FIGURES = re.compile(r"[0-9TtZz:.,+-]{1,40}")
"""Instants, dates and numbers, well written or not."""
_TYPE = re.compile(r"uk\.nhs\.[a-z0-9_.]{1,100}\.v[0-9]{1,3}")
"""A type of event, of a later contract too."""
_WORD = re.compile(r"[^\W_]+")


def forms_of(hint: Any) -> Iterator[re.Pattern[str]]:
    """Give the forms that a field's text may have."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        for one in inner[1:]:
            if isinstance(one, StringConstraints) and one.pattern:
                yield re.compile(one.pattern)
        inner = inner[:1]
    if origin is Literal:
        yield from (re.compile(re.escape(one)) for one in inner if isinstance(one, str))
    else:
        for one in inner:
            yield from forms_of(one)


def fields(hint: Any) -> Iterator[tuple[str, Any]]:
    """Give name and annotation of every field of the models that an annotation names."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        hints = get_type_hints(hint, include_extras=True)
        for name in hint.model_fields:
            yield name, hints[name]
            yield from fields(hints[name])
    for one in get_args(hint):
        yield from fields(one)


def _all_forms() -> dict[str, set[re.Pattern[str]]]:
    forms: dict[str, set[re.Pattern[str]]] = defaultdict(set)
    for model in EVENT_MODELS.values():
        for name, hint in fields(model):
            forms[name].update(forms_of(hint))
    forms["type"].add(_TYPE)
    return dict(forms)


_FORMS = _all_forms()
FIELDS = frozenset(_FORMS)
"""Every field name of the contract."""


def _words(text: str) -> Iterator[str]:
    """Give the words of a text that hold no digit and are no single letter."""
    for found in _WORD.finditer(text):
        if len(found[0]) > 1 and not any(map(str.isdigit, found[0])):
            yield found[0].lower()


_KNOWN_WORDS = frozenset(
    word
    for name, forms in _FORMS.items()
    for text in (
        name,
        *EVENT_MODELS,
        "true false null",
        *(one.pattern for one in forms if one.pattern.isalpha()),
    )
    for word in _words(text)
)


def conforms(document: Any) -> bool:
    """Whether all names and texts of a decoded JSON document are such as the contract has them."""
    left: list[tuple[str, Any]] = [("", document)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            if not value.keys() <= FIELDS:
                return False
            left.extend(value.items())
        elif isinstance(value, list):
            left.extend((name, inner) for inner in value)
        elif isinstance(value, str) and not _fits(name, value):
            return False
    return True


def _fits(name: str, text: str) -> bool:
    if _FIGURES.fullmatch(text):
        return True
    return any(form.fullmatch(text) for form in _FORMS.get(name, ()))


def has_only_known_words(value: bytes) -> bool:
    """Whether bytes that are no JSON are text all of whose words are the contract's, or hold a digit."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    if any(not (one.isprintable() or one.isspace()) for one in text):
        return False
    return all(word in _KNOWN_WORDS for word in _words(text))


def repeats_a_name(value: bytes) -> bool:
    """Whether an object in JSON text has a name twice: nobody has looked at the first value.

    A quotation mark written by its number may be taken for that too; what is no JSON has no names.
    """
    try:
        read = msgspec.json.encode(msgspec.json.decode(value))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return value.count(b'"') != read.count(b'"')
