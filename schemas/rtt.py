"""Referral to treatment: the census of incomplete pathways."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import MaxLen, MinLen

from schemas.common import CivilDate, Count, Dimension, Record, Slug, StratumValue, Strict, is_stratum

WEEK_BANDS = 105
"""Bands: element i counts waits of more than i up to i+1 weeks; the last, more than 104 weeks."""

Bands = Annotated[tuple[Count, ...], MinLen(WEEK_BANDS), MaxLen(WEEK_BANDS)]

SUNDAY = 6


class StratumBands(Strict):
    """The pathways of one stratum, by week band."""

    dimension: Dimension
    value: StratumValue
    bands: Bands


class RttCensus(Record):
    """Incomplete pathways of a provider at a census, all treatment functions together (C_999).

    Attribution: the period that ends with `census_date`: a month for the month-end census, a week for the
    weekly one as at Sunday. A census replaces the earlier one of the same period whole, strata included.
    """

    attribution: ClassVar[str] = "census_date"

    cadence: Literal["month", "week"]
    census_date: CivilDate
    bands: Bands
    strata: Annotated[tuple[StratumBands, ...], MaxLen(200)] = ()
    publication: Slug | None = None

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check the census date against the cadence, and that a stratum is named once."""
        day = record.census_date
        if record.cadence == "week" and day.weekday() != SUNDAY:
            return "census_date: a weekly census is as at a Sunday"
        if record.cadence == "month" and day.month == _month_after(day):
            return "census_date: a monthly census is as at the last day of a month"
        return wrong_stratum(record.strata)


def _month_after(day: Any) -> int:
    """Month of the day after `day`."""
    return int(day.fromordinal(day.toordinal() + 1).month)


def wrong_stratum(strata: Any) -> str | None:
    """Name a stratum that is none of its dimension, or stands twice in `strata`; None when all is well."""
    seen = set()
    for number, stratum in enumerate(strata):
        key = (stratum.dimension, stratum.value)
        if not is_stratum(*key):
            return f"strata.{number}: its value is none of {stratum.dimension}"
        if key in seen:
            return f"strata.{number}: its {stratum.dimension} stands twice"
        seen.add(key)
    return None
