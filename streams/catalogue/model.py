"""What a declaration says, and the checks it must pass. docs/adding-an-indicator.md shows how to add one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streams.catalogue.expectations import Interval
from streams.engine.families import (
    AMOUNT_SCALE,
    FAMILIES,
    MEASURE_FACTS,
    OPEN_STREAMS,
    RTT_STREAMS,
    Family,
    Histogram,
    Measure,
    Open,
    ReturnStream,
    measure_stream,
)
from streams.engine.families.returns import RTT_FACTS
from streams.engine.windows import QUANTILE_WINDOWS, WindowName
from streams.errors import ConfigurationError

Purpose = Literal[
    "outcomes_and_access",
    "inequalities",
    "productivity_and_value",
    "social_and_economic_development",
]
PURPOSES: dict[Purpose, str] = {
    "outcomes_and_access": "Outcomes and access",
    "inequalities": "Inequalities",
    "productivity_and_value": "Productivity and value",
    "social_and_economic_development": "Social and economic development",
}
Level = Literal[
    "site", "trust", "provider", "neighbourhood", "place", "council", "icb", "cluster", "region", "england"
]
LEVELS: tuple[Level, ...] = get_args(Level)
OWN_LEVELS = frozenset[Level]({"site", "trust", "provider"})
"""Levels of organisations that speak for themselves, and not of sums."""
Unit = Literal[
    "ratio", "days", "minutes", "patients", "beds", "cases", "pounds", "per_1000", "per_100000", "level"
]
"""One metric family a quantity: `oversight_<indicator>_<unit>`."""

_Entry = TypeVar("_Entry", bound=BaseModel)


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Contribution(_Declared):
    """Where an indicator's parts come from: two facts of one stream, or one histogram of it.

    Values shown are fact / scale: facts are in seconds or millionths where their name says so.
    """

    stream: str
    numerator: str | None = None
    denominator: str | None = None
    numerator_scale: Annotated[int, Field(gt=0)] = 1
    denominator_scale: Annotated[int, Field(gt=0)] = 1
    requires: str | None = Field(default=None, description="a count needs this fact above 0 to have a value")
    out_of: str | None = Field(
        default=None, description="a figure whose `requires` is less than this fact is partial"
    )
    histogram: str | None = Field(default=None, description="what a quantile is read from")

    @model_validator(mode="after")
    def _known(self) -> Self:
        facts = facts_of(self.stream)
        if facts is None:
            known = ", ".join([*FAMILIES, *OPEN_STREAMS, "rtt_month", "rtt_week", "measure:<id>"])
            raise ValueError(f"stream {self.stream!r} is not one of {known}")
        if (self.numerator is None) == (self.histogram is None):
            raise ValueError("needs a numerator, or for a quantile a histogram")
        if self.histogram is not None and histogram_of(self.stream, self.histogram) is None:
            names = ", ".join(one.name for one in _histograms(self.stream)) or "none"
            raise ValueError(f"stream {self.stream!r} has no histogram {self.histogram!r}; it has {names}")
        if self.out_of is not None and self.requires is None:
            raise ValueError("out_of says how much there is of `requires`: declare both")
        for fact in (self.numerator, self.denominator, self.requires, self.out_of):
            if fact is not None and fact not in facts:
                raise ValueError(f"stream {self.stream!r} has no fact {fact!r}; it has {', '.join(facts)}")
        return self


def _histograms(stream: str) -> tuple[Histogram, ...]:
    found = FAMILIES.get(stream) or OPEN_STREAMS.get(stream)
    return found.histograms if found else ()


def histogram_of(stream: str, name: str | None) -> int | None:
    """Give the place of a histogram in its stream's definition; None where there is no such histogram."""
    return next((i for i, one in enumerate(_histograms(stream)) if one.name == name), None)


def facts_of(stream: str) -> tuple[str, ...] | None:
    """Give the names of a stream's facts, in the order of its vector; None for an unknown stream."""
    if (found := FAMILIES.get(stream) or OPEN_STREAMS.get(stream)) is not None:
        return found.facts
    if stream in {one.name for one in RTT_STREAMS.values()}:
        return RTT_FACTS
    return MEASURE_FACTS if stream.startswith("measure:") else None


def _measured(value: Any) -> Any:
    """Let a contribution say `measure = "x"` for the lines it stands for; `per` makes a rate of it."""
    if isinstance(value, dict) and "measure" in value:
        extra = set(value) - {"measure", "denominator", "per"}
        if extra:
            raise ValueError(f"a contribution from a measure takes no {', '.join(sorted(extra))}")
        parts = {"numerator": "numerator_e6", "numerator_scale": AMOUNT_SCALE, "requires": "with_numerator"}
        if value.get("denominator", True):
            per = value.get("per", 1)
            if not isinstance(per, int) or per < 1:
                raise ValueError("per is a whole number from 1: 100000 for a rate per 100,000")
            parts |= {"denominator": "denominator_e6", "denominator_scale": AMOUNT_SCALE * per}
        return {"stream": f"measure:{value['measure']}", **parts}
    return value


