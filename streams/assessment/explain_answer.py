"""What is asked of a change, and the answer: a figure before and after, and the parts of its change."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import msgspec

from streams.assessment.explain_mix import Member
from streams.assessment.rows import UNSTRATIFIED, Strata
from streams.catalogue import Catalogue, Indicator
from streams.engine.windows import NOW
from streams.errors import ConfigurationError


class Part(msgspec.Struct, frozen=True):
    """The part of a change that has one reason, or several small ones (`reason` "together", named in `of`).

    `records` is None for closed days and where it would be smaller than may be shown; the amounts are None
    for a gap, `value` where a side has no value.
    """

    reason: str
    of: tuple[str, ...]
    records: int | None
    numerator: Fraction | None
    denominator: Fraction | None
    value: Fraction | None


class Side(msgspec.Struct, frozen=True):
    """What was shown at a moment. Bounds are civil days, of windows of hours instants; None: no window."""

    moment_ms: int
    start: date | datetime | None
    end: date | datetime | None
    numerator: Fraction | None
    denominator: Fraction | None
    value: Fraction | None
    flags: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True):
    """A change and its parts; `rate`, `mix` and `members` of roll-ups only, `strata_of` of a gap only."""

    indicator: str
    unit: str
    org: str
    level: str
    window: str
    basis: str
    strata: Strata
    older: Side
    newer: Side
    change: Fraction | None
    parts: tuple[Part, ...]
    rate: Fraction | None = None
    mix: Fraction | None = None
    members: tuple[Member, ...] = ()
    strata_of: tuple[Explanation, ...] = ()
    notes: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """What is asked; window and basis are chosen where they are left out.

    `smallest`: reasons of fewer records are shown together. Left out it is as on the board behind its login:
    every figure as it is, but of a stratum or a site nothing about 1 to 7 (docs/explain.md); what the board
    hides is not explained. 1 hides nothing.
    """

    indicator: str
    org: str
    window: str | None = None
    basis: str | None = None
    strata: Strata = UNSTRATIFIED
    smallest: int | None = None


def base_of(catalogue: Catalogue, question: Question) -> Indicator:
    """Give the indicator whose contributions are asked about: of a gap, the one it compares.

    Raises:
        ConfigurationError: when there is no such indicator or stratum, or its change has no parts.
    """
    indicator = catalogue.indicators.get(question.indicator)
    if indicator is None:
        raise ConfigurationError(f"no indicator {question.indicator!r}: `oversight catalogue` lists them")
    if {*indicator.windows} == {NOW} or question.window == NOW:
        raise ConfigurationError(
            f"{indicator.id}: what is so at this moment changes with time alone, so that its change has no"
            " parts; explain a window of hours or days instead"
        )
    if indicator.gap is not None and indicator.kind == "gap":
        if question.strata != UNSTRATIFIED:
            raise ConfigurationError(f"{indicator.id} is a gap between two strata: leave --stratum out")
        return catalogue.indicators[indicator.gap.of]
    if indicator.kind == "share_of_plan":
        raise ConfigurationError(
            f"{indicator.id} is a share of a declared plan, which no record changes: explain a count or a sum"
            " of the same records instead"
        )
    if indicator.kind not in ("ratio", "mean", "count"):
        raise ConfigurationError(
            f"{indicator.id} is a {indicator.kind}: one record can move it by anything or nothing, so its"
            " change is no sum of parts; explain a mean or a share of the same events instead"
        )
    dimension = question.strata[0]
    if dimension and dimension not in indicator.strata:
        known = ", ".join(indicator.strata) or "none"
        raise ConfigurationError(f"{indicator.id} is not stratified by {dimension!r}: it has {known}")
    return indicator
