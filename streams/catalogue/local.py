"""Local measures and programmes: what an operator declares without code; docs/local-measures.md shows how.

A local measure is written once and stands for what the catalogue knows:

    [[local]] ratio, mean ──► [[indicator]]  and, reported, the [[measure]] of the same name
              count, sum  ──► the same, with a numerator only
              share_of_plan ► the same, over a declared plan, or over what is reported as the plan
              funnel ───────► a count a step, and from the second on its share of the step before
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from schemas.common import Dimension
from streams.catalogue.dated import Reference
from streams.catalogue.declared import (
    LEVELS,
    Declared,
    Direction,
    Horizon,
    Level,
    Purpose,
    Unit,
    none_of,
    wrong,
)
from streams.catalogue.thresholds import AHEAD_DAYS
from streams.engine.families import AMOUNT_SCALE, FAMILIES, RTT_STREAMS
from streams.engine.windows import RETURN_WINDOWS, Grain, WindowName

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")]
Count = Annotated[int, Field(strict=True, ge=1)]


class Step(Declared):
    """One step of a funnel: `id` ends the identifiers of its figures; of an event kind it has a fact."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
    title: str
    numerator: str | None = None


class StandsFor(NamedTuple):
    """A declaration that a local measure stands for, and the part of it that says so."""

    table: Literal["indicator", "measure"]
    entry: dict[str, Any]
    part: tuple[str | int, ...] = ()


class LocalMeasure(Declared):
    """A measure of an operator's own.

    It is taken from reports (`grain` says how long their periods are; `stock` that they are levels, which are
    not added over time) or from an event kind (`stream`, and its facts). Of a funnel each step is reported as
    `<id>_<step>`, with the step before as its denominator.

    `per = 1000` makes a rate of a mean. `plan` and `baseline` are shown beside the figure and never judge it.
    """

    id: Id
    title: str
    kind: Literal["ratio", "mean", "count", "sum", "share_of_plan", "funnel"]
    purpose: Purpose
    horizon: Horizon
    direction: Direction
    unit: Unit | None = None
    grain: Grain | None = None
    stock: bool = False
    stream: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    numerator_scale: Count = 1
    denominator_scale: Count = 1
    per: Count = 1
    steps: tuple[Step, ...] = ()
    windows: tuple[WindowName, ...] | None = None
    levels: tuple[Level, ...] = LEVELS
    strata: tuple[Dimension, ...] = ()
    minimum_denominator: Count = 1
    plan: tuple[Reference, ...] = ()
    baseline: tuple[Reference, ...] = ()
    programme: str | None = None
    definition: str
    source: str

    @model_validator(mode="after")
    def _made_from(self) -> Self:
        if (self.grain is None) == (self.stream is None):
            raise wrong("stream", "give grain, of what is reported, or stream, of an event kind")
        if self.stream is not None:
            if self.stream not in _STREAMS:
                raise wrong("stream", none_of(self.stream, _STREAMS))
            if self.stock:
                raise wrong("stock", "is said of reports: what a fact of events is, its family says")
            if (self.numerator is None) != (self.kind == "funnel"):
                raise wrong("numerator", "a fact of the stream; of a funnel each step has its own")
            if (self.denominator is None) == (self.kind in {"ratio", "mean"}):
                raise wrong("denominator", "a ratio or a mean has one; no other kind")
        for name in ("numerator", "denominator", "numerator_scale", "denominator_scale"):
            if self.stream is None and name in self.model_fields_set:
                raise wrong(name, "is a matter of events: a report says both of its parts itself")
        return self

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        if (self.kind == "funnel") != bool(self.steps):
            raise wrong("steps", "a funnel has [[local.steps]] in their order; no other kind has any")
        if len({step.id for step in self.steps}) != len(self.steps):
            raise wrong("steps", "two steps have one id")
        for step in self.steps:
            if (step.numerator is None) == (self.stream is not None):
                raise wrong("steps", f"step {step.id}: numerator is a fact of the stream, if there is one")
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.per != 1 and self.kind != "mean":
            raise wrong("per", "makes a rate of a mean; this is a " + self.kind)
        if self.unit is None and self.kind in {"mean", "count", "sum", "funnel"} and self.per == 1:
            raise wrong("unit", "is needed: what is counted, such as patients, appointments, pounds, days")
        if self.unit is not None and (self.per != 1 or self.kind in {"ratio", "share_of_plan"}):
            raise wrong("unit", f"a {self.kind}, and a rate, has its own: leave it out")
        if self.kind == "share_of_plan":
            if self.stream is not None and not self.plan:
                raise wrong("plan", "is needed: events bring none; add [[local.plan]]")
            if self.plan and self.strata:
                raise wrong("strata", "a plan is of everybody: there is no share of it by stratum")
        return self

    @property
    def _unit(self) -> str:
        if self.per != 1:
            return f"per_{self.per}"
        return self.unit or "ratio"

    def stands_for(self) -> Iterator[StandsFor]:
        """Give the indicators, and the measures, that it stands for."""
        if self.kind == "funnel":
            yield from self._funnel()
            return
        own_plan = self.kind == "share_of_plan" and bool(self.plan)
        halved = self.kind in {"count", "sum"} or own_plan
        if self.stream is None:
            source = _reported(self.id, self.per, denominator=not halved)
            yield self._measure(self.id)
        else:
            source = {
                "stream": self.stream,
                "numerator": self.numerator,
                "numerator_scale": self.numerator_scale,
                "denominator": self.denominator,
                "denominator_scale": self.denominator_scale * self.per,
            }
        kind = {"sum": "count", "share_of_plan": "share_of_plan" if own_plan else "ratio"}
        yield StandsFor(
            "indicator",
            {
                **self._common(),
                "id": self.id,
                "title": self.title,
                "kind": kind.get(self.kind, self.kind),
                "unit": self._unit,
                "direction": self.direction,
                "contributions": (source,),
                "plan": self.plan,
                "baseline": self.baseline,
            },
        )

    def _funnel(self) -> Iterator[StandsFor]:
        before: Step | None = None
        for number, step in enumerate(self.steps):
            part = ("steps", number)
            named = f"{self.id}_{step.id}"
            counted: dict[str, Any] = {"stream": self.stream, "numerator": step.numerator}
            if self.stream is None:
                counted = _reported(named, 1, denominator=False)
                yield self._measure(named, part)
            common = {**self._common(), "title": f"{self.title}: {step.title}"}
            yield StandsFor(
                "indicator",
                {
                    **common,
                    "id": named,
                    "kind": "count",
                    "unit": self._unit,
                    "direction": self.direction,
                    "contributions": (counted,),
                },
                part,
            )
            if before is not None:
                share = {**counted, "denominator": before.numerator}
                if self.stream is None:
                    share = _reported(named, 1, denominator=True)
                yield StandsFor(
                    "indicator",
                    {
                        **common,
                        "id": f"{named}_share",
                        "title": f"{self.title}: {step.title}, share of {before.title.lower()}",
                        "kind": "ratio",
                        "unit": "ratio",
                        "direction": self.direction,
                        "minimum_denominator": self.minimum_denominator,
                        "contributions": (share,),
                    },
                    part,
                )
            before = step

    def _common(self) -> dict[str, Any]:
        """Give what every indicator it stands for says."""
        if self.stream is not None:
            windows = _STREAMS[self.stream]
        else:
            assert self.grain is not None  # noqa: S101 - one of the two is given
            windows = (self.grain,) if self.stock else RETURN_WINDOWS[self.grain]
        return {
            "purpose": self.purpose,
            "horizon": self.horizon,
            "windows": self.windows or windows,
            "levels": self.levels,
            "strata": self.strata,
            "minimum_denominator": 1 if self.kind == "funnel" else self.minimum_denominator,
            "programme": self.programme,
            "definition": self.definition,
            "source": self.source,
        }

    def _measure(self, named: str, part: tuple[str | int, ...] = ()) -> StandsFor:
        kind = "stock" if self.stock else "flow"
        return StandsFor("measure", {"id": named, "grain": self.grain, "kind": kind}, part)


