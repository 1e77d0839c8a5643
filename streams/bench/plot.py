"""The benchmark as pictures: the contenders of one workload, and what grows with what is held."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from streams.bench.measured import Measured
from streams.bench.ratios import OURS, cpu, rate

_OURS_COLOUR, _OTHER_COLOUR = "#0072B2", "#999999"


def bars(runs: Mapping[str, Sequence[Measured]], names: Mapping[str, str]) -> bytes:
    """Draw medians as bars, with the smallest and largest as whiskers; both axes are logarithmic.

    Args:
        runs: contender to its rounds.
        names: contender to what it is called; the others are left out.

    Returns:
        An SVG that is the same for the same figures.
    """
    shown = [one for one in names if one in runs]
    with _figure(height=0.9 + 0.38 * len(shown)) as figure:
        for axes, (title, value) in zip(
            figure.subplots(1, 2, sharey=True),
            (("events a second (more is better)", rate), ("CPU µs an event (less is better)", cpu)),
            strict=True,
        ):
            each = [[value(run) for run in runs[one]] for one in shown]
            middle = [median(values) for values in each]
            spread = [
                [m - min(values) for m, values in zip(middle, each, strict=True)],
                [max(values) - m for m, values in zip(middle, each, strict=True)],
            ]
            colours = [_OURS_COLOUR if one in (OURS, "one") else _OTHER_COLOUR for one in shown]
            axes.barh([names[one] for one in shown], middle, xerr=spread, color=colours, log=True)
            axes.set_title(title, fontsize=10)
            axes.grid(axis="x", alpha=0.3)
            for number, one in enumerate(middle):
                axes.annotate(f" {one:,.3g}", (one, number), va="center", fontsize=8)
            axes.margins(x=0.25)
        figure.axes[0].invert_yaxis()
        return _svg(figure)


def curves(across: str, along: Sequence[float], curves: Mapping[str, Sequence[float]]) -> bytes:
    """Draw what grows, each with axes of its own; the axis across is logarithmic.

    Args:
        across: what grows.
        along: its values.
        curves: what is drawn over it: its name and unit to a value for each of `along`.
    """
    with _figure(height=3.2) as figure:
        for axes, (name, values) in zip(
            figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True
        ):
            axes.plot(along, values, marker="o", color=_OURS_COLOUR)
            axes.set(xscale="log", xlabel=across, ylim=(0, 1.15 * max(values)))
            axes.set_title(name, fontsize=10)
            axes.grid(alpha=0.3)
        return _svg(figure)


@contextmanager
def _figure(height: float) -> Iterator[Any]:
    """Give a figure; while it is entered, equal figures become equal SVGs."""
    import matplotlib as mpl  # noqa: PLC0415 - only what draws needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": "oversight"}):
        yield Figure(figsize=(9, height), layout="constrained")


def _svg(figure: Any) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
