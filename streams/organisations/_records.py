"""What the register is made of: organisations, memberships and successions, each with its dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Kind = Literal["trust", "provider", "icb", "region"]
"""What an organisation is; a `provider` reports activity without being an NHS trust."""

Role = Literal["icb", "region"]
"""In which capacity a parent holds a child."""

KINDS: Final[tuple[Kind, ...]] = ("icb", "provider", "region", "trust")
ROLES: Final[tuple[Role, ...]] = ("icb", "region")

SUCCESSION_KINDS: Final = ("footprint", "merger", "renamed", "split")
"""`merger`: the whole of it went to the successor; `split`: a part; `footprint`: same code, other area."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation: valid from `valid_from` up to and not including `valid_to`; None is unbounded."""

    code: str
    name: str
    kind: Kind
    valid_from: date | None
    valid_to: date | None

    def is_active(self, day: date) -> bool:
        """Whether the organisation existed on that civil day."""
        return _holds(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Membership:
    """`child` belonged to `parent` on the days from `valid_from` up to and not including `valid_to`.

    `assumed` says that no file states this for those days: it is extended backwards from the first
    known membership, or follows from a succession. `source` names where it comes from.
    """

    child: str
    parent: str
    role: Role
    valid_from: date | None
    valid_to: date | None
    assumed: bool
    source: str

    def holds(self, day: date) -> bool:
        """Whether the membership holds on that civil day."""
        return _holds(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Succession:
    """From `day` on, `successor` stands for (part of) what `predecessor` stood for before."""

    predecessor: str
    successor: str
    day: date
    kind: str


@dataclass(frozen=True, slots=True)
class Parents:
    """Where an organisation belonged on one day: codes, or `unmapped` where nothing is known."""

    icb: str
    region: str
    assumed: bool


def _holds(valid_from: date | None, valid_to: date | None, day: date) -> bool:
    return (valid_from is None or valid_from <= day) and (valid_to is None or day < valid_to)
