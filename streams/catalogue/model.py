"""What a declaration says, and the checks it must pass. docs/adding-an-indicator.md shows how to add one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from streams.catalogue.dated import BESIDE, Reference, Span, Timetable
from streams.catalogue.declared import (
    LEVELS,
    OWN_LEVELS,
    Declared,
    Direction,
    Horizon,
    Level,
    Purpose,
    Unit,
    none_of,
    wrong,
)
from streams.catalogue.expectations import Interval
from streams.catalogue.inequality import CLOSED_KINDS, Inequality
from streams.catalogue.local import Id, LocalMeasure, Programme
from streams.catalogue.published import Published, figure_of
from streams.catalogue.reading import Reader
from streams.catalogue.thresholds import Standing, Threshold, Thresholds
from streams.engine.families import (
    AMOUNT_SCALE,
    FAMILIES,
    MEASURE_FACTS,
    OPEN_STREAMS,
    PUBLISHED_FACTS,
    RTT_STREAMS,
    Family,
    Histogram,
    Measure,
    Open,
    ReturnStream,
    measure_stream,
)
from streams.engine.families.returns import RTT_FACTS
from streams.engine.families.strata import DEPRIVATION
from streams.engine.windows import QUANTILE_WINDOWS, Grain, WindowName
from streams.errors import ConfigurationError

Kind = Literal[
    "ratio",
    "mean",
    "count",
    "quantile",
    "gap",
    "relative_gap",
    "slope_index",
    "relative_index",
    "share_of_plan",
    "published",
    "level",
]
COMPARING = frozenset({"gap", "relative_gap"}) | CLOSED_KINDS
"""Kinds of indicator that compare the strata of another."""


class Contribution(Declared):
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
            known = [*FAMILIES, *OPEN_STREAMS, "rtt_month", "rtt_week", "measure:<id>", "published:<id>"]
            raise wrong("stream", none_of(self.stream, known, "stream"))
        if (self.numerator is None) == (self.histogram is None):
            raise wrong("numerator", "is needed, or for a quantile a histogram")
        if self.histogram is not None and histogram_of(self.stream, self.histogram) is None:
            known = [one.name for one in histograms_of(self.stream)]
            raise wrong("histogram", none_of(self.histogram, known, f"histogram of {self.stream}"))
        if self.out_of is not None and self.requires is None:
            raise wrong("out_of", "says how much there is of `requires`: declare both")
        for name in ("numerator", "denominator", "requires", "out_of"):
            fact = getattr(self, name)
            if fact is not None and fact not in facts:
                raise wrong(name, none_of(fact, facts, f"fact of {self.stream}"))
        return self


def histograms_of(stream: str) -> tuple[Histogram, ...]:
    """Give the histograms of a stream, in the order of its definition."""
    found = FAMILIES.get(stream) or OPEN_STREAMS.get(stream)
    return found.histograms if found else ()


def histogram_of(stream: str, name: str | None) -> int | None:
    """Give the place of a histogram in its stream's definition; None where there is no such histogram."""
    return next((i for i, one in enumerate(histograms_of(stream)) if one.name == name), None)


def facts_of(stream: str) -> tuple[str, ...] | None:
    """Give the names of a stream's facts, in the order of its vector; None for an unknown stream."""
    if (found := FAMILIES.get(stream) or OPEN_STREAMS.get(stream)) is not None:
        return found.facts
    if stream in {one.name for one in RTT_STREAMS.values()}:
        return RTT_FACTS
    return {"measure": MEASURE_FACTS, "published": PUBLISHED_FACTS}.get(stream.partition(":")[0])


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
    if isinstance(value, dict) and "published" in value:
        return figure_of(**value)
    return value


class Gap(Declared):
    """Strata of another indicator that are compared: the first with the last, or all of them in order."""

    of: str
    dimension: str
    groups: Annotated[tuple[str, ...], Field(min_length=2)]


