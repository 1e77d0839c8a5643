"""What the engine, the naive oracle and the SQL oracle are compared by: a log, questions, figures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One record of the log: its partition, when the broker appended it (epoch ms), and the event."""

    partition: int
    append_ms: int
    event: dict[str, Any]


class Ask(NamedTuple):
    """A look at the board after the first `after` records, at `now_ms`; never before the last append."""

    after: int
    now_ms: int


@dataclass(frozen=True)
class Rules:
    """The settings that the rules of the engine depend on."""

    horizon_days: int
    open_days: int
    planned_days: int
    skew_seconds: int = 300


class Declared(NamedTuple):
    """An indicator over one stream of records, with the windows that both can fill.

    One that compares strata names the indicator `of` which, and the two.
    """

    indicator: str
    stream: str
    windows: tuple[str, ...]
    strata: tuple[str, ...]
    of: str = ""
    compared: tuple[str, str] = ("", "")
    relative: bool = False


class Key(NamedTuple):
    """What one figure is of; bounds are ISO dates, or epoch seconds for windows of hours."""

    indicator: str
    level: str
    org: str
    window: str
    start: str
    end: str
    dimension: str
    value: str
    basis: str


class Figure(NamedTuple):
    """Numerator and denominator in the indicator's unit, and the value; None where there is none."""

    numerator: Fraction | None
    denominator: Fraction | None
    value: Fraction | None


Board = dict[Key, Figure]
