"""Official publications by name: which there are, and reading one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from streams.sources import ae, beds, discharge, nof, rtt
from streams.sources.events import Event


class Given(NamedTuple):
    """What is given besides the file.

    Attributes:
        recorded: when the figures became known; the period's end unless given.
        lookup: ODS code by the code that a publication uses.
        declared: the measures of the catalogue.
    """

    recorded: datetime | None = None
    lookup: Mapping[str, str] | None = None
    declared: Collection[str] | None = None


LOADERS: dict[str, Callable[[Path, Given], Iterator[Event]]] = {
    "ae": lambda path, given: ae.load(path, given.recorded),
    "beds": lambda path, given: beds.load(path, given.recorded),
    "discharge": lambda path, given: discharge.load(path, given.recorded, given.lookup),
    "nof": lambda path, given: nof.load(path, given.recorded, given.declared),
    "rtt": lambda path, given: rtt.load(path, given.recorded),
}
"""By the name that `oversight load` calls a publication."""
