"""Printing rows: a table for people, JSON lines for programs, Prometheus text for curiosity."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from streams.assessment import Row
from streams.assessment.rows import shown
from streams.catalogue import Catalogue
from streams.catalogue.declared import PURPOSES
from streams.catalogue.markdown import catalogue_page
from streams.commands.dead_letters import DeadLetter
from streams.errors import ConfigurationError
from streams.organisations import Register


def show_rows(rows: Sequence[Row], output: str, catalogue: Catalogue, register: Register) -> None:
    """Print rows as `table`, `json` or `prometheus`.

    Raises:
        ConfigurationError: when the format is none of them.
    """
    if output == "json":
        for row in rows:
            sys.stdout.write(json.dumps(row.as_json()) + "\n")
    elif output == "prometheus":
        from streams.exposition.renderer import render_rows

        sys.stdout.write(render_rows(rows, catalogue, register))
    elif output == "table":
        Console().print(_table(rows, catalogue, register))
    else:
        raise ConfigurationError(f"--format {output}: is none of table, json, prometheus")


def _table(rows: Sequence[Row], catalogue: Catalogue, register: Register) -> Table:
    table = Table("indicator", "organisation", "level", "window", "from", "until", "stratum", "basis")
    for name in ("value", "of", "status", "flags"):
        table.add_column(name, justify="right" if name in ("value", "of") else "left")
    for row in rows:
        strata = ", ".join(f"{name} {value}" for name, value in row.strata.items())
        table.add_row(
            catalogue.indicators[row.indicator].title,
            register.name(row.org),
            row.level,
            row.window,
            str(row.period_start),
            str(row.period_end),
            strata,
            row.basis,
            shown(row),
            "" if row.denominator is None else f"{row.denominator:,.10g}",
            row.status,
            " ".join(row.flags),
        )
    return table


def show_catalogue(catalogue: Catalogue, output: str) -> None:
    """Print the declared indicators as `table`, `json` or `markdown`."""
    if output == "markdown":
        sys.stdout.write(f"# Indicators\n{catalogue_page(catalogue)}")
        return
    if output == "json":
        for one in catalogue.indicators.values():
            thresholds = [t.model_dump(mode="json") for t in catalogue.thresholds if t.indicator == one.id]
            programme = catalogue.programmes[one.programme].model_dump(mode="json") if one.programme else None
            record = {**one.model_dump(mode="json"), "thresholds": thresholds, "programme": programme}
            sys.stdout.write(json.dumps(record) + "\n")
        return
    table = Table("identifier", "title", "purpose", "better", "unit", "windows", "source")
    for one in catalogue.indicators.values():
        purpose = PURPOSES[one.purpose]
        table.add_row(one.id, one.title, purpose, one.direction, one.unit, " ".join(one.windows), one.source)
    Console().print(table)
    if catalogue.programmes:
        Console().print(_programmes(catalogue))


def _programmes(catalogue: Catalogue) -> Table:
    table = Table("programme", "title", "asked for by", "start", "funding ends", "review", "indicators")
    for one in catalogue.programmes.values():
        dates = (one.start, one.funding_end, one.review_date)
        own = [of.id for of in catalogue.indicators.values() if of.programme == one.id]
        told = ("" if day is None else str(day) for day in dates)
        table.add_row(one.id, one.title, one.requester, *told, "\n".join(own))
    return table


def show_dead_letters(letters: Sequence[DeadLetter], output: str) -> None:
    """Print refused records as `table` or `json`; the original bytes are not shown."""
    if output == "json":
        for one in letters:
            record = {"identity": one.identity, "reason": one.reason, "problems": one.problems}
            sys.stdout.write(json.dumps({**record, "bytes": one.cut_from_bytes or len(one.value)}) + "\n")
        return
    table = Table("record", "reason", "bytes", "problems")
    for one in letters:
        table.add_row(one.identity, one.reason, str(one.cut_from_bytes or len(one.value)), one.problems)
    Console().print(table)
