"""How often a publisher is expected to write: intervals by family, and an operator's own list of sources.

    last record ├── interval ──┼── interval ──┼── interval ──┼── lag ──┤ stale from here on

An interval says how often something new is there on an ordinary day; the lag adds what passes between the
end of a period and its publication, or a weekend.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from streams.catalogue.declared import Declared
from streams.catalogue.reading import Reader
from streams.engine.families import FAMILIES, RTT_STREAMS, ReturnStream
from streams.engine.windows import Grain
from streams.errors import ConfigurationError

SILENT_INTERVALS = 3
"""Intervals without a record after which a source is stale."""

_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,4})([mhd])")


def _seconds(value: Any) -> int:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('a duration is a whole number of minutes, hours or days: "15m", "1h", "31d"')
    return int(found[1]) * _UNITS[found[2]]


def _stream(value: str) -> str:
    known = [*FAMILIES, *(one.name for one in RTT_STREAMS.values())]
    if value not in known and not re.fullmatch(r"(measure|published):[a-z][a-z0-9_]{1,63}", value):
        raise ValueError(f"family {value!r} is not one of {', '.join(known)}, measure:<id>, published:<id>")
    return value


Duration = Annotated[int, BeforeValidator(_seconds)]
"""Seconds, written "15m", "1h" or "31d"."""
Positive = Annotated[Duration, Field(gt=0)]
StreamName = Annotated[str, AfterValidator(_stream)]


class Interval(Declared):
    """The interval of every source of a family of events, or of every return whose period is `grain`."""

    family: StreamName | None = None
    grain: Grain | None = None
    interval: Positive
    lag: Duration = 0

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.family is None) == (self.grain is None):
            raise ValueError("an interval is of a family or of a grain: give one of them")
        return self


class ExpectedSource(Declared):
    """A source that an operator expects: one never heard is missing, and one may have its own interval.

    `orgs` are those it writes about; unless given, the publisher whose code stands in `source`.
    """

    source: Annotated[str, Field(pattern=r"^/ods/[A-Z0-9]{3,10}/[a-z0-9][a-z0-9._-]{0,63}$")]
    family: StreamName
    interval: Positive | None = None
    lag: Duration | None = None
    orgs: tuple[str, ...] = ()
    basis: Literal["operational", "official", "synthetic"] = "operational"

    @property
    def about(self) -> tuple[str, ...]:
        """The organisations it is expected to write about."""
        return self.orgs or (self.source.split("/")[2],)


class Pace(NamedTuple):
    """How often a source is expected to write, in milliseconds."""

    interval_ms: int
    lag_ms: int

    @property
    def silent_ms(self) -> int:
        """How long it may be silent before it is stale."""
        return SILENT_INTERVALS * self.interval_ms + self.lag_ms


_DAY = 86_400
_UNKNOWN = Pace(_DAY * 1000, 0)


class Expectations:
    """What is expected of sources.

    Args:
        intervals: by family and by length of period.
        returns: the streams of returns, for their periods.
        sources: the operator's own.

    Raises:
        ConfigurationError: when a source of one family and basis is declared twice.
    """

    def __init__(
        self,
        intervals: Iterable[Interval],
        returns: Iterable[ReturnStream],
        sources: Sequence[ExpectedSource] = (),
    ) -> None:
        declared = list(intervals)
        by_grain = {one.grain: _pace(one) for one in declared if one.grain}
        self._by_stream = {one.name: by_grain[one.grain] for one in returns if one.grain in by_grain}
        self._by_stream |= {one.family: _pace(one) for one in declared if one.family}
        self.sources: dict[tuple[str, str, str], ExpectedSource] = {}
        for source in sources:
            key = (source.source, source.family, source.basis)
            if key in self.sources:
                raise ConfigurationError(
                    f"source {source.source} is declared twice for {source.family}: remove one [[source]]"
                )
            self.sources[key] = source

    def pace(self, source: str, stream: str, basis: str) -> Pace:
        """Give how often a source is expected to write a stream."""
        usual = self._by_stream.get(stream, _UNKNOWN)
        own = self.sources.get((source, stream, basis))
        if own is None:
            return usual
        return Pace(
            usual.interval_ms if own.interval is None else own.interval * 1000,
            usual.lag_ms if own.lag is None else own.lag * 1000,
        )


def _pace(one: Interval) -> Pace:
    return Pace(one.interval * 1000, one.lag * 1000)


def read_sources(path: Path) -> tuple[ExpectedSource, ...]:
    """Read an operator's list of expected sources.

    Raises:
        ConfigurationError: naming every mistake, its file and its line.
    """
    reader = Reader({"source": ExpectedSource})
    reader.read(path, "OVERSIGHT_SOURCES")
    reader.refuse()
    return tuple(reader.entries["source"])
