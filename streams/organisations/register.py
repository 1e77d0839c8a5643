"""The register in memory: to which units an organisation belonged, on any civil day.

Figures are stamped with the code as published and rolled up by the membership valid at the event's time
(domain §11.3); history is never rewritten. How the tables came about: docs/organisations.md.

    trust or provider ─► neighbourhood ─► place ─► ICB ─► region ─► England
                         └── where configured ──┘   └► cluster, where configured
    council                by residence: in nobody's sum
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from streams.organisations import _footprints, _tables
from streams.organisations._codes import is_council
from streams.organisations._own import add_own
from streams.organisations._records import ENDING, ROLL_UPS, Membership, Organisation, Parents, Succession
from streams.organisations._timelines import ENGLAND, NOWHERE, UNMAPPED, Timelines, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = [
    "ENGLAND",
    "ROLL_UPS",
    "UNMAPPED",
    "Membership",
    "Organisation",
    "Parents",
    "Register",
    "Succession",
]

_SPOKEN: Final = {UNMAPPED: "Unmapped organisations", ENGLAND: "England"}


class Register:
    """Organisations and their dated memberships; immutable once made."""

    __slots__ = (
        "_change_days",
        "_ended_on",
        "_footprint_days",
        "_memberships",
        "_organisations",
        "_successions",
        "_timelines",
    )

    def __init__(
        self,
        organisations: Iterable[Organisation],
        memberships: Iterable[Membership],
        successions: Iterable[Succession] = (),
    ) -> None:
        self._organisations = {o.code: o for o in sorted(organisations, key=lambda o: o.code)}
        self._memberships = tuple(memberships)
        self._successions = tuple(successions)
        self._ended_on = {s.predecessor: s.day for s in self._successions if s.kind in ENDING}
        self._timelines = Timelines(self._organisations, self._memberships)
        self._change_days = self._timelines.change_days()
        self._footprint_days = _footprints.days(self._organisations, self._timelines, self._successions)

    @classmethod
    def shipped(cls) -> Register:
        """The register that is part of this package."""
        return cls.configured()

    @classmethod
    def from_directory(cls, path: Path) -> Register:
        """A register from tables of the same form as the shipped ones.

        Raises:
            ConfigurationError: A table is missing, torn or contradictory; says file, line and column.
        """
        return cls.configured(path)

    @classmethod
    def configured(cls, directory: Path | None = None, own: Path | None = None) -> Register:
        """The register as an operator has it.

        Args:
            directory: tables that stand in place of the shipped ones.
            own: tables that add neighbourhoods, places, clusters, providers and successors of trusts.

        Raises:
            ConfigurationError: A table is missing, torn or contradictory; says file, line and column.
        """
        base = _tables.read(shipped_tables() if directory is None else directory)
        tables = base if own is None else add_own(base, own)
        return cls(tables.organisations, tables.memberships, tables.successions)

    def organisation(self, code: str) -> Organisation | None:
        """The organisation of that code, or None; a council need not be listed."""
        found = self._organisations.get(code)
        if found is None and is_council(code):
            return Organisation(code, code, "council", None, None)
        return Organisation(ENGLAND, "England", "england", None, None) if code == ENGLAND else found

    def level(self, code: str) -> str:
        """Its kind: `trust`, `icb`, `england` and so on; a code nobody knows is a `provider`."""
        organisation = self.organisation(code)
        return "provider" if organisation is None else organisation.kind

    def council(self, code: str) -> str:
        """The council to show for a council code as sent: `unmapped` for what is not upper-tier."""
        return code if is_council(code) else UNMAPPED

    def parents(self, code: str, day: date) -> Parents:
        """Where a code belongs on a civil day (Europe/London); `unmapped` where no ICB or region is known.

        An ICB is its own ICB while it exists, and so are places and the like; a region has no ICB.
        """
        return self._timelines.at(code, day) or NOWHERE

    def counts_in(self, code: str, day: date) -> tuple[tuple[str, str], ...]:
        """Level and code of everything that a fact of this code and day counts in, itself included."""
        return self._timelines.counts(code, day) or counted(self.level(code), code, NOWHERE)

    def members(self, code: str, day: date) -> list[str]:
        """The organisations whose next unit up is this one on that day: their sums are its sum."""
        return [
            one.code
            for one in self._organisations.values()
            if code in self._next_up(one, day) and (one.kind not in ROLL_UPS or one.is_active(day))
        ]

    def _next_up(self, organisation: Organisation, day: date) -> tuple[str, ...]:
        """The next unit up; of an ICB there may be two, since a cluster lies beside the region."""
        parents = self.parents(organisation.code, day)
        if organisation.kind in ("cluster", "council"):
            return ()
        if organisation.kind == "icb":
            return (parents.region, *((parents.cluster,) if parents.cluster else ()))
        below = (organisation.code, UNMAPPED)
        return (next((unit for _, unit in parents.units if unit not in below), ENGLAND),)

    def is_active(self, code: str, day: date) -> bool:
        """Whether an organisation existed on that day; a code nobody knows, and `unmapped`, always do."""
        organisation = self._organisations.get(code)
        return organisation is None or organisation.is_active(day)

    def begins_after(self, code: str, day: date) -> bool:
        """Whether a code began after that day: a window from it holds a successor's first days alone."""
        organisation = self._organisations.get(code)
        begins = None if organisation is None else organisation.valid_from
        return begins is not None and begins > day

    def has_series(self, code: str, day: date) -> bool:
        """Whether a series of the code goes on to that day.

        One that rolls up ends with the organisation. A trust's ends where another succeeded it; one that has
        closed without a successor known keeps what is still published under its code.
        """
        if self.level(code) in ROLL_UPS:
            return self.is_active(code, day)
        ended = self._ended_on.get(code)
        return ended is None or day < ended

    def change_days(self) -> tuple[date, ...]:
        """The sorted civil days from which any organisation belongs elsewhere than before."""
        return self._change_days

    def changes_footprint(self, code: str, start: date, end: date) -> bool:
        """Whether what a code covers changed inside [start, end) while it existed.

        A member came or went, an area changed, or another organisation was taken over: figures of before
        and after are not of the same people.
        """
        return any(start < day < end for day in self.footprint_days(code))

    def footprint_days(self, code: str) -> list[date]:
        """The sorted days from which a code that went on covers something else than before."""
        return sorted(self._footprint_days.get(code, ()))

    def succession(self, code: str) -> tuple[Succession, ...]:
        """Every succession that the code takes part in, as predecessor or as successor."""
        return tuple(s for s in self._successions if code in (s.predecessor, s.successor))

    def name(self, code: str) -> str:
        """The name to show; the code itself where no name is known."""
        organisation = self._organisations.get(code)
        return _SPOKEN.get(code, code) if organisation is None else organisation.name

    def all(self) -> Iterator[Organisation]:
        """Every organisation, by code."""
        return iter(self._organisations.values())

    def memberships(self) -> Iterator[Membership]:
        """Every dated membership, as the tables have them."""
        return iter(self._memberships)


def shipped_tables() -> Traversable:
    """Where the tables are that are part of this package."""
    return files("streams.organisations").joinpath("data")
