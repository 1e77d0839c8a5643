"""Parts of the benchmark that are measured by themselves, each with its own date and circumstances.

A part is a module that measures, and tells what it has measured in lines of Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from streams.bench import exposition, latency, machine, scaling, workers, year


class Place(NamedTuple):
    """Where things are while the benchmark runs: files, Kafka (empty for none), and who is told."""

    directory: Path
    bootstrap: str
    say: Callable[[str], None]


class Part(msgspec.Struct, frozen=True):
    """One part: when and where it was measured, and the figures as their module has them."""

    measured_on: str
    versions: dict[str, str]
    machine: dict[str, str | int | float]
    figures: dict[str, Any]


class _Kind(NamedTuple):
    """How a part is measured and told.

    Attributes:
        title: heading on the page.
        type: of its figures.
        measure: measures it.
        lines: its figures as Markdown.
        draw: its figures as SVG, for a part with a picture.
    """

    title: str
    type: type[Any]
    measure: Callable[[Place], Any]
    lines: Callable[[Any], list[str]]
    draw: Callable[[Any], bytes] | None = None


PARTS = {
    "scaling": _Kind(
        "Scale: as more is held, and over more organisations",
        scaling.Scaling,
        lambda _place: scaling.measure(),
        scaling.lines,
        scaling.picture,
    ),
    "year": _Kind(
        "A year of England's attendances", year.Year, lambda _place: year.measure(), year.lines
    ),
    "latency": _Kind(
        "Latency: from append to visible",
        latency.Latency,
        lambda place: latency.measure(place.bootstrap, place.directory),
        latency.lines,
    ),
    "workers": _Kind(
        "Partitions and workers",
        workers.Workers,
        lambda place: workers.measure_apart(place.directory),
        workers.lines,
    ),
    "exposition": _Kind(
        "Exposition and event loop",
        exposition.Exposition,
        lambda _place: exposition.measure(),
        exposition.lines,
    ),
}  # fmt: skip
"""Name, as `--part` has it, to its kind, in the order of the page."""


def measure_parts(names: Iterable[str], place: Place) -> dict[str, Part]:
    """Measure parts, one after the other.

    Raises:
        BenchmarkError: one failed, or its result is wrong.
    """
    found = {}
    for name in names:
        place.say(f"{name}: measuring")
        busy, versions = machine.machine(), machine.versions(kafka=bool(place.bootstrap))
        figures = msgspec.to_builtins(PARTS[name].measure(place))
        found[name] = Part(datetime.now(UTC).date().isoformat(), versions, busy, figures)
    return found


def tell(name: str, part: Part) -> list[str]:
    """Give the figures of a part as Markdown."""
    kind = PARTS[name]
    told = kind.lines(msgspec.convert(part.figures, kind.type))
    return told if kind.draw is None else [*told, "", f"![{kind.title}]({picture_of(name)})"]


def picture_of(name: str) -> str:
    """Give the file name of a part's picture."""
    return f"benchmarks-{name}.svg"


def pictures(parts: Mapping[str, Part]) -> dict[str, bytes]:
    """Draw the parts that have a picture: file name to SVG."""
    found = {}
    for name, part in parts.items():
        kind = PARTS[name]
        if kind.draw is not None:
            found[picture_of(name)] = kind.draw(msgspec.convert(part.figures, kind.type))
    return found
