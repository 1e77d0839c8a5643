"""Explain: why a figure changed, from files or from what Kafka still holds, as a table or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streams.assessment.explain import Inquiry
from streams.assessment.explain_answer import Explanation, Part, Question, Side
from streams.assessment.explain_mix import OTHERS, Member
from streams.assessment.explain_reasons import TOGETHER
from streams.assessment.rows import UNSTRATIFIED, figure, instant
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue
from streams.commands.replay import AT, as_log, read_lines
from streams.engine.calendar import utc
from streams.errors import ConfigurationError, SourceError
from streams.organisations import Register
from streams.settings import Settings

_NAME_WIDTH = 20
MEMBERS_SHOWN = 10
"""Members in the table; JSON has all."""


def parse_stratum(text: str | None) -> tuple[str, str]:
    """Read `dimension=value`.

    Raises:
        ConfigurationError: when it is not of that form.
    """
    if text is None:
        return UNSTRATIFIED
    dimension, equals, value = text.partition("=")
    if not (dimension and equals and value):
        raise ConfigurationError(f"--stratum {text!r} is not of the form imd_quintile=1")
    return dimension, value


def from_files(
    files: Iterable[Path],
    question: Question,
    since: datetime,
    until: datetime | None,
    *,
    catalogue: Catalogue,
    register: Register,
    rule: Rule = SHOWN_FROM_8,
) -> Explanation:
    """Explain from files, whose records count as appended when they were recorded.

    Raises:
        SourceError: when a file cannot be read, or holds nothing of what is asked.
        ConfigurationError: when the question has no answer.
    """
    records = as_log(read_lines(files), until)
    if not records:
        raise SourceError("no events in the input")
    if not records[-1].timestamp:  # not one line was read
        raise SourceError("no line of the input is an event: `oversight replay` says why of each")
    until_ms = records[-1].timestamp + 1 if until is None else _milliseconds(until)
    moments = (_milliseconds(since), until_ms)
    inquiry = Inquiry(catalogue, register, question, moments, rule=rule)
    refused = len(inquiry.feed(AT, records).refused)
    found = inquiry.answer()
    if not refused:
        return found
    note = f"{refused} lines of the input were refused and count nowhere: `oversight replay` says which"
    return msgspec.structs.replace(found, notes=(*found.notes, note))


async def from_kafka(
    settings: Settings,
    question: Question,
    since: datetime,
    until: datetime,
    *,
    catalogue: Catalogue,
    register: Register,
) -> Explanation:
    """Explain from what the input topics hold now, read whole, partition by partition.

    Raises:
        TopicError: when Kafka cannot be reached or a topic is missing.
        SourceError: when the topics hold nothing of what is asked.
        ConfigurationError: when the question has no answer.
    """
    from streams.pipeline.retained import engine_settings, read_retained

    moments = (_milliseconds(since), _milliseconds(until))
    decide = engine_settings(settings)
    inquiry = Inquiry(catalogue, register, question, moments, decide, rule=settings.rule)
    async for at, records, accepts in read_retained(settings, inquiry.restore):
        inquiry.feed(at, records, accepts)
    return inquiry.answer()


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def as_json(one: Explanation) -> dict[str, Any]:
    """Give an explanation as the command line prints it: numbers, and fractions that add up exactly."""
    return {
        "indicator": one.indicator,
        "org": one.org,
        "level": one.level,
        "window": one.window,
        "basis": one.basis,
        "strata": {} if one.strata == UNSTRATIFIED else dict([one.strata]),
        "unit": one.unit,
        "older": _side(one.older),
        "newer": _side(one.newer),
        "change": _number(one.change),
        "change_exact": _exact(one.change),
        "parts": [_part(part) for part in one.parts],
        "rate": _number(one.rate),
        "rate_exact": _exact(one.rate),
        "mix": _number(one.mix),
        "mix_exact": _exact(one.mix),
        "members": [_member(member) for member in one.members],
        "strata_of_gap": [as_json(stratum) for stratum in one.strata_of],
        "notes": list(one.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "at": instant(side.moment_ms),
        "period_start": _bound(side.start),
        "period_end": _bound(side.end),
        "numerator": _number(side.numerator),
        "denominator": _number(side.denominator),
        "value": _number(side.value),
        "value_exact": _exact(side.value),
        "flags": list(side.flags),
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "reason": part.reason,
        "of": list(part.of),
        "records": part.records,
        "numerator": _number(part.numerator),
        "denominator": _number(part.denominator),
        "value": _number(part.value),
        "value_exact": _exact(part.value),
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "org": member.org,
        "older": [_number(amount) for amount in member.older],
        "newer": [_number(amount) for amount in member.newer],
        "rate": _number(member.rate),
        "rate_exact": _exact(member.rate),
        "mix": _number(member.mix),
        "mix_exact": _exact(member.mix),
    }


def _bound(bound: date | datetime | None) -> str | None:
    if isinstance(bound, datetime):
        return instant(_milliseconds(bound))
    return None if bound is None else str(bound)


def _number(amount: Fraction | None) -> float | None:
    """Give a whole number where it is one, as rows do."""
    if amount is None:
        return None
    return amount.numerator if amount.denominator == 1 else float(amount)


def _exact(amount: Fraction | None) -> str | None:
    return None if amount is None else str(amount)


def show_explanation(one: Explanation, output: str, catalogue: Catalogue, register: Register) -> None:
    """Print an explanation as `table` or `json`, one object on one line."""
    if output == "json":
        sys.stdout.write(json.dumps(as_json(one)) + "\n")
        return
    console = Console(highlight=False)
    title = catalogue.indicators[one.indicator].title
    stratum = "" if one.strata == UNSTRATIFIED else f", {' '.join(one.strata)}"
    console.print(f"{title}\n{register.name(one.org)} ({one.org}, {one.level}), {one.basis}{stratum}")
    console.print(_sides(one))
    for part in one.strata_of:
        console.print(f"{' '.join(part.strata)}: {_shown(part, part.older)}, now {_shown(part, part.newer)}")
        console.print(_reasons(part))
    console.print(_reasons(one))
    if one.members:
        console.print(_members(one, register))
    for note in one.notes:
        console.print(f"note: {note}")


def _shown(of: Explanation, side: Side) -> str:
    return _figure(side.value, of.unit, gap=bool(of.strata_of))


def _figure(value: Fraction | None, unit: str, *, gap: bool = False) -> str:
    """Give a value closer than the board does: changes are often small."""
    if value is None or value.denominator == 1:
        return figure(None if value is None else int(value), unit, gap=gap)
    if unit == "ratio":
        return f"{100 * float(value):+.2f} points" if gap else f"{100 * float(value):.2f} %"
    return f"{float(value):,.3f} {unit}"


def _sides(one: Explanation) -> Table:
    sides = (one.older, one.newer)
    table = Table("", "before", "now", box=SIMPLE_HEAD)
    table.add_row("at", *(_at(side) for side in sides))
    table.add_row(one.window, *(_period(side) for side in sides))
    if not one.strata_of:
        table.add_row("numerator", *(_amount(side.numerator) for side in sides))
        table.add_row("denominator", *(_amount(side.denominator) for side in sides))
    table.add_row("value", *(_shown(one, side) for side in sides))
    table.add_row("flags", *(" ".join(side.flags) for side in sides))
    return table


def _at(side: Side) -> str:
    return f"{utc(side.moment_ms // 1000):%Y-%m-%d %H:%M:%S} UTC"


def _period(side: Side) -> str:
    if isinstance(side.start, datetime) and isinstance(side.end, datetime):
        return f"{side.start:%d %b %H:%M} to {side.end:%d %b %H:%M}"
    return "" if side.start is None else f"{side.start} to {side.end}"


def _reasons(one: Explanation) -> Table:
    gap = bool(one.strata_of)
    change = f"change, {_unit(one)}"
    names = ("records", change) if gap else ("records", "numerator", "denominator", change)
    table = Table("reason", box=SIMPLE_HEAD)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for part in one.parts:
        name = f"{', '.join(part.of)}" if part.reason == TOGETHER else part.reason.replace("_", " ")
        few = part.records is None and part.reason == TOGETHER
        amounts = (
            () if gap else (_amount(part.numerator, signed=True), _amount(part.denominator, signed=True))
        )
        table.add_row(name, "few" if few else _count(part.records), *amounts, _change(part.value, one.unit))
    table.add_section()
    totals = (_total(part.numerator for part in one.parts), _total(part.denominator for part in one.parts))
    shown = () if gap else tuple(_amount(total, signed=True) for total in totals)
    table.add_row("all", "", *shown, _change(one.change, one.unit))
    return table


def _members(one: Explanation, register: Register) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("member", no_wrap=True)
    for name in ("before", "now", "rate", "mix", "both"):
        table.add_column(name, justify="right", no_wrap=True)

    def weight(member: Member) -> Fraction:
        if member.rate is None or member.mix is None:
            return abs(member.newer[0] - member.older[0])
        return abs(member.rate) + abs(member.mix)

    ordered = sorted(one.members, key=weight, reverse=True)
    for member in ordered[:MEMBERS_SHOWN]:
        name = member.org if member.org == OTHERS else f"{member.org} {register.name(member.org)}"
        sides = (_value_of(member.older, one), _value_of(member.newer, one))
        table.add_row(name[:_NAME_WIDTH], *sides, *_changes([member], one.unit))
    if rest := ordered[MEMBERS_SHOWN:]:
        table.add_row(f"{len(rest)} more", "", "", *_changes(rest, one.unit))
    table.add_section()
    table.add_row("all", "", "", *_changes(one.members, one.unit))
    return table


def _changes(members: Sequence[Member], unit: str) -> Iterable[str]:
    rate, mix = _total(one.rate for one in members), _total(one.mix for one in members)
    return (_change(value, unit) for value in (rate, mix, _total((rate, mix))))


def _value_of(pair: tuple[Fraction, Fraction], one: Explanation) -> str:
    """Give a member's value; of a count, and where there is nothing to divide by, its numerator."""
    if one.older.denominator is None and one.newer.denominator is None:
        return _amount(pair[0])
    return _figure(pair[0] / pair[1] if pair[1] else None, one.unit)


def _total(amounts: Iterable[Fraction | None]) -> Fraction | None:
    found = [amount for amount in amounts if amount is not None]
    return sum(found, Fraction(0)) if found else None


def _count(records: int | None) -> str:
    return "" if records is None else f"{records:,}"


def _amount(amount: Fraction | None, *, signed: bool = False) -> str:
    if amount is None:
        return ""
    return f"{float(amount):{'+' if signed and amount else ''},.10g}"


def _unit(one: Explanation) -> str:
    """Give the unit of a change: of ratios, percentage points."""
    return "points" if one.unit == "ratio" else one.unit


def _change(value: Fraction | None, unit: str) -> str:
    """Give a change of value in that unit."""
    if value is None:
        return ""
    sign = "+" if value else ""
    if unit == "ratio":
        return f"{100 * float(value):{sign}.3f}"
    return f"{float(value):{sign},.3f}" if value.denominator != 1 else f"{int(value):{sign},}"
