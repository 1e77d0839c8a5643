"""Lines of a TOML document: where each table, key and element stands, which `tomllib` does not say."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Where a value stands in the document: `("indicator", 2, "windows", 0)`, tables of an array from 0."""

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})'''  # up to two quotes may stand before the three that close
    r"""|\'\'\'.*?\'\'\'(?:\'{0,2})"""
    r'''|"(?:\\.|[^"\\])*"'''
    r"""|'[^']*'""",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\n]+")


def lines_of(text: str) -> dict[KeyPath, int]:
    """Give the line, from 1, on which each key, table header and element of an array begins.

    Args:
        text: a document that `tomllib` accepts; of any other the answer means nothing.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    """Reads a valid document once, from the left."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [one.start() for one in re.finditer("\n", text)]
        self._at = 0
        self._table: KeyPath = ()
        self._counts: dict[KeyPath, int] = {}
        self._found: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        self._pass(_GAP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                self._header()
            else:
                self._pair(self._table)
            self._pass(_GAP)
        return self._found

    def _header(self) -> None:
        line, of_array = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if of_array else 1
        *above, last = self._keys()
        self._at += 2 if of_array else 1
        path: KeyPath = ()
        for key in above:
            path += (key,)
            self._found.setdefault(path, line)
            if path in self._counts:  # a header below an array of tables speaks of its last table
                path += (self._counts[path] - 1,)
        path += (last,)
        self._found.setdefault(path, line)
        if of_array:
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            path += (number,)
            self._found[path] = line
        self._table = path

    def _pair(self, path: KeyPath) -> None:
        line = self._line()
        for key in self._keys():
            path += (key,)
            self._found.setdefault(path, line)
        self._at += 1  # the sign =
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._pass(_GAP)
        match self._text[self._at]:
            case "[":
                self._elements(path)
            case "{":
                self._at += 1
                while not self._closed("}"):
                    self._pair(path)
            case '"' | "'":
                self._pass(_STRING)
            case _:
                self._pass(_BARE)

    def _elements(self, path: KeyPath) -> None:
        self._at += 1
        number = 0
        while not self._closed("]"):
            self._found[*path, number] = self._line()
            self._value((*path, number))
            number += 1

    def _closed(self, bracket: str) -> bool:
        """Go on to the next element; whether there is none."""
        self._pass(_GAP)
        if self._text[self._at] == ",":
            self._at += 1
            self._pass(_GAP)
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _keys(self) -> list[str]:
        """Read a key, or several with points between them, and the space around them."""
        keys = []
        while True:
            self._pass(_GAP)
            raw = self._pass(_KEY)
            keys.append(tomllib.loads(f"k = {raw}")["k"] if raw[0] in "\"'" else raw)
            self._pass(_GAP)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _pass(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, f"no TOML at line {self._line()}"  # noqa: S101 - tomllib has accepted it
        self._at = found.end()
        return found[0]

    def _line(self) -> int:
        return bisect_right(self._ends, self._at - 1) + 1
