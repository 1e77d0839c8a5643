"""Returns as facts: reported measures and the RTT census, each replaced whole, a period at a time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from streams.engine.calendar import day_number
from streams.engine.families.base import Facts, definition
from streams.engine.families.strata import UNSTRATIFIED, Cell
from streams.engine.windows import RETURN_WINDOWS, Grain, WindowName, tumbling

AMOUNT_SCALE = 1_000_000
"""Reported amounts are kept in millionths, so that sums of decimals stay exact."""

MEASURE_FACTS = ("reports", "with_numerator", "numerator_e6", "denominator_e6")
PEER_FIGURES = ("median", "lower_quartile", "upper_quartile", "rank")
"""What may stand beside a published figure of an organisation, as `schemas.measure.PeerFigures` has it."""
PUBLISHED_FACTS = (
    "reports",
    "with_numerator",
    "numerator_e6",
    *(fact for name in PEER_FIGURES for fact in (f"with_{name}", f"{name}_e6")),
)
RTT_FACTS = ("reports", "total", "within_18w", "over_52w", "over_65w")
WITHIN_WEEKS = 18
"""By the published bands: ">17 to 18 weeks" is within, so a wait of exactly 126 days counts as within."""

Contribution = tuple[Cell, Facts]


@dataclass(frozen=True)
class Measure:
    """A declared measure: how long its periods are and whether they may be added.

    Attributes:
        id: as publishers send it in `data.measure`.
        grain: length of one reported period.
        kind: `flow` may be summed over time (attendances); `stock` is a level at the period's end
            (a register) and has no window but its own; `published` is a figure as published, with its
            peers, and is in no sum at all.
        roll_up: whether it counts in the sums of higher levels: a figure that was published of an
            organisation apart from its parts does not.
        official_only: reported by official publications alone, because our own figure of it comes from
            events: two figures of one basis would be one series.
        denominator: whether a report needs one; a sum without some of them would be too high.
    """

    id: str
    grain: Grain
    kind: Literal["flow", "stock", "published"] = "flow"
    roll_up: bool = True
    official_only: bool = False
    denominator: bool = True


@dataclass(frozen=True)
class ReturnStream:
    """What the engine must know of a stream of returns: its vector and its windows."""

    name: str
    facts: tuple[str, ...]
    grain: Grain
    windows: tuple[WindowName, ...]
    official_only: bool = False
    denominator: bool = False
    rolled_up: bool = True

    @property
    def published(self) -> bool:
        """Whether it is of figures as published."""
        return self.facts == PUBLISHED_FACTS

    @property
    def definition(self) -> str:
        """Identify the meaning of the vector."""
        return definition(self.name, 1, self.facts)


RTT_STREAMS: dict[str, ReturnStream] = {
    "month": ReturnStream("rtt_month", RTT_FACTS, "month", ("month",)),
    "week": ReturnStream("rtt_week", RTT_FACTS, "week", ("week",)),
}


def measure_stream(measure: Measure) -> ReturnStream:
    """Give the stream of a declared measure."""
    windows = RETURN_WINDOWS[measure.grain] if measure.kind == "flow" else (measure.grain,)
    published = measure.kind == "published"
    return ReturnStream(
        name=f"{'published' if published else 'measure'}:{measure.id}",
        facts=PUBLISHED_FACTS if published else MEASURE_FACTS,
        grain=measure.grain,
        windows=windows,
        official_only=measure.official_only,
        denominator=measure.denominator,
        rolled_up=measure.roll_up and not published,
    )


def millionths(amount: Any) -> int:
    """Give an exact amount in millionths; None is 0."""
    if amount is None:
        return 0
    return amount * AMOUNT_SCALE if isinstance(amount, int) else int(Decimal(amount) * AMOUNT_SCALE)


def _amounts(one: Any) -> Facts:
    if one.numerator is None:  # no return: its denominator must not dilute a sum
        return 1, 0, 0, 0
    return 1, 1, millionths(one.numerator), millionths(one.denominator)


def reduce_measure(data: Any) -> tuple[Contribution, ...]:
    """Reduce a reported measure: one contribution unstratified, one a stratum."""
    strata = ((((s.dimension, s.value),), _amounts(s)) for s in data.strata)
    return (UNSTRATIFIED, _amounts(data)), *strata


def reduce_published(data: Any) -> tuple[Contribution, ...]:
    """Reduce a figure as published: its value and what stands beside it, each with whether it is there."""
    peers = [getattr(data.peers, name, None) for name in PEER_FIGURES]
    pairs = ((int(one is not None), millionths(one)) for one in (data.numerator, *peers))
    return ((UNSTRATIFIED, (1, *(fact for pair in pairs for fact in pair))),)


def _bands(bands: Any) -> Facts:
    return 1, sum(bands), sum(bands[:WITHIN_WEEKS]), sum(bands[52:]), sum(bands[65:])


def reduce_rtt(data: Any) -> tuple[Contribution, ...]:
    """Reduce an RTT census from its week bands."""
    strata = ((((s.dimension, s.value),), _bands(s.bands)) for s in data.strata)
    return (UNSTRATIFIED, _bands(data.bands)), *strata


def rtt_period_start(data: Any) -> int:
    """Give the first day of the month or week that ends with the census."""
    return tumbling(data.cadence, day_number(data.census_date)).start
