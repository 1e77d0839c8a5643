"""Reading declarations from TOML: every mistake with file, line, what is allowed and the nearest name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streams.catalogue.declared import Declared, Place, none_of
from streams.catalogue.lines import lines_of
from streams.errors import ConfigurationError

_Entry = TypeVar("_Entry", bound=Declared)

_WRITTEN = {"contributions": "from"}
"""Fields whose name in the file is another."""
_FORMS = {
    "string": "text in quotation marks",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list in square brackets",
    "model": "a table",
    "dict": "a table",
    "date": "a date such as 2026-04-01",
}
"""What TOML calls the forms of pydantic's errors, by the first word of their type."""
_OTHER_FORM = ("_type", "_parsing", "_inexact", "_from_float")
"""Ends of the types of errors that say that a value has another form."""
_ALPHABETS = {
    "^[a-z]": "lower-case letters, digits and _, beginning with a letter",
    "^[A-Z0-9]": "capital letters and digits",
}
"""What a pattern of names asks for, in words, by its beginning."""
_DAY = re.compile(r"=\s*([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})\s*(?:#|$)")
"""What was meant as a date, without quotation marks."""
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Reader:
    """Reads files, and collects mistakes instead of stopping at the first.

    Args:
        tables: name of a table, as in `[[indicator]]`, to what an entry of it must be.

    Attributes:
        entries: what was read, by table.
        mistakes: sentences, each with file and line.
    """

    def __init__(self, tables: Mapping[str, type[Declared]]) -> None:
        self._tables = tables
        self.entries: dict[str, list[Any]] = {name: [] for name in tables}
        self.mistakes: list[str] = []

    def read(self, path: Path, setting: str = "") -> None:
        """Read a file, or every TOML file of a directory in the order of their names.

        Args:
            path: of either.
            setting: what names an operator's file; its mistakes name the whole path.
        """
        named = f"; {setting} names it" if setting else ""
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not files:
            self.mistakes.append(f"{path}: a directory without a .toml file{named}")
        for file in files:
            try:
                data = file.read_bytes()
            except OSError as error:
                self.mistakes.append(f"{file}: {error.strerror}{named}")
            else:
                self._document(str(file) if setting else file.name, data, shipped=not setting)

    def _document(self, name: str, data: bytes, *, shipped: bool) -> None:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.mistakes.append(f"{name}:{line}: not UTF-8 text: save the file as UTF-8")
            return
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _AT_LINE.search(str(error))
            line = int(found[1]) if found and found[1] else text.count("\n") + 1
            told = _AT_LINE.sub("", str(error))
            self.mistakes.append(f"{name}:{line}: not TOML: {told}{_hint(text, line)}")
            return
        if not document:
            known = ", ".join(f"[[{one}]]" for one in self._tables)
            self.mistakes.append(f"{name}:1: declares nothing: add one of {known}, or remove the file")
        whole = Place(name, lines_of(text), (), shipped)
        for table, entries in document.items():
            self._table(whole, table, entries)

    def _table(self, whole: Place, table: str, entries: Any) -> None:
        if table not in self._tables:
            self.mistakes.append(f"{whole.at(table)}: [[{table}]]: {none_of(table, self._tables)}")
        elif not isinstance(entries, list):
            self.mistakes.append(f"{whole.at(table)}: {table}: write [[{table}]], with two brackets")
        else:
            for number, entry in enumerate(entries):
                self.take(table, entry, whole.below(table, number))

    def refuse(self) -> None:
        """Raise what was found.

        Raises:
            ConfigurationError: naming every mistake, its file and its line.
        """
        if self.mistakes:
            raise ConfigurationError("\n".join(self.mistakes))

    def take(self, table: str, entry: Any, place: Place) -> None:
        """Check one entry, and keep it."""
        found = self._valid(self._tables[table], entry, place)
        if found is not None:
            self.entries[table].append(found)

    def _valid(self, model: type[_Entry], entry: Any, place: Place) -> _Entry | None:
        try:
            return model.model_validate(entry).put(place)
        except ValidationError as error:
            label = " ".join((str(place.path[0]), _label(entry))).rstrip()
            for line, told in _told(error, model, place):
                self.mistakes.append(f"{line}: {label}: {told}")
        return None


def _hint(text: str, line: int) -> str:
    """Say what to do where a line that is no TOML shows what was meant."""
    written = text.splitlines()[line - 1 : line]
    if meant := _DAY.search(written[0]) if written else None:
        return f"; {meant[1]} is no date: one is written 2026-04-01, the year first"
    if written and re.search(r"=\s*[^\W\d_]", written[0]):
        return "; text stands in quotation marks"
    return ""


def _label(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    named = next((entry[name] for name in ("id", "indicator", "source") if name in entry), "")
    return named if isinstance(named, str) else ""


def _told(error: ValidationError, model: type[Declared], place: Place) -> Iterator[tuple[str, str]]:
    """Give the place of each mistake, and its sentence."""
    mistakes = error.errors(include_url=False)
    for one in mistakes:
        if one["type"] == "too_short" and any(_below(one, other) for other in mistakes):
            continue  # not empty: what stands in it is told by itself
        field = [_written(part) for part in one["loc"] if not str(part).startswith(("#", "["))]
        if one["type"] == "missing":
            yield place.at(*field[:-1]), f"{field[-1]} is missing"
            continue
        if one["type"] == "wrong":
            field.append(one["ctx"]["field"])
        named = place.written(field)
        if field and named[-1:] != (field[-1],):
            named += (field[-1],)
        where = ".".join(map(str, named)) + ": " if named else ""
        yield place.at(*field), where + _explained(one, model)


def _below(one: ErrorDetails, other: ErrorDetails) -> bool:
    depth = len(one["loc"])
    return len(other["loc"]) > depth and other["loc"][:depth] == one["loc"]


def _explained(one: ErrorDetails, model: type[Declared]) -> str:
    match one["type"]:
        case "wrong":
            return one["msg"]
        case "value_error":
            return one["msg"].removeprefix("Value error, ")
        case "extra_forbidden":
            return f"no such field: {none_of(one['loc'][-1], _fields(model, one['loc'][:-1]))}"
        case "literal_error":
            return none_of(one["input"], re.findall("'([^']*)'", one["ctx"]["expected"]))
        case "too_short" if one["input"] in ([], ()):
            return "is empty"
        case "string_pattern_mismatch":
            pattern = one["ctx"]["pattern"]
            letters = next((told for start, told in _ALPHABETS.items() if pattern.startswith(start)), pattern)
            return f"{one['input']!r} is too long, too short, or not of {letters}"
        case kind if kind.endswith(_OTHER_FORM):
            form = _FORMS.get(kind.split("_")[0], "of another form")
            return f"is to be {form}, not {one['input']!r}"
        case _:
            return f"{one['msg']}, not {one['input']!r}"


def _written(part: str | int) -> str | int:
    return _WRITTEN.get(part, part) if isinstance(part, str) else part


def _fields(model: type[Declared], loc: Sequence[str | int]) -> list[str]:
    """Give the names an entry, or a table inside it, may have."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return [str(_written(name)) for name in model.model_fields]


def _models(annotation: Any) -> Iterator[type[Declared]]:
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)
