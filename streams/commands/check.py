"""Check: what is declared, read as a start would read it, and what will need a hand before long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from streams.catalogue import Catalogue, Expectations, read_sources
from streams.commands.organisations import configured, responsibilities
from streams.settings import Settings


def declarations(settings: Settings, today: date) -> Iterator[str]:
    """Give the lines about catalogue, register, responsibilities and expected sources.

    Args:
        settings: name the files.
        today: the day that ends and reviews are seen from.

    Raises:
        ConfigurationError: as at a start, naming every mistake, its file and its line.
    """
    catalogue = Catalogue.with_local(settings.local)
    yield f"catalogue: {len(catalogue.indicators)} indicators, {len(catalogue.thresholds)} thresholds"
    if settings.local is not None:
        own = len(catalogue.indicators) - len(Catalogue.shipped().indicators)
        yield f"of them from {settings.local}: {own} indicators, {len(catalogue.programmes)} programmes"
    if unjudged := catalogue.unjudged(today):
        yield (
            f"national thresholds: none holds now, at some or all levels, for {', '.join(unjudged)};"
            " a trajectory or a threshold of your own judges there (docs/thresholds.md)"
        )
    for warning in catalogue.warnings(today):
        yield f"warning: {warning}"
    register = configured(settings)
    yield f"organisations: {sum(1 for _ in register.all())}"
    if table := responsibilities(settings, catalogue, register):
        yield f"responsibilities: {len(table)}"
    if settings.sources is not None:
        expected = read_sources(settings.sources)
        Expectations(catalogue.intervals, catalogue.returns(), expected)
        yield f"expected sources: {len(expected)}"
