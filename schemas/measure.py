"""Reported measures: periodic figures as numerator and denominator."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen
from pydantic import Field

from schemas.common import Amount, CivilDate, Dimension, Record, Slug, StratumValue, Strict
from schemas.rtt import wrong_stratum


class StratumAmount(Strict):
    """Numerator and denominator of one stratum."""

    dimension: Dimension
    value: StratumValue
    numerator: Amount | None
    denominator: Amount | None = None


class PeerFigures(Strict):
    """What a publication says of an organisation's peers beside its figure, in the figure's own unit."""

    median: Amount | None = None
    lower_quartile: Amount | None = None
    upper_quartile: Amount | None = None
    rank: Amount | None = None


class MeasureReport(Record):
    """One measure of one organisation over one period; the carrier of finance, workforce, population health.

    A report replaces the earlier one of the same (source, measure, organisation, period) whole, strata
    included. Attribution: the period [period_start, period_end), Europe/London civil dates. The measure
    must be declared in the catalogue, which also says how long its periods are. Both parts null means
    that the organisation made no return for the period.
    """

    attribution: ClassVar[str] = "period_start"

    measure: Slug
    period_start: CivilDate
    period_end: CivilDate = Field(description="exclusive")
    numerator: Amount | None
    denominator: Amount | None = Field(default=None, description="absent for a plain count")
    strata: Annotated[tuple[StratumAmount, ...], MaxLen(200)] = ()
    peers: PeerFigures | None = Field(default=None, description="for a measure declared as published")
    publication: Slug | None = Field(
        default=None, description="name of the official publication; accepted from configured sources only"
    )

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check the period, that denominators are not negative, and that a stratum is named once."""
        if record.period_end <= record.period_start:
            return "period_end: must be after period_start"
        if is_negative(record.denominator):
            return "denominator: negative"
        for number, stratum in enumerate(record.strata):
            if is_negative(stratum.denominator):
                return f"strata.{number}.denominator: negative"
        return wrong_stratum(record.strata)


def is_negative(amount: Any) -> bool:
    """Whether an amount (whole number, decimal text or None) is below zero."""
    return amount is not None and (amount.startswith("-") if isinstance(amount, str) else amount < 0)
