"""What every declaration has: fields that are checked, a place in a file, and mistakes that name both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from streams.catalogue.lines import KeyPath

Purpose = Literal[
    "outcomes_and_access",
    "inequalities",
    "productivity_and_value",
    "social_and_economic_development",
]
PURPOSES: dict[Purpose, str] = {
    "outcomes_and_access": "Outcomes and access",
    "inequalities": "Inequalities",
    "productivity_and_value": "Productivity and value",
    "social_and_economic_development": "Social and economic development",
}
Level = Literal[
    "site", "trust", "provider", "neighbourhood", "place", "council", "icb", "cluster", "region", "england"
]
LEVELS: tuple[Level, ...] = get_args(Level)
OWN_LEVELS = frozenset[Level]({"site", "trust", "provider"})
"""Levels of organisations that speak for themselves, and not of sums."""
Horizon = Literal["today", "tomorrow"]
Direction = Literal["higher", "lower", "towards_zero", "none"]
Unit = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
"""Ends the name of the metric family: `ratio`, `days`, `pounds`; of things that are counted, their plural."""
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,10}$")]
"""Of an organisation, as the ODS writes it."""


class Place(NamedTuple):
    """Where a declaration stands.

    Attributes:
        file: as messages name it.
        lines: of the whole file, as `lines_of` gives them.
        path: of the declaration in it.
        shipped: whether the file comes with the service, and is no operator's own.
    """

    file: str
    lines: Mapping[KeyPath, int]
    path: KeyPath
    shipped: bool = False

    def at(self, *field: str | int) -> str:
        """Give `file:line` of a field, or of the deepest part of it that the file has."""
        path = (*self.path, *self.written(field))
        return f"{self.file}:{self.lines.get(path, 1)}"

    def written(self, field: Iterable[str | int]) -> KeyPath:
        """Give those parts of a field that the file has: what stands for it may have more."""
        path = self.path
        for part in field:
            if (*path, part) in self.lines:
                path = (*path, part)
        return path[len(self.path) :]

    def below(self, *field: str | int) -> Place:
        """Give the place of a part of the declaration."""
        return self._replace(path=(*self.path, *field))


class Declared(BaseModel):
    """A declaration: frozen, no field that it does not name, and it knows where it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _place: Place | None = PrivateAttr(default=None)

    def put(self, place: Place) -> Self:
        """Remember where it was read."""
        self._place = place
        return self

    @property
    def place(self) -> Place:
        """Where it was read."""
        return self._place or Place("declared in code", {}, ())

    def mistake(self, problem: str, *field: str | int) -> str:
        """Say what is wrong with it, and where."""
        return f"{self.place.at(*field)}: {problem}"


def wrong(field: str, told: str) -> PydanticCustomError:
    """Make a mistake of one field, for a check that looks at several."""
    return PydanticCustomError("wrong", "{told}", {"field": field, "told": told})


_LISTED = 40
"""How many names a message lists; of more it says how many there are."""


def none_of(given: Any, known: Iterable[str], of: str = "") -> str:
    """Say that a name is none of those known, and which is the nearest.

    Args:
        given: the name.
        known: what it might be.
        of: what the names are names of, such as `fact of ed_attendance`.
    """
    names = list(known)
    text = f"{given!r} is no {of}: there are " if of else f"{given!r} is none of "
    nearest = get_close_matches(str(given), names, n=1, cutoff=0.5)
    listed = ", ".join(names) or "none" if len(names) <= _LISTED else str(len(names))
    return text + listed + (f"; did you mean {nearest[0]!r}?" if nearest else "")