class Gap(_Declared):
    """A difference between two strata of another indicator."""

    of: str
    dimension: str
    first: str
    second: str


class Indicator(_Declared):
    """One indicator.

    `kind` decides the value: `ratio` and `mean` are numerator over denominator, summed before dividing at
    every level; `count` is the numerator; `quantile` is read from the summed histogram, by nearest rank;
    `gap` is the first stratum's value less the second's; `level` is the numerator of the one state that
    there is (the denominator counts them), at the organisation that declared it and nowhere above. `levels`
    are those at which the figure has a meaning; `limits` are sentences on what it does not say; a `headline`
    stands open on the board.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")]
    title: str
    purpose: Purpose
    horizon: Literal["today", "tomorrow"]
    direction: Literal["higher", "lower", "towards_zero", "none"]
    unit: Unit
    kind: Literal["ratio", "mean", "count", "quantile", "gap", "level"] = "ratio"
    quantile: Annotated[float, Field(gt=0, le=1, description="1 is the largest value")] | None = None
    windows: tuple[WindowName, ...]
    strata: tuple[str, ...] = ()
    levels: tuple[Level, ...] = LEVELS
    minimum_denominator: Annotated[int, Field(ge=1)] = 1
    contributions: tuple[Contribution, ...] = ()
    gap: Gap | None = None
    definition: str
    source: str
    limits: tuple[str, ...] = ()
    headline: bool = False

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, dict) and "from" in value:
            value = dict(value)
            value["contributions"] = tuple(_measured(one) for one in value.pop("from"))
        return value

    @model_validator(mode="after")
    def _parts(self) -> Self:
        if (self.kind == "gap") != (self.gap is not None):
            raise ValueError("kind gap and a [gap] table go together")
        if self.kind != "gap" and not self.contributions:
            raise ValueError("needs at least one [[indicator.from]]")
        if (self.kind == "quantile") != (self.quantile is not None):
            raise ValueError("kind quantile needs quantile = 0.9 or the like, and no other kind has one")
        if self.kind == "level" and not OWN_LEVELS.issuperset(self.levels):
            raise ValueError(
                f"kind level is never added up: levels are some of {', '.join(sorted(OWN_LEVELS))}"
            )
        if self.kind == "quantile" and (others := set(self.windows) - set(QUANTILE_WINDOWS)):
            raise ValueError(f"no histograms are kept for window {', '.join(sorted(others))}")
        for one in self.contributions:
            if (one.histogram is not None) != (self.kind == "quantile"):
                raise ValueError(f"kind {self.kind}: a histogram belongs to a quantile")
            if (one.denominator is None) != (self.kind in {"count", "quantile"}):
                raise ValueError(
                    f"kind {self.kind}: a denominator belongs to a ratio or a mean, not to a count"
                )
        return self


class Threshold(_Declared):
    """A dated, sourced threshold. It judges periods that begin in [valid_from, valid_to).

    `evidence` is V (read on the official page) or S (secondary source); nothing weaker may judge.
    """

    indicator: str
    kind: Literal["standard", "milestone", "local"]
    value: float
    valid_from: date
    valid_to: date | None = None
    windows: tuple[WindowName, ...]
    levels: tuple[Level, ...]
    evidence: Literal["V", "S"]
    source: str


class Catalogue:
    """Everything declared.

    Raises:
        ConfigurationError: naming the file, the entry and what to change.
    """

    def __init__(
        self,
        indicators: Iterable[Indicator],
        measures: Iterable[Measure],
        thresholds: Iterable[Threshold],
        intervals: Iterable[Interval] = (),
    ) -> None:
        self.indicators: dict[str, Indicator] = {}
        for indicator in indicators:
            if indicator.id in self.indicators:
                raise ConfigurationError(f"indicator {indicator.id} is declared twice: rename or remove one")
            self.indicators[indicator.id] = indicator
        every = (part for one in self.indicators.values() for part in one.contributions)
        shares = {part.stream for part in every if part.denominator}
        self.measures = {one.id: replace(one, denominator=f"measure:{one.id}" in shares) for one in measures}
        self.thresholds = tuple(thresholds)
        self._judging = _by_place(self.thresholds)
        self.intervals = tuple(intervals)
        self._check()

    def _check(self) -> None:
        for one in self.indicators.values():
            for contribution in one.contributions:
                measure = contribution.stream.removeprefix("measure:")
                if measure != contribution.stream and measure not in self.measures:
                    raise ConfigurationError(
                        f"indicator {one.id}: measure {measure} has no [[measure]] entry"
                    )
            self._check_one_series(one)
            if one.gap is not None and one.gap.of not in self.indicators:
                raise ConfigurationError(f"indicator {one.id}: gap of {one.gap.of}, which is not declared")
        for number, threshold in enumerate(self.thresholds):
            if threshold.indicator not in self.indicators:
                raise ConfigurationError(f"threshold on {threshold.indicator}: there is no such indicator")
            for other in self.thresholds[:number]:
                if _overlap(threshold, other):
                    raise ConfigurationError(
                        f"two thresholds judge {threshold.indicator} at one time: from {other.valid_from}"
                        f" and from {threshold.valid_from}; end the first with valid_to"
                    )

    def _check_one_series(self, indicator: Indicator) -> None:
        """Refuse contributions that would give two figures for one window and basis."""
        taken: set[tuple[str, bool]] = set()
        for contribution in indicator.contributions:
            stream = self.stream(contribution.stream)
            official = isinstance(stream, ReturnStream) and stream.official_only
            series = {(window, official) for window in stream.windows if window in indicator.windows}
            if clash := taken & series:
                window = min(clash)[0]
                raise ConfigurationError(
                    f"indicator {indicator.id}: two contributions give window {window} in one basis;"
                    " declare the measure official_only, or drop the window"
                )
            taken |= series

    def stream(self, name: str) -> Family | Open | ReturnStream:
        """Give what is known of a stream of facts that a contribution names."""
        if (found := FAMILIES.get(name) or OPEN_STREAMS.get(name)) is not None:
            return found
        returns = {one.name: one for one in RTT_STREAMS.values()}
        return returns.get(name) or measure_stream(self.measures[name.removeprefix("measure:")])

    @classmethod
    def shipped(cls) -> Catalogue:
        """Load the declarations that come with the service."""
        with resources.as_file(resources.files("streams.catalogue") / "declarations") as directory:
            return cls.from_directory(directory)

    @classmethod
    def from_directory(cls, directory: Path) -> Catalogue:
        """Load every TOML file of a directory."""
        indicators: list[Indicator] = []
        measures: list[Measure] = []
        thresholds: list[Threshold] = []
        intervals: list[Interval] = []
        for path in sorted(directory.glob("*.toml")):
            try:
                document = tomllib.loads(path.read_text("utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{path.name}: not TOML: {error}") from None
            for name, entries in document.items():
                indicators += _validated(path, name, "indicator", entries, Indicator)
                thresholds += _validated(path, name, "threshold", entries, Threshold)
                intervals += _validated(path, name, "interval", entries, Interval)
                declared = _validated(path, name, "measure", entries, _MeasureEntry)
                measures += [Measure(**one.model_dump()) for one in declared]
                if name not in ("indicator", "threshold", "measure", "interval"):
                    raise ConfigurationError(
                        f"{path.name}: [[{name}]] is none of indicator, threshold, measure, interval"
                    )
        return cls(indicators, measures, thresholds, intervals)

    def returns(self) -> list[ReturnStream]:
        """Give the streams of returns: the censuses and the declared measures."""
        return [*RTT_STREAMS.values(), *(measure_stream(one) for one in self.measures.values())]

    def by_stream(self) -> dict[str, list[tuple[Indicator, Contribution]]]:
        """Give the indicators that each stream of facts feeds; a gap follows the indicator it compares."""
        found: dict[str, list[tuple[Indicator, Contribution]]] = {}
        for indicator, contribution in self._all_contributions():
            found.setdefault(contribution.stream, []).append((indicator, contribution))
        return found

    def _all_contributions(self) -> Iterator[tuple[Indicator, Contribution]]:
        for indicator in self.indicators.values():
            base = self.indicators[indicator.gap.of] if indicator.gap else indicator
            for contribution in base.contributions:
                yield indicator, contribution

    def threshold(self, indicator: str, window: str, level: str, day: date) -> Threshold | None:
        """Give the threshold that judges a period beginning on `day`, or None."""
        for one in self._judging.get((indicator, window, level), ()):
            if one.valid_from <= day and (one.valid_to is None or day < one.valid_to):
                return one
        return None

    def expired(self, indicator: str, window: str, level: str, day: date) -> bool:
        """Whether every threshold for it ended on or before `day`: shown, and never judging."""
        found = self._judging.get((indicator, window, level), ())
        return bool(found) and all(one.valid_to is not None and one.valid_to <= day for one in found)


class _MeasureEntry(_Declared):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
    grain: Literal["day", "week", "month", "quarter"]
    kind: Literal["flow", "stock"]
    official_only: bool = False


def _validated(path: Path, name: str, kind: str, entries: Any, model: type[_Entry]) -> list[_Entry]:
    if name != kind:
        return []
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(model.model_validate(entry))
        except ValidationError as error:
            label = entry.get("id", entry.get("indicator", "")) if isinstance(entry, dict) else ""
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"{path.name}: {kind} {number} {label}: {problems}") from None
    return found


def _by_place(thresholds: Iterable[Threshold]) -> dict[tuple[str, str, str], list[Threshold]]:
    """Give the thresholds by indicator, window and level: every figure asks for its own."""
    found: dict[tuple[str, str, str], list[Threshold]] = {}
    for one in thresholds:
        for window, level in product(one.windows, one.levels):
            found.setdefault((one.indicator, window, level), []).append(one)
    return found


def _overlap(one: Threshold, other: Threshold) -> bool:
    if one.indicator != other.indicator:
        return False
    if not set(one.windows) & set(other.windows) or not set(one.levels) & set(other.levels):
        return False
    end, other_end = one.valid_to or date.max, other.valid_to or date.max
    return one.valid_from < other_end and other.valid_from < end
