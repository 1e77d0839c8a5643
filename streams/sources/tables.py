"""Tables as they are published: CSV, also inside .gz or .zip, with the oddities that publications have.

What varies between publications is read whatever it is: a byte order mark, UTF-16 or Windows' own encoding,
any line end, titles above the header, thousands separators, the marks that stand for nothing, trailing empty
rows. Columns are found by what their headers say, never by position. A file that is empty, binary or torn is
refused before its first row is given out.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import logging
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple, cast

from streams.errors import SourceError

log = logging.getLogger(__name__)

MONTHS = {
    name: number
    for number, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
}
BLANKS = frozenset(
    ("", "-", "–", "—", "*", ".", "..", ":", "na", "n/a", "null", "#ref!", "[x]", "[z]")  # noqa: RUF001
)
"""Marks that stand for nothing, as published."""
CODE = re.compile(r"[A-Z0-9]{3,10}")
_SUM = re.compile(
    "(?:grand|overall)?totals?|eng|e92000001|(?:totals?(?:for)?)?(?:england|national|all)(?:totals?|average)?"
    "|(?:england|totals?|all)+(?:of|for|nhs|acute)*(?:trusts|providers|icbs)"
)
"""What a row is called that sums the others, as letters and digits."""
_CHUNK_BYTES = 1 << 20
_OF_THE_PACKER = "__MACOSX/"
"""Where an archive made on a Mac keeps its own notes on each file, under the file's name."""
_HEADER_WITHIN_ROWS = 100
"""How far down a header may stand: some publications have a page of notes above it."""


class Row(NamedTuple):
    """The cells of one row as published, and the line of the file on which it ends."""

    line: int
    cells: list[str]


def rows(path: Path) -> Iterator[Row]:
    """Give the rows of a file; the whole file has been looked through before the first one.

    Raises:
        SourceError: naming file and line when it cannot be read, is empty, binary or torn.
    """
    encoding = _encoding(path)
    with _opened(path) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
        # Strict, since a quotation mark that never closes would swallow the rows after it.
        reader = csv.reader(text, strict=True)
        try:
            for cells in reader:
                yield Row(reader.line_num, cells)
        except csv.Error as error:
            raise SourceError(
                f"{path}:{reader.line_num}: not CSV: {error}: a torn file? Fetch it again"
            ) from None


def _encoding(path: Path) -> str:
    """Look through a file: how it is encoded, and whether it is text and whole."""
    last, text_found = "", False
    with _opened(path) as raw:
        chunk = raw.read(_CHUNK_BYTES)
        is_utf_16 = chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if is_utf_16 else "utf-8-sig"
        decoder = codecs.getincrementaldecoder(encoding)("replace" if is_utf_16 else "strict")
        while True:
            final = not chunk
            try:
                text = decoder.decode(chunk, final=final)
            except UnicodeDecodeError:
                encoding = "cp1252"
                decoder = codecs.getincrementaldecoder(encoding)("replace")
                text = decoder.decode(chunk, final=final)
            if "\0" in text:
                raise SourceError(
                    f"{path}: a binary file, not CSV (a workbook? save the provider sheet as CSV)"
                )
            text_found, last = text_found or bool(text.strip()), text[-1:] or last
            if final:
                break
            chunk = raw.read(_CHUNK_BYTES)
    if not text_found:
        raise SourceError(f"{path}: the file is empty: fetch it again")
    if last not in "\r\n":
        log.warning("%s: the last line does not end: a torn file? Its last figure may be cut off", path)
    return encoding


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked; what goes wrong while it is read is an error that names it."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as file:
                yield cast("IO[bytes]", file)
        elif path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_only_table(path, archive)) as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: cannot be unpacked: {error}: a torn file? Fetch it again") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None


def _only_table(path: Path, archive: zipfile.ZipFile) -> str:
    names = [
        name
        for name in archive.namelist()
        if name.lower().endswith(".csv") and not name.startswith(_OF_THE_PACKER)
    ]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise SourceError(f"{path}: needs one .csv inside and has {found}: unpack it and name the file")
    return names[0]


class Layout(NamedTuple):
    """A kind of table: what it is called, and its columns by name, each with the pattern of its header.

    A pattern meets the letters and digits of a header alone, in lower case.
    """

    name: str
    columns: Mapping[str, str]
    optional: Mapping[str, str] = MappingProxyType({})


