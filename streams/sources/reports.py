"""What official sources have in common: a publication, its periods, and a reported figure as an event."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from streams.engine.calendar import LONDON
from streams.errors import SourceError
from streams.sources.events import Event, event

log = logging.getLogger(__name__)

NO_CODE = "NOCODE"
"""Rows of a day or month without a code are NOCODE1, NOCODE2 and so on, in the order of the file: they are
seen, and in England's sum as unmapped. The same number is not the same trust on another day."""

Amount = int | str | None


class Publication(NamedTuple):
    """An official publication: the source of its events, and the name that makes them official."""

    source: str
    name: str


class Period(NamedTuple):
    """A period of civil days, [start, end)."""

    start: date
    end: date


class About(NamedTuple):
    """Whose figures of which period, where they stand, and since when they are known.

    Attributes:
        publication: where they stand.
        org: whose they are.
        period: what they are of.
        recorded: when they became known; the period's end unless given.
    """

    publication: Publication
    org: str
    period: Period
    recorded: datetime | None

    def report(
        self,
        measure: str,
        numerator: Amount,
        denominator: Amount = None,
        *,
        peers: Mapping[str, Amount] | None = None,
        subject: str | None = None,
    ) -> Event:
        """Make the event of one figure; without a numerator it says that there was no return.

        Args:
            measure: as the catalogue declares it.
            numerator: of a figure as published, the figure itself.
            denominator: what the numerator is of; none of a count.
            peers: what stands beside a figure as published: median, quartiles, rank.
            subject: what the publication says of it that the measure does not.
        """
        data: dict[str, Any] = {
            "measure": measure,
            "period_start": self.period.start.isoformat(),
            "period_end": self.period.end.isoformat(),
            "numerator": numerator,
        }
        if denominator is not None:
            data["denominator"] = denominator
        if peers:
            data["peers"] = dict(peers)
        made = self.event("measure.reported.v1", measure, data)
        if subject:
            made["subject"] = subject
        return made

    def event(self, suffix: str, name: str, data: Mapping[str, Any]) -> Event:
        """Make an event of something published; `name` is unique for organisation and period."""
        end = midnight(self.period.end)
        known = self.recorded or end
        version = int(known.timestamp() * 1_000_000)
        return event(
            suffix,
            source=self.publication.source,
            identifier=f"{name}-{self.org}-{self.period.start}-{version}",
            time=end,
            recorded=known,
            data={"org": self.org, "version": version, **data, "publication": self.publication.name},
        )


@lru_cache(maxsize=10_000)
def midnight(day: date) -> datetime:
    """Give the moment at which a civil day begins."""
    return datetime.combine(day, time(), LONDON)


def check_recorded(path: Path, recorded: datetime | None, end: date) -> None:
    """Refuse a time at which the figures cannot have been known yet.

    Raises:
        SourceError: naming the last period of the file.
    """
    if recorded is not None and recorded < midnight(end):
        raise SourceError(
            f"{path}: has a period that ends with {end}, after --recorded-at {recorded.isoformat()}:"
            " say when the figures were published"
        )


def warn_of_no_code(path: Path, count: int) -> None:
    """Say how many rows have no organisation's code, if any."""
    if count:
        log.warning(
            "%s: %d rows have no organisation's code; they are counted as %s1 and so on, unmapped",
            *(path, count, NO_CODE),
        )
