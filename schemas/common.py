r"""Types that every event family shares: codes, keys, instants, amounts and the base of a record.

Constraints are written once, with pydantic and annotated-types; `schemas.fast` translates them for msgspec.
Patterns end in `$(?!\n)` because `$` alone also matches before a final line feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

import msgspec
from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

SKEW_SECONDS = 300
"""How far a publisher's clock may be wrong: `recordedtime` may precede `time` by this much."""

MAX_VERSION = 2**63 - 1

EARLIEST_YEAR, LATEST_YEAR = 1990, 2100
"""Years in which a record's dates may lie: from the first to before the second."""


def _parse_instant(value: Any) -> Any:
    """Read an RFC 3339 instant with an offset exactly as the fast decoder does."""
    if not isinstance(value, str):
        return value
    try:
        instant = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        raise ValueError("is not an RFC 3339 instant such as 2026-01-31T08:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError("has no offset: send UTC (Z) or +00:00/+01:00; local time without one is ambiguous")
    return instant


def _parse_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.convert(value, date)
    except msgspec.ValidationError:
        raise ValueError("is not a date such as 2026-01-31") from None


IDENTIFIER: Final = "identifier"
"""Kind of problem, and reason of a refusal: a value that could identify a person is not kept anywhere."""


def _explain_digits(value: Any) -> Any:
    """Refuse digits however they are written: 4857773456 as a number, 485-777-3456, 485 777 3456."""
    if isinstance(value, int | float) or (isinstance(value, str) and _is_digits(value)):
        raise PydanticCustomError(
            IDENTIFIER, "an opaque key must contain a letter: a key of digits alone could be an NHS number"
        )
    return value


def _is_digits(text: str) -> bool:
    return any(map(str.isdigit, text)) and not any(map(str.isalpha, text))


Instant = Annotated[datetime, BeforeValidator(_parse_instant)]
"""A moment with its offset from UTC, RFC 3339; naive local times are refused."""

CivilDate = Annotated[date, BeforeValidator(_parse_date)]
"""A calendar date in Europe/London."""

OdsCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,10}$(?!\n)")]
"""An organisation or site code of the Organisation Data Service; no meaning is read from its letters."""

OpaqueKey = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9._:-]*[A-Za-z][A-Za-z0-9._:-]*$(?!\n)", max_length=64),
    BeforeValidator(_explain_digits),
]
"""A publisher's pseudonymous key for one episode. It contains a letter and means nothing elsewhere."""

Version = Annotated[int, Ge(0), Le(MAX_VERSION)]
Count = Annotated[int, Ge(0), Le(10_000_000)]
"""A number of patients, beds, cases or pathways."""

Amount = (
    Annotated[int, Ge(-(10**15)), Le(10**15)]
    | Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}\.[0-9]{1,6}$(?!\n)")]
)
"""An exact amount: a whole number, or text with up to six decimals ("1250.50"), never a binary fraction."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$(?!\n)")]
TreatmentFunction = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$(?!\n)")]
ETHNIC_GROUP = r"^[A-Z0-9]{1,2}$(?!\n)"
EthnicGroup = Annotated[str, StringConstraints(pattern=ETHNIC_GROUP)]
"""A national code, and at most one character of local use (NHS Data Dictionary, ETHNIC CATEGORY, an2)."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$(?!\n)")]
StratumValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+_-]{1,16}$(?!\n)")]
Dimension = Literal["imd_quintile", "ethnic_group", "sex", "age_band"]
ImdQuintile = Literal[1, 2, 3, 4, 5]
"""Quintile of the Index of Multiple Deprivation of the home area, derived at source; 1 is most deprived."""
AgeBand = Literal["0-17", "18-24", "25-44", "45-64", "65-74", "75-84", "85+"]
Sex = Literal["female", "male", "indeterminate", "not_known"]
CouncilCode = Annotated[str, StringConstraints(pattern=r"^E[0-9]{8}$(?!\n)")]
"""ONS code of the upper-tier council of residence."""


_STRATA = {
    "imd_quintile": re.compile("|".join(map(str, get_args(ImdQuintile)))),
    "ethnic_group": re.compile(ETHNIC_GROUP),
    "sex": re.compile("|".join(get_args(Sex))),
    "age_band": re.compile("|".join(map(re.escape, get_args(AgeBand)))),
}


def is_stratum(dimension: str, value: str) -> bool:
    """Whether a reported stratum has a value of its dimension; each may say that it is not known."""
    return value in ("unknown", "not_known") or _STRATA[dimension].fullmatch(value) is not None


class Strict(BaseModel):
    """Strict, frozen, and no field that the contract does not name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", regex_engine="python-re")


class Record(Strict):
    """What every `data` object has: whose it is, which version, whether it is withdrawn.

    A record is always the whole record. A higher `version` replaces a lower one of the same identity;
    where a publisher has no version the envelope's `recordedtime` in microseconds stands in.
    `retracted` withdraws the record: it then counts nowhere, until a higher version without it.
    """

    dated: ClassVar[tuple[str, ...]] = ()
    dates: ClassVar[Callable[[Any], tuple[date | None, ...]]] = lambda _record: ()
    """Reads the fields that `dated` names."""
    attribution: ClassVar[str] = ""
    """The field (or rule) that decides to which day the record belongs, and whether it is late."""

    org: OdsCode = Field(description="ODS code of the trust or provider the record is about")
    site: OdsCode | None = Field(default=None, description="ODS code of the site, where known")
    version: Version | None = None
    retracted: bool = False

    @staticmethod
    def violation(record: Any) -> str | None:
        """Say which rule between fields `record` breaks, or None.

        The same function judges the pydantic model and the fast decoder's struct.
        """
        del record
        return None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (problem := type(self).problem(self)) is not None:
            raise ValueError(problem)
        return self

    @classmethod
    def problem(cls, record: Any) -> str | None:
        """Give the field that holds an implausible date, or what `violation` gives.

        1900-01-01 and 1970-01-01 stand for "unknown" in many systems; one of them would ruin every mean.
        """
        dates = cls.dates(record)
        for when in dates:
            if when is not None and not EARLIEST_YEAR <= when.year < LATEST_YEAR:
                name = cls.dated[dates.index(when)]
                return f"{name}: not between {EARLIEST_YEAR} and {LATEST_YEAR}: a placeholder?"
        return cls.violation(record)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the fields that hold a date or an instant."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.dated = tuple(name for name, field in cls.model_fields.items() if _holds_a_date(field.annotation))
        cls.dates = _reader(cls.dated)


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def _holds_a_date(annotation: Any) -> bool:
    return annotation in (date, datetime) or any(_holds_a_date(part) for part in get_args(annotation))


class Person(Record):
    """A record about one person's episode; strata are derived at source and optional."""

    imd_quintile: ImdQuintile | None = None
    ethnic_group: EthnicGroup | None = None
    sex: Sex | None = None
    age_band: AgeBand | None = None
