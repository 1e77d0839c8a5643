"""Check: what is declared, read as a start would read it, and what will need a hand before long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from streams.catalogue import Catalogue, Expectations, read_sources
from streams.catalogue.dated import Dated
from streams.commands.organisations import configured, responsibilities
from streams.organisations import Register
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
    yield from _misdirected(catalogue, register)
    if table := responsibilities(settings, catalogue, register):
        yield f"responsibilities: {len(table)}"
    if settings.sources is not None:
        expected = read_sources(settings.sources)
        Expectations(catalogue.intervals, catalogue.returns(), expected)
        yield f"expected sources: {len(expected)}"


def _misdirected(catalogue: Catalogue, register: Register) -> Iterator[str]:
    """Warn of what is declared of one organisation at levels at which the register does not have it.

    Sites stand in no register, and any code may be one.
    """
    dated: list[Dated] = list(catalogue.thresholds)
    for indicator in catalogue.indicators.values():
        dated += (one for _, references in indicator.beside() for one in references)
    for one in dated:
        if one.org is None or "site" in one.levels:
            continue
        level = register.level(one.org)
        if level not in one.levels:
            known = "" if register.organisation(one.org) else "in no register, so "
            told = f"{one.org} is {known}of level {level}, not {', '.join(one.levels)}: it holds nowhere"
            yield f"warning: {one.mistake(told, 'org')}"
