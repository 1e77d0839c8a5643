"""Ours against each contender, from one run: the ratios that are compared between machines and releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from streams.bench.measured import Measured

OURS = "panes"
GOALS = {
    "raw": 0.60,
    "faust": 40.0,
    "quix": 12.0,
    "bytewax": 3.0,
    "kafka_streams_wall": 2.0,
    "kafka_streams_cpu": 2.0,
}
"""Ratio to the least that was set for it."""


def rate(one: Measured) -> float:
    """Give events a second."""
    return one.events / one.wall_seconds


def cpu(one: Measured) -> float:
    """Give processor seconds a million events, which is µs an event."""
    return one.cpu_seconds / one.events * 1e6


def faster(ours: Measured, other: Measured) -> float:
    """Give how many times as fast ours was by the clock."""
    return rate(ours) / rate(other)


def thriftier(ours: Measured, other: Measured) -> float:
    """Give how many times as much ours did with a second of processor time."""
    return cpu(other) / cpu(ours)


_AGAINST: dict[str, tuple[str, Callable[[Measured, Measured], float]]] = {
    "raw": ("raw", faster),
    "faust": ("faust", faster),
    "quix": ("quix", faster),
    "bytewax": ("bytewax", faster),
    "kafka_streams_wall": ("kafka_streams_memory", faster),
    "kafka_streams_cpu": ("kafka_streams_memory", thriftier),
}


def pairs(
    runs: Mapping[str, Sequence[Measured]], other: str, figure: Callable[[Measured, Measured], float]
) -> list[float]:
    """Give a figure of (ours, the other) for each round in which both ran."""
    return [figure(ours, one) for ours, one in zip(runs[OURS], runs[other], strict=True)]


def ratios(runs: Mapping[str, Sequence[Measured]]) -> dict[str, float]:
    """Give the median of each ratio whose contenders ran."""
    return {
        name: round(median(pairs(runs, other, figure)), 3)
        for name, (other, figure) in _AGAINST.items()
        if OURS in runs and other in runs
    }
