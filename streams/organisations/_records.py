"""What the register is made of: organisations, memberships and successions, each with its dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Kind = Literal[
    "trust", "provider", "neighbourhood", "place", "council", "icb", "cluster", "region", "england"
]
"""What an organisation is; a `provider` reports activity without being an NHS trust."""

Role = Literal["neighbourhood", "place", "icb", "cluster", "region"]
"""In which capacity a parent holds a child: the parent's kind."""

KINDS: Final[tuple[Kind, ...]] = (
    "cluster",
    "council",
    "icb",
    "neighbourhood",
    "place",
    "provider",
    "region",
    "trust",
)
"""The kinds a table may name; England is not an entry of any."""

CHILDREN: Final[dict[Role, tuple[Kind, ...]]] = {
    "neighbourhood": ("trust", "provider"),
    "place": ("trust", "provider", "neighbourhood"),
    "icb": ("trust", "provider", "place"),
    "cluster": ("icb",),
    "region": ("trust", "provider", "icb"),
}
"""Who may belong to whom. A council is nobody's member: its figures are by residence."""

ROLES: Final[tuple[Role, ...]] = tuple(CHILDREN)

ROLL_UPS: Final[frozenset[str]] = frozenset(ROLES)
"""The levels whose figures are sums of members, below England."""

SUCCESSION_KINDS: Final = ("acquisition", "footprint", "merger", "renamed", "split")
"""`merger` and `acquisition`: the whole of it went to the successor, one made anew or one that was there;
`split`: a part; `renamed`: the same under another code; `footprint`: same code, other area."""

ENDING: Final = frozenset({"acquisition", "merger", "renamed"})
"""Kinds of succession that end the predecessor on their day."""


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
    """Where an organisation belonged on one day, by code.

    ICB and region are `unmapped` where nothing is known; the others are None where nobody has configured
    one. `assumed` says that a membership on the way up is.
    """

    icb: str
    region: str
    assumed: bool
    neighbourhood: str | None = None
    place: str | None = None
    cluster: str | None = None

    @property
    def units(self) -> tuple[tuple[Role, str], ...]:
        """Level and code of each parent there is, from the nearest up."""
        every: tuple[tuple[Role, str | None], ...] = (
            ("neighbourhood", self.neighbourhood),
            ("place", self.place),
            ("icb", self.icb),
            ("cluster", self.cluster),
            ("region", self.region),
        )
        return tuple((level, code) for level, code in every if code is not None)


def _holds(valid_from: date | None, valid_to: date | None, day: date) -> bool:
    return (valid_from is None or valid_from <= day) and (valid_to is None or day < valid_to)
