"""docs/fields.md: every field of the contract, what it admits, whether the identifier guard looks at it."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le
from pydantic import BaseModel, StringConstraints

from schemas.common import Amount, StratumValue
from schemas.envelope import RECORDS, Envelope, family_of
from schemas.fast import can_identify
from schemas.withholding import forms_of

_SURNAMES = ("Smith", "SMITH", "smith", "smith-1", "/ods/RJ1/smith", "urn:smith")
_FEW = 8
_PAGE = """\
# Fields of the contract

{note}*Looked at*: the identifier guard ([Privacy](privacy.md)) looks at it in every event, or when its value
is new; elsewhere there is no room for an identifier. *Room for a name*: a surname would fit, so a machine or
a list has to make what is sent.

| field | of | admits | looked at | room for a name |
| --- | --- | --- | --- | --- |
"""


def fields_page(note: str) -> str:
    """Give docs/fields.md.

    Args:
        note: that the page is generated.
    """
    found: dict[tuple[str, str, bool, bool], set[str]] = defaultdict(set)
    for of, model in _models():
        for name, hint in get_type_hints(model, include_extras=True).items():
            if name not in model.model_fields:
                continue
            found[name, _admits(hint), can_identify(hint), _admits_a_name(hint)].add(of)
    rows = (
        f"| `{name}` | {_where(of)} | {admits} | {_yes(looked_at)} | {_yes(named)} |\n"
        for (name, admits, looked_at, named), of in found.items()
    )
    return _PAGE.format(note=note) + "".join(rows)


def _models() -> list[tuple[str, type[BaseModel]]]:
    records = [(family_of(suffix), record) for suffix, record in RECORDS.items()]
    inner = [
        (of, model)
        for of, record in records
        for field in record.model_fields.values()
        for model in _inside(field.annotation)
    ]
    return [("envelope", Envelope), *records, *inner]


def _inside(hint: Any) -> list[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [model for one in get_args(hint) for model in _inside(one)]


def _admits_a_name(hint: Any) -> bool:
    """Whether a surname fits the field; of a stratum, a rule between fields checks the value."""
    return hint != StratumValue and any(form.fullmatch(one) for form in forms_of(hint) for one in _SURNAMES)


def _where(of: set[str]) -> str:
    if len(of) == len(RECORDS):
        return "every record"
    return ", ".join(sorted(of))


def _yes(answer: bool) -> str:
    return "yes" if answer else ""


def _admits(hint: Any) -> str:
    """Say in a few words what a field's annotation admits."""
    inner = [one for one in get_args(hint) if one is not NoneType]
    if hint in (Amount, Amount | None):
        return "a whole number, or decimal text"
    if hint == StratumValue:
        return "a value of its dimension, `unknown`, `not_known`"
    match get_origin(hint):
        case origin if origin is Annotated:
            return _annotated(inner[0], inner[1:])
        case origin if origin is Literal:
            texts = [str(one) for one in inner]
            return ", ".join(texts) if len(texts) <= _FEW else f"one of {len(texts)} words"
        case origin if origin is tuple:
            return f"a list of {_admits(inner[0])}"
        case None:
            return _plain(hint)
        case _:
            return " or ".join(_admits(one) for one in inner)


def _annotated(base: Any, constraints: list[Any]) -> str:
    for one in constraints:
        if isinstance(one, StringConstraints):
            pattern = str(one.pattern).removesuffix("(?!\\n)").removeprefix("^").removesuffix("$")
            return f"`{pattern}`".replace("|", "\\|")
    bounds = [f"{one.ge:,}" for one in constraints if isinstance(one, Ge)]
    bounds += [f"{one.le:,}" for one in constraints if isinstance(one, Le)]
    return f"{_admits(base)} {' to '.join(bounds)}".strip()


def _plain(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return re.sub(r"(?<!^)(?=[A-Z])", " ", hint.__name__).lower()
    names = {
        datetime: "an instant",
        date: "a date",
        bool: "true or false",
        int: "a whole number",
        str: "text",
    }
    return names[hint]
