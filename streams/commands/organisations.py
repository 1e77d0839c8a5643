"""`oversight organisations`: the register listed, one organisation shown, official files compared with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from streams.catalogue import Catalogue
from streams.catalogue.declared import PURPOSES
from streams.organisations import ENGLAND, Register, Succession
from streams.organisations.profile import Link, Profile, profile
from streams.organisations.refresh import Change, Refreshed
from streams.organisations.responsibilities import Assigned, Responsibilities
from streams.settings import Settings

_PLURAL = {"successors": "successor", "predecessors": "predecessor"}


def configured(settings: Settings) -> Register:
    """Give the register as an operator has it.

    Raises:
        ConfigurationError: One of its tables cannot be used.
    """
    return Register.configured(settings.register_directory, settings.organisations)


def responsibilities(settings: Settings, catalogue: Catalogue, register: Register) -> Responsibilities:
    """Give who is responsible for what, held against catalogue and register.

    Raises:
        ConfigurationError: The table cannot be used.
    """
    known = {*PURPOSES, *catalogue.indicators}
    return Responsibilities.from_directory(settings.organisations, register, known)


def show_organisations(register: Register, day: date, output: str) -> None:
    """Print all organisations, and where each belongs on `day`, as `table` or `json`."""
    table = Table("code", "name", "kind", "place", "ICB", "region", "from", "until", "note")
    for organisation in register.all():
        one = _brief(register, organisation.code, day)
        if output == "json":
            sys.stdout.write(json.dumps(one) + "\n")
        else:
            columns = ("code", "name", "kind", "place", "icb", "region", "valid_from", "valid_to")
            note = "membership assumed" if one["assumed"] else ""
            table.add_row(*(str(one[name] or "") for name in columns), note)
    if output != "json":
        Console().print(table)


def show_organisation(register: Register, table: Responsibilities, code: str, day: date, output: str) -> None:
    """Print everything known of one organisation on a day, as `table` or as one JSON object.

    Raises:
        ConfigurationError: The code is not in the register.
    """
    found = profile(register, code, day)
    record = _record(register, found, table)
    if output == "json":
        sys.stdout.write(json.dumps(record) + "\n")
        return
    console = Console(highlight=False)
    console.print(f"{record['name']} ({code}), {record['kind']}, {_span(record)}, on {day}")
    if not record["active"]:
        console.print(f"it does not exist on {day}")
    for changed in record["changed_footprint"]:
        console.print(f"what it covers changed on {changed}: figures before and after are of other people")
    for title, columns, rows in _sections(record):
        if rows:
            shown = Table(*columns, title=title, title_justify="left")
            for row in rows:
                shown.add_row(*row)
            console.print(shown)


def _brief(register: Register, code: str, day: date) -> dict[str, Any]:
    organisation = register.organisation(code)
    assert organisation is not None  # noqa: S101 - it is of the register
    parents = register.parents(code, day)
    return {
        "code": code,
        "name": register.name(code),
        "kind": organisation.kind,
        "level": register.level(code),
        "neighbourhood": parents.neighbourhood,
        "place": parents.place,
        "icb": parents.icb,
        "cluster": parents.cluster,
        "region": parents.region,
        "valid_from": _day(organisation.valid_from),
        "valid_to": _day(organisation.valid_to),
        "assumed": parents.assumed,
    }


def _record(register: Register, found: Profile, table: Responsibilities) -> dict[str, Any]:
    code = found.organisation.code
    return {
        **_brief(register, code, found.day),
        "at": found.day.isoformat(),
        "active": found.organisation.is_active(found.day),
        "parents": [_link(register, one) for one in found.links],
        "predecessors": [_succession(register, one, one.predecessor) for one in found.predecessors],
        "successors": [_succession(register, one, one.successor) for one in found.successors],
        "changed_footprint": [one.isoformat() for one in found.footprint_days],
        "members": [
            {"code": one, "name": register.name(one), "level": register.level(one)} for one in found.members
        ],
        "responsibilities": [_assigned(register, one) for one in table.at(code, found.day, register)],
    }


def _link(register: Register, link: Link) -> dict[str, Any]:
    membership = link.membership
    return {
        "level": link.level,
        "code": link.code,
        "name": register.name(link.code),
        "valid_from": None if membership is None else _day(membership.valid_from),
        "valid_to": None if membership is None else _day(membership.valid_to),
        "assumed": membership is not None and membership.assumed,
        "source": None if membership is None else membership.source,
        "through": link.through,
    }


def _succession(register: Register, one: Succession, other: str) -> dict[str, Any]:
    return {"code": other, "name": register.name(other), "date": one.day.isoformat(), "kind": one.kind}


def _assigned(register: Register, one: Assigned) -> dict[str, Any]:
    return {
        "role": one.what.role,
        "by": one.by,
        "name": register.name(one.by),
        "of": list(one.of),
        "purposes": list(one.what.purposes),
        "indicators": list(one.what.indicators),
        "valid_from": _day(one.what.valid_from),
        "valid_to": _day(one.what.valid_to),
        "evidence": one.what.evidence,
        "source": one.what.source,
    }


_Section = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]


def _sections(record: dict[str, Any]) -> list[_Section]:
    parents = [
        (
            one["level"],
            one["code"],
            one["name"],
            _span(one),
            f"through {one['through']}" if one["through"] else "",
            "assumed" if one["assumed"] else "",
            one["source"] or "",
        )
        for one in record["parents"]
        if one["code"] != ENGLAND
    ]
    successions = [
        (_PLURAL[of], one["code"], one["name"], one["date"], one["kind"])
        for of in ("predecessors", "successors")
        for one in record[of]
    ]
    return [
        ("Belongs to", ("level", "code", "name", "when", "", "", "source"), parents),
        ("Succession", ("", "code", "name", "date", "kind"), successions),
        (
            "Members",
            ("code", "name", "level"),
            [(one["code"], one["name"], one["level"]) for one in record["members"]],
        ),
        (
            "Responsibility",
            ("role", "who", "of", "for", "when", "evidence", "source"),
            [
                (
                    one["role"],
                    f"{one['by']} {one['name']}",
                    ", ".join(one["of"]),
                    ", ".join((*one["purposes"], *one["indicators"])) or "everything",
                    _span(one),
                    one["evidence"],
                    one["source"],
                )
                for one in record["responsibilities"]
            ],
        ),
    ]


def _span(of: dict[str, Any]) -> str:
    if of["valid_from"] is None and of["valid_to"] is None:
        return "without known dates"
    return f"{of['valid_from'] or 'always'} to {of['valid_to'] or 'further notice'}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def show_refresh(found: Refreshed, written: Path | None, output: str) -> None:
    """Print what official files change, as `table` or one JSON object a change; then what was written."""
    _show_changes(found.changes, output)
    counts = ", ".join(f"{count} {kind}" for kind, count in found.counts().items()) or "nothing changes"
    sys.stderr.write(f"{counts}, as of {found.day}\n")
    if written is not None:
        sys.stderr.write(f"written to {written}: set OVERSIGHT_REGISTER_DIRECTORY={written}\n")
    elif found.changes:
        sys.stderr.write("nothing is written without oversight organisations refresh … --write DIRECTORY\n")


def _show_changes(changes: Sequence[Change], output: str) -> None:
    if output == "json":
        for one in changes:
            sys.stdout.write(json.dumps({**one._asdict(), "day": _day(one.day)}) + "\n")
        return
    table = Table("change", "code", "name", "before", "after", "from", "note")
    for one in changes:
        table.add_row(one.kind, one.code, one.name, one.before, one.after, _day(one.day) or "", one.note)
    if changes:
        Console().print(table)
