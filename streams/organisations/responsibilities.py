"""Who delivers, oversees or is informed, from when: an operator's dated table, `responsibilities.toml`.

    [[responsibility]]
    role = "oversees"
    who = "region"            # a kind, or one organisation's code
    of = ["trust"]            # kinds or codes below it; left out, its own figures
    purposes = []             # these alone; all when left out
    indicators = []           # the same
    valid_from = 2025-09-15
    evidence = "V"            # V official page, S secondary source, local the operator's own decision
    source = "…"

Nothing in the service assumes who the accountable body is: without a table nobody is named.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streams.errors import ConfigurationError
from streams.organisations._records import KINDS
from streams.organisations._tables import RESPONSIBILITIES
from streams.organisations.register import ENGLAND, Register

ResponsibilityRole = Literal["delivers", "oversees", "informed"]
_LEVELS = frozenset({*KINDS, ENGLAND})
_HEADER = re.compile(r"\s*\[\[\s*responsibility\s*\]\]")
_Words = tuple[Annotated[str, Field(min_length=1)], ...]


class Responsibility(BaseModel):
    """One line of the table: it holds on days from `valid_from` up to and not including `valid_to`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: ResponsibilityRole
    who: Annotated[str, Field(min_length=1)]
    of: _Words = ()
    purposes: _Words = ()
    indicators: _Words = ()
    valid_from: date
    valid_to: date | None = None
    evidence: Literal["V", "S", "local"]
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} is not after valid_from {self.valid_from}")
        return self

    def holds(self, day: date) -> bool:
        """Whether it holds on a civil day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Assigned(NamedTuple):
    """A responsibility as it falls on one organisation.

    Attributes:
        by: the code of who has it; `unmapped` where the register does not know.
        of: whose figures it is about: a code, or kinds and codes below `by`.
        what: the line of the table.
    """

    by: str
    of: tuple[str, ...]
    what: Responsibility


class Responsibilities:
    """The table, held against the register."""

    def __init__(self, entries: Iterable[Responsibility] = ()) -> None:
        self._entries = tuple(entries)

    def __len__(self) -> int:
        """Count the lines of the table."""
        return len(self._entries)

    @classmethod
    def from_directory(
        cls, directory: Path | None, register: Register, known: Collection[str] = ()
    ) -> Responsibilities:
        """Read an operator's table; none where there is no directory, or no such file in it.

        Args:
            directory: the one that OVERSIGHT_ORGANISATIONS names.
            register: what kinds and codes are held against.
            known: purposes and indicators there are.

        Raises:
            ConfigurationError: The table is torn or names what there is not; says file and line.
        """
        path = None if directory is None else directory / RESPONSIBILITIES
        if path is None or not path.exists():
            return cls()
        return cls(_read(path, register, frozenset(known)))

    def at(self, code: str, day: date, register: Register) -> Iterator[Assigned]:
        """Give what an organisation has to do on a day, and who has to with it."""
        level = register.level(code)
        above = dict(register.parents(code, day).units) | {ENGLAND: ENGLAND}
        for one in self._entries:
            if not one.holds(day):
                continue
            if one.who in (code, level):
                yield Assigned(code, one.of or (code,), one)
            elif code in one.of or level in one.of:
                if one.who not in _LEVELS:
                    if one.who in above.values():
                        yield Assigned(one.who, (code,), one)
                elif one.who in above:
                    yield Assigned(above[one.who], (code,), one)


def _read(path: Path, register: Register, known: frozenset[str]) -> Iterator[Responsibility]:
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    if unknown := sorted(set(document) - {"responsibility"}):
        raise ConfigurationError(f"{path}: [[{unknown[0]}]] is not [[responsibility]]")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    entries = document.get("responsibility", [])
    if not isinstance(entries, list) or len(entries) != len(lines):
        raise ConfigurationError(f"{path}: write each entry under a line [[responsibility]] of its own")
    for line, entry in zip(lines, entries, strict=True):
        try:
            one = Responsibility.model_validate(entry)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"{path}, line {line}, responsibility: {problems}") from None
        for problem in _unknown(one, register, known):
            raise ConfigurationError(f"{path}, line {line}, responsibility: {problem}")
        yield one


def _unknown(one: Responsibility, register: Register, known: frozenset[str]) -> Iterator[str]:
    for field, codes in (("who", (one.who,)), ("of", one.of)):
        for code in codes:
            if code not in _LEVELS and register.organisation(code) is None:
                levels = ", ".join(sorted(_LEVELS))
                yield f"{field}: {code!r} is neither a code in the register nor one of {levels}"
    for field, names in (("purposes", one.purposes), ("indicators", one.indicators)):
        for name in names:
            if known and name not in known:
                yield f"{field}: there is no {name!r}; `oversight catalogue` lists what there is"