class Table:
    """A published table whose header has been found; iterating gives the rows below it that are not blank.

    Args:
        path: the file.
        layouts: the kinds of table it may be; it is the first whose columns are all there.

    Attributes:
        path: the file.
        layout: the kind that it is.

    Raises:
        SourceError: when it is none of them, saying what is missing.
    """

    def __init__(self, path: Path, *layouts: Layout) -> None:
        self.path = path
        self._rows = rows(path)
        self.layout, self._columns, self._header = self._find(layouts)
        self._width = 1 + max(self._columns[name] for name in self.layout.columns)

    def _find(self, layouts: tuple[Layout, ...]) -> tuple[Layout, dict[str, int], list[str]]:
        nearest = (0, 0, "")
        for row in islice(self._rows, _HEADER_WITHIN_ROWS):
            cells = [plain(cell) for cell in row.cells]
            for layout in layouts:
                places = {
                    name: [i for i, cell in enumerate(cells) if re.fullmatch(pattern, cell)]
                    for name, pattern in {**layout.columns, **layout.optional}.items()
                }
                found = {name: those[0] for name, those in places.items() if len(those) == 1}
                missing = [name for name in layout.columns if name not in found]
                if not missing:
                    return layout, found, row.cells
                nearest = max(nearest, (len(found), row.line, ", ".join(missing)))
        known = " or ".join(one.name for one in layouts)
        if not nearest[0]:
            raise SourceError(f"{self.path}: no header: is this {known}, saved as CSV?")
        raise SourceError(
            f"{self.path}:{nearest[1]}: the header does not name once {nearest[2]}: is this {known}?"
        )

    def __iter__(self) -> Iterator[Row]:
        """Give the rows with figures; one that has only its first cell filled is a note.

        Raises:
            SourceError: at a row that ends before its last column.
        """
        for row in self._rows:
            filled = [bool(cell.strip()) for cell in row.cells]
            if not any(filled):
                continue
            alone = filled[0] and not any(filled[1:])
            if len(row.cells) >= self._width:
                if not alone:
                    yield row
            elif not alone or " " not in row.cells[0].strip():
                raise SourceError(f"{self.path}:{row.line}: the row ends early: a torn file? Fetch it again")

    def is_sum(self, row: Row, *names: str) -> bool:
        """Whether a row sums the others, as one of some columns says."""
        return any(names_a_sum(self.text(row, name)) for name in names)

    def has(self, name: str) -> bool:
        """Whether an optional column is there."""
        return name in self._columns

    def text(self, row: Row, name: str) -> str:
        """Give a cell without the blanks around it; nothing where an optional column is missing."""
        place = self._columns.get(name, len(row.cells))
        return row.cells[place].strip() if place < len(row.cells) else ""

    def code(self, row: Row, name: str = "code") -> str:
        """Give an organisation's code in upper case; nothing where it is blank.

        Raises:
            SourceError: when it is something else.
        """
        text = self.text(row, name)
        if text.lower() in BLANKS:
            return ""
        if not CODE.fullmatch(text.upper()):
            raise self.wrong(row, name, "an organisation's code")
        return text.upper()

    def count(self, row: Row, name: str) -> int | None:
        """Give a published count, None where there is none.

        Raises:
            SourceError: when it is no count.
        """
        value = read_number(self.text(row, name))
        if value is None:
            return None
        if not (value >= 0 and value.is_integer()):
            raise self.wrong(row, name, "a count")
        return int(value)

    def counts(self, row: Row, names: Iterable[str]) -> list[int | None]:
        """Give many published counts of a row."""
        cells, columns = row.cells, self._columns
        found: list[int | None] = []
        for name in names:
            text = cells[columns[name]]
            found.append(int(text) if text.isdecimal() else self.count(row, name) if text else None)
        return found

    def amount(self, row: Row, name: str) -> int | str | None:
        """Give a published figure as an exact amount of the contract, None where there is none.

        A sign for per cent is left out; more than six decimals are rounded to six.

        Raises:
            SourceError: when it is no number.
        """
        text = self.text(row, name).replace(",", "")
        if text.lower() in BLANKS:
            return None
        try:
            value = Decimal(text.removesuffix("%").rstrip())
        except InvalidOperation:
            raise self.wrong(row, name, "a number") from None
        if not (value.is_finite() and abs(value) < _MOST):
            raise self.wrong(row, name, "a number")
        return int(value) if value == int(value) else f"{value:.6f}"

    def day(self, row: Row, name: str = "date") -> date:
        """Give a civil date.

        Raises:
            SourceError: when it is none.
        """
        found = _day(self.text(row, name))
        if found is None:
            raise self.wrong(row, name, "a date such as 2025-04-30 or 30/04/2025")
        return found

    def month(self, row: Row, name: str = "date") -> date:
        """Give the first day of a month.

        Raises:
            SourceError: when it is none, or a day in the middle of one, whose figures are of that day.
        """
        text = self.text(row, name)
        found, day = month(text), _day(text)
        if found is None or (day is not None and 1 not in (day.day, (day + _ONE_DAY).day)):
            raise self.wrong(row, name, "a month such as April 2025")
        return found

    def wrong(self, row: Row, name: str, wanted: str) -> SourceError:
        """Make the error that says that a cell is not what it should be."""
        place = self._columns[name]
        return SourceError(
            f"{self.path}:{row.line}: column {place + 1} ({self._header[place].strip()}):"
            f" {row.cells[place]!r} is not {wanted}"
        )