class Indicator(Declared):
    """One indicator.

    `kind` decides the value: `ratio` and `mean` are numerator over denominator, summed before dividing at
    every level; `count` is the numerator; `quantile` is read from the summed histogram, by nearest rank;
    `gap`, `relative_gap`, `slope_index` and `relative_index` compare the strata of another indicator:
    see `streams.catalogue.inequality`, which declares them. `share_of_plan` is the numerator over `plan`;
    `published` is a figure as published, in no sum; `level` is the numerator of the one state that there is
    (the denominator counts them), at the organisation that declared it and nowhere above. `levels` are those
    at which the figure has a meaning; `limits` are sentences on what it does not say; a `headline` stands
    open on the board.
    """

    id: Id
    title: str
    purpose: Purpose
    horizon: Horizon
    direction: Direction
    unit: Unit
    kind: Kind = "ratio"
    quantile: Annotated[float, Field(gt=0, le=1, description="1 is the largest value")] | None = None
    windows: tuple[WindowName, ...]
    strata: tuple[str, ...] = ()
    levels: tuple[Level, ...] = LEVELS
    minimum_denominator: Annotated[int, Field(ge=1)] = 1
    contributions: tuple[Contribution, ...] = ()
    gap: Gap | None = None
    plan: tuple[Reference, ...] = ()
    baseline: tuple[Reference, ...] = ()
    reference: tuple[Reference, ...] = ()
    programme: str | None = None
    definition: str
    source: str
    limits: tuple[str, ...] = ()
    headline: bool = False

    def beside(self) -> Iterator[tuple[str, tuple[Reference, ...]]]:
        """Give what may stand beside its figures, by the names of `BESIDE`."""
        for name in BESIDE:
            yield name, getattr(self, name)

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, dict) and "from" in value:
            value = dict(value)
            value["contributions"] = tuple(_measured(one) for one in value.pop("from"))
        return value

    @model_validator(mode="after")
    def _parts(self) -> Self:
        if (self.kind in COMPARING) != (self.gap is not None):
            raise ValueError("what compares strata and a [gap] table go together")
        if self.gap is None and not self.contributions:
            raise ValueError("needs at least one [[indicator.from]]")
        if (self.kind == "quantile") != (self.quantile is not None):
            raise ValueError("kind quantile needs quantile = 0.9 or the like, and no other kind has one")
        if self.kind == "level" and not OWN_LEVELS.issuperset(self.levels):
            raise ValueError(
                f"kind level is never added up: levels are some of {', '.join(sorted(OWN_LEVELS))}"
            )
        if self.kind == "quantile" and (others := set(self.windows) - set(QUANTILE_WINDOWS)):
            raise ValueError(f"no histograms are kept for window {', '.join(sorted(others))}")
        if self.kind == "quantile" and set(self.strata) - {DEPRIVATION}:
            raise ValueError(f"strata: histograms are kept by {DEPRIVATION} alone")
        for one in self.contributions:
            if (one.histogram is not None) != (self.kind == "quantile"):
                raise ValueError(f"kind {self.kind}: a histogram belongs to a quantile")
            if (one.denominator is None) != (
                self.kind in {"count", "quantile", "share_of_plan", "published"}
            ):
                raise ValueError(
                    f"kind {self.kind}: a denominator belongs to a ratio or a mean, not to a count"
                )
        return self


