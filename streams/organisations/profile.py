"""Everything the register knows of one organisation on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import takewhile
from typing import NamedTuple

from streams.errors import ConfigurationError
from streams.organisations.register import UNMAPPED, Membership, Organisation, Parents, Register, Succession

_NEAREST = 5


class Link(NamedTuple):
    """One parent: by which membership, and whose, where it is a parent's parent."""

    level: str
    code: str
    membership: Membership | None
    through: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """An organisation on a day; `links` from the nearest parent up, `members` one level down.

    `footprint_days` are those on which it went on and came to cover something else.
    """

    organisation: Organisation
    day: date
    parents: Parents
    links: tuple[Link, ...]
    predecessors: tuple[Succession, ...]
    successors: tuple[Succession, ...]
    members: tuple[str, ...]
    footprint_days: tuple[date, ...]


def profile(register: Register, code: str, day: date) -> Profile:
    """Give what is known of a code on a civil day.

    Raises:
        ConfigurationError: The register does not have it; names the nearest codes.
    """
    organisation = register.organisation(code)
    if organisation is None:
        raise ConfigurationError(_not_known(register, code))
    parents = register.parents(code, day)
    successions = register.succession(code)
    return Profile(
        organisation,
        day,
        parents,
        tuple(_links(register, code, day)),
        tuple(one for one in successions if one.successor == code != one.predecessor),
        tuple(one for one in successions if one.predecessor == code != one.successor),
        tuple(one for one in register.members(code, day) if register.is_active(one, day)),
        tuple(register.footprint_days(code)),
    )


def _links(register: Register, code: str, day: date) -> list[Link]:
    holding = [one for one in register.memberships() if one.holds(day)]
    found: list[Link] = []
    below = [code]
    for level, unit in register.counts_in(code, day)[:-1]:
        if unit == code:
            continue
        memberships = (one for child in below for one in holding if (one.child, one.parent) == (child, unit))
        membership = next(memberships, None)
        through = None if membership is None or membership.child == code else membership.child
        found.append(Link(level, unit, membership, through))
        if unit != UNMAPPED:
            below.append(unit)
    return found


def _not_known(register: Register, code: str) -> str:
    known = {one.code: one.name for one in register.all()}
    near = [one for one in known if one == code.upper()]
    near += [one for one, name in known.items() if len(code) > 2 and code.casefold() in name.casefold()]  # noqa: PLR2004 - shorter texts stand in every name
    close = get_close_matches(code.upper(), known, len(known))
    near += sorted(close, key=lambda one: -_shared(one, code.upper()))
    near = list(dict.fromkeys(near))[:_NEAREST]
    meant = f" the nearest are {', '.join(f'{one} ({known[one]})' for one in near)};" if near else ""
    return (
        f"{code} is not in the register:{meant} a code that is not keeps its own series and rolls into"
        " unmapped; docs/organisations.md says how the register is built"
    )


def _shared(one: str, other: str) -> int:
    """How many letters two codes begin with together."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