_STREAMS: dict[str, tuple[WindowName, ...]] = {
    **{one.name: one.windows for one in FAMILIES.values()},
    **{one.name: one.windows for one in RTT_STREAMS.values()},
}


def _reported(measure: str, per: int, *, denominator: bool) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "stream": f"measure:{measure}",
        "numerator": "numerator_e6",
        "numerator_scale": AMOUNT_SCALE,
        "requires": "with_numerator",
    }
    if denominator:
        parts |= {"denominator": "denominator_e6", "denominator_scale": AMOUNT_SCALE * per}
    return parts


class Programme(Declared):
    """A programme that local measures belong to: who asked for it, and until when it is paid for."""

    id: Id
    title: str
    requester: str
    start: date
    funding_end: date | None = None
    review_date: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name, day in (("funding_end", self.funding_end), ("review_date", self.review_date)):
            if day is not None and day < self.start:
                raise wrong(name, f"{day} is before start, {self.start}")
        return self

    def warnings(self, today: date) -> list[str]:
        """Say what is near, or past."""
        found = []
        for name, day in (("review_date", self.review_date), ("funding_end", self.funding_end)):
            if day is None or (days := (day - today).days) > AHEAD_DAYS:
                continue
            when = f"in {days} days" if days > 0 else "today" if days == 0 else f"{-days} days ago"
            what = {"review_date": "its review is due", "funding_end": "its funding ends"}[name]
            found.append(self.mistake(f"programme {self.id}: {what} on {day}, {when}", name))
        return found