class MeasureEntry(Declared):
    """A reported measure, as declared: the engine's `Measure` says what its fields mean."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
    grain: Grain
    kind: Literal["flow", "stock", "published"]
    roll_up: bool = True
    official_only: bool = False


_TABLES: dict[str, type[Declared]] = {
    "indicator": Indicator,
    "measure": MeasureEntry,
    "threshold": Threshold,
    "interval": Interval,
    "inequality": Inequality,
    "local": LocalMeasure,
    "programme": Programme,
    "published": Published,
}


_METRICS = 3
"""Families of metrics an indicator may have: value, numerator, denominator."""
_OF_THE_SERVICE = {"indicator", "organisation", "programme"}
"""What begins the names of other families."""

_Named = TypeVar("_Named", Indicator, MeasureEntry, Programme)


class Catalogue:
    """Everything declared.

    Raises:
        ConfigurationError: naming every mistake, its file and its line.
    """

    def __init__(
        self,
        indicators: Iterable[Indicator],
        measures: Iterable[Measure],
        thresholds: Iterable[Threshold],
        intervals: Iterable[Interval] = (),
        programmes: Iterable[Programme] = (),
    ) -> None:
        mistakes: list[str] = []
        self.indicators = _by_id("indicator", indicators, mistakes)
        self.programmes = _by_id("programme", programmes, mistakes)
        every = (part for one in self.indicators.values() for part in one.contributions)
        shares = {part.stream for part in every if part.denominator}
        self.measures = {one.id: replace(one, denominator=f"measure:{one.id}" in shares) for one in measures}
        self.thresholds = tuple(thresholds)
        self.intervals = tuple(intervals)
        self.beside = {name: _timetables(self.indicators.values(), name, mistakes) for name in BESIDE}
        mistakes += chain(self._wrong_indicators(), self._wrong_thresholds())
        judging = [one for one in self.thresholds if one.indicator in self.indicators]
        self._judging = Thresholds(judging, {one.id: one.direction for one in self.indicators.values()})
        mistakes += self._judging.mistakes
        if mistakes:
            raise ConfigurationError("\n".join(mistakes))

    def _wrong_indicators(self) -> Iterator[str]:
        families: dict[str, Indicator] = {}
        for one in self.indicators.values():
            missing = [
                measure
                for part in one.contributions
                if (measure := part.stream.partition(":")[2])
                and (measure not in self.measures or self.stream(part.stream).name != part.stream)
            ]
            for measure in missing:
                yield one.mistake(f"indicator {one.id}: measure {measure} has no [[measure]] entry", "from")
            if not missing:
                yield from self._two_series(one)
            if one.gap is not None and one.gap.of not in self.indicators:
                told = none_of(one.gap.of, self.indicators, "indicator")
                yield one.mistake(f"indicator {one.id}: gap: {told}", "gap", "of")
            if one.programme is not None and one.programme not in self.programmes:
                told = none_of(one.programme, self.programmes, "programme")
                yield one.mistake(f"indicator {one.id}: {told}", "programme")
            names = {f"{one.id}_{part}" for part in (one.unit, "numerator", "denominator")}
            taken = [other.id for name in names if (other := families.setdefault(name, one)) is not one]
            if taken or len(names) < _METRICS or one.id in _OF_THE_SERVICE:
                told = f"its metrics would have a name that {' and '.join(taken) or 'the service'} has"
                yield one.mistake(f"indicator {one.id}: {told}: choose another id or unit", "id")
            for name, references in one.beside():
                for number, reference in enumerate(references):
                    for window in set(reference.windows) - set(one.windows):
                        told = none_of(window, one.windows, f"window of {one.id}")
                        yield one.mistake(f"indicator {one.id}: {name}: {told}", name, number, "windows")

    def _wrong_thresholds(self) -> Iterator[str]:
        for one in self.thresholds:
            indicator = self.indicators.get(one.indicator)
            if indicator is None:
                told = none_of(one.indicator, self.indicators, "indicator")
                yield one.mistake(f"threshold: {told}", "indicator")
                continue
            for field, of in (("windows", "window"), ("levels", "level")):
                known = getattr(indicator, field)
                for name in getattr(one, field):
                    if name not in known:
                        told = none_of(name, known, f"{of} of {indicator.id}")
                        yield one.mistake(f"threshold on {one.indicator}: {told}", field)

    def _two_series(self, indicator: Indicator) -> Iterator[str]:
        """Say where contributions would give two figures for one window and basis."""
        taken: set[tuple[str, bool]] = set()
        for number, contribution in enumerate(indicator.contributions):
            stream = self.stream(contribution.stream)
            official = isinstance(stream, ReturnStream) and stream.official_only
            series = {(window, official) for window in stream.windows if window in indicator.windows}
            if clash := taken & series:
                told = (
                    f"indicator {indicator.id}: two contributions give window {min(clash)[0]} in one basis;"
                    " declare the measure official_only, or drop the window"
                )
                yield indicator.mistake(told, "from", number)
            taken |= series

    def stream(self, name: str) -> Family | Open | ReturnStream:
        """Give what is known of a stream of facts that a contribution names."""
        if (found := FAMILIES.get(name) or OPEN_STREAMS.get(name)) is not None:
            return found
        returns = {one.name: one for one in RTT_STREAMS.values()}
        return returns.get(name) or measure_stream(self.measures[name.partition(":")[2]])

    @classmethod
    def shipped(cls) -> Catalogue:
        """Load the declarations that come with the service."""
        return cls.with_local(None)

    @classmethod
    def with_local(cls, local: Path | None) -> Catalogue:
        """Load what comes with the service, and add what an operator declares.

        Args:
            local: a TOML file, or a directory of them; None for nothing.

        Raises:
            ConfigurationError: naming every mistake, its file and its line.
        """
        with resources.as_file(resources.files("streams.catalogue") / "declarations") as directory:
            reader = Reader(_TABLES)
            reader.read(directory)
        if local is not None:
            reader.read(local, "OVERSIGHT_LOCAL")
        return cls._of(reader)

    @classmethod
    def from_directory(cls, directory: Path) -> Catalogue:
        """Load every TOML file of a directory, and nothing else."""
        reader = Reader(_TABLES)
        reader.read(directory)
        return cls._of(reader)

    @classmethod
    def _of(cls, reader: Reader) -> Catalogue:
        for short in (*reader.entries["local"], *reader.entries["published"]):
            for one in short.stands_for():
                reader.take(one.table, one.entry, short.place.below(*one.part))
        _compare(reader)
        entries = reader.entries
        measures = _by_id("measure", entries["measure"], reader.mistakes)
        reader.refuse()
        return cls(
            entries["indicator"],
            [Measure(**one.model_dump()) for one in measures.values()],
            entries["threshold"],
            entries["interval"],
            entries["programme"],
        )

    def returns(self) -> list[ReturnStream]:
        """Give the streams of returns: the censuses and the declared measures."""
        return [*RTT_STREAMS.values(), *(measure_stream(one) for one in self.measures.values())]

    def only_published(self, indicator: Indicator) -> bool:
        """Whether nothing but official publications feeds an indicator."""
        fed = [self.measures.get(part.stream.partition(":")[2]) for part in indicator.contributions]
        return bool(fed) and all(one is not None and one.official_only for one in fed)

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

    def standing(self, indicator: str, window: str, level: str, org: str, day: date) -> Standing:
        """Give what a period that begins on `day` is held to."""
        return self._judging.standing(indicator, window, level, org, day)

    def unjudged(self, today: date) -> list[str]:
        """Give the indicators whose shipped threshold has ended, where nothing has followed yet."""
        return self._judging.unjudged(today)

    def warnings(self, today: date) -> list[str]:
        """Say which thresholds and programmes end soon or have ended, and when nothing judges in between.

        Each is something to act on; what the national sources leave open today is told by `unjudged`.
        """
        return [
            *self._judging.warnings(today),
            *(told for one in self.programmes.values() for told in one.warnings(today)),
        ]


def _compare(reader: Reader) -> None:
    """Let each `[[inequality]]` declare the indicators that it stands for."""
    indicators = {one.id: one for one in reversed(reader.entries["indicator"])}  # the first of two
    for one in reader.entries["inequality"]:
        base = indicators.get(one.of)
        if base is None:
            told = none_of(one.of, indicators, "indicator")
            reader.mistakes.append(one.mistake(f"inequality: {told}", "of"))
        elif (told := one.problem(base)) is not None:
            reader.mistakes.append(one.mistake(f"inequality of {one.of}: {told}", "dimension"))
        else:
            for entry in one.declares(base):
                reader.take("indicator", entry, one.place)


def _by_id(kind: str, entries: Iterable[_Named], mistakes: list[str]) -> dict[str, _Named]:
    found: dict[str, _Named] = {}
    for one in entries:
        first = found.setdefault(one.id, one)
        if first is not one:
            told = f"{kind} {one.id} is declared twice, first in {first.place.at()}: rename or remove one"
            mistakes.append(one.mistake(told, "id"))
    return found


def _timetables(
    indicators: Iterable[Indicator], name: str, mistakes: list[str]
) -> dict[str, Timetable[float]]:
    """Give what stands beside under a name of `BESIDE`, of those indicators that have any."""
    found: dict[str, Timetable[float]] = {}
    for one in indicators:
        timetable: Timetable[float] = Timetable()
        for number, entry in enumerate(getattr(one, name)):
            entry.put(one.place.below(name, number))
            timetable.add([Span(entry.valid_from, entry.valid_to, entry.value, entry)])
            found[one.id] = timetable
        for earlier, later in timetable.overlaps():
            told = f"indicator {one.id}: {name}: overlaps the one in {earlier.place.at()}"
            mistakes.append(later.mistake(told, "valid_from"))
    return found