def names_a_sum(cell: str) -> bool:
    """Whether a code or name is that of all organisations together: `Total`, `England`, `All trusts`."""
    return _SUM.fullmatch(plain(cell)) is not None


def plain(cell: str) -> str:
    """Give the letters and digits of a header, in lower case."""
    return "".join(filter(str.isalnum, cell.lower()))


def read_number(text: str) -> float | None:
    """Read a published number; marks that stand for nothing are None, and what is no number is NaN."""
    text = text.strip().replace(",", "")
    if text.lower() in BLANKS:
        return None
    try:
        return float(text)
    except ValueError:
        return math.nan


@lru_cache(maxsize=10_000)
def _day(text: str) -> date | None:
    """Read a civil date: ISO, British, with the month in words, or a spreadsheet's day number."""
    if found := _ISO.match(text):
        parts = found[1], found[2], found[3]
    elif found := _BRITISH.match(text):
        parts = found[3], found[2], found[1]
    elif found := _IN_WORDS.match(text):
        parts = found[3], str(_month_number(found[2])), found[1]
    elif text.removesuffix(".0").isdecimal() and int(text.removesuffix(".0")) in _SERIALS:
        return _SERIAL_EPOCH + timedelta(int(text.removesuffix(".0")))
    else:
        return None
    year, month_number, day = map(int, parts)
    try:
        return date(year if year >= _CENTURY else _THIS_CENTURY + year, month_number, day)
    except ValueError:
        return None


@lru_cache(maxsize=10_000)
def month(text: str) -> date | None:
    """Read a month, anywhere in a text: in words, as 2025-04, or as a day of it."""
    if found := _MONTH_IN_WORDS.search(text):
        year = int(found[2])
        return date(year if year >= _CENTURY else _THIS_CENTURY + year, _month_number(found[1]), 1)
    if found := _ISO_MONTH.fullmatch(text):
        return date(int(found[1]), int(found[2]), 1)
    day = _day(text)
    return None if day is None else day.replace(day=1)


def month_after(start: date) -> date:
    """Give the first day of the next month."""
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


def _month_number(text: str) -> int:
    return next(number for name, number in MONTHS.items() if name.startswith(text.lower()[:3]))


_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_ISO = re.compile(r"(20[0-9]{2})-([0-9]{1,2})-([0-9]{1,2})(?:[T ]00:00.*)?$")
_BRITISH = re.compile(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]((?:20)?[0-9]{2})(?: 00:00.*)?$")
_IN_WORDS = re.compile(rf"([0-9]{{1,2}})[- ]({_NAMES})[- ]((?:20)?[0-9]{{2}})$", re.IGNORECASE)
_MONTH_IN_WORDS = re.compile(rf"\b({_NAMES})[^0-9a-z]*((?:20)?[0-9]{{2}})(?![0-9])", re.IGNORECASE)
_ISO_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_SERIALS = range(36_526, 73_051)
"""Day numbers of spreadsheets, 2000 to 2099."""
_SERIAL_EPOCH = date(1899, 12, 30)
_ONE_DAY = timedelta(1)
_CENTURY, _THIS_CENTURY = 100, 2000
_MOST = 10**15
