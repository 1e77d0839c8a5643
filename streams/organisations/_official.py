"""The official files the register is built from, as NHS ODS and NHS England publish them.

Three forms: the ODS trust file (`etr`, no header, 27 fields), a list of ICBs with a header, and
System-Mapping.csv, which puts each provider of the A&E statistics under an ICB and a region.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from streams.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGIONS: Final = {
    "Y56": "London",
    "Y58": "South West",
    "Y59": "South East",
    "Y60": "Midlands",
    "Y61": "East of England",
    "Y62": "North West",
    "Y63": "North East and Yorkshire",
}
"""NHS England's regions; Y57 (South of England) was split into Y58 and Y59 and stands in no file."""

_ETR_FIELDS: Final = 27
_ETR_OPENED: Final = 10
_ETR_CLOSED: Final = 11
_REGION_SUFFIX: Final = " Commissioning Region"
_CODES_BY_REGION: Final = {name.casefold(): code for code, name in REGIONS.items()}


@dataclass(frozen=True, slots=True)
class TrustRow:
    """One trust of an ODS trust file; `closed` is its last day, as ODS has it."""

    code: str
    name: str
    region: str
    icb: str
    opened: date | None
    closed: date | None
    line: int = field(default=0, compare=False)

    @property
    def ends(self) -> date | None:
        """The first day on which it is no more: ODS closes an organisation at the end of a day."""
        return None if self.closed is None else self.closed + timedelta(days=1)

    @property
    def in_england(self) -> bool:
        """ODS gives Welsh trusts a pseudo-region W00, or neither region nor ICB."""
        return not self.region.startswith("W") and bool(self.region or self.icb)


@dataclass(frozen=True, slots=True)
class IcbRow:
    """One ICB; `region` is a Y code, or blank where the file has none."""

    code: str
    name: str
    region: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MappedRow:
    """One provider of System-Mapping.csv; `written` is its code exactly as it stands there."""

    code: str
    written: str
    name: str
    icb: str
    region: str


def read_trusts(path: Path) -> dict[str, TrustRow]:
    """The trusts of an ODS trust file, by code; Welsh ones included.

    Raises:
        SourceError: The file is not an ODS trust file.
    """
    trusts: dict[str, TrustRow] = {}
    for line, cells in _lines(path):
        if len(cells) != _ETR_FIELDS:
            raise SourceError(
                f"{path}, line {line}: {len(cells)} fields instead of {_ETR_FIELDS}, so this is not an ODS "
                f"trust file (etr.csv); give the file as ODS publishes it, without a header"
            )
        code, name, region, icb = cells[:4]
        if code in trusts:
            raise SourceError(f"{path}, line {line}, column 1: {code} stands twice; give a file as published")
        trust = TrustRow(
            code,
            name,
            region,
            icb,
            _day(path, line, _ETR_OPENED, cells[_ETR_OPENED]),
            _day(path, line, _ETR_CLOSED, cells[_ETR_CLOSED]),
            line,
        )
        if trust.in_england and region not in REGIONS:
            raise SourceError(
                f"{path}, line {line}, column 3: region {region!r} is not one of {', '.join(REGIONS)}; "
                f"a new region has to be added to REGIONS first"
            )
        trusts[code] = trust
    if not trusts:
        raise SourceError(f"{path} is empty; give an ODS trust file as published")
    if not path.read_bytes().endswith(b"\n"):
        raise SourceError(f"{path}, line {line}: the file ends inside this line; fetch it again, it is torn")
    return trusts


def is_icb_list(path: Path) -> bool:
    """Whether a file begins as a list of ICBs does.

    Raises:
        SourceError: The file cannot be read as CSV.
    """
    _, header = next(_lines(path), (0, []))
    first, second, *rest = [*header, "", ""]
    return first.endswith("Code") and second.endswith("Name") and set(rest) <= {"Region Name", ""}


def read_icbs(path: Path) -> dict[str, IcbRow]:
    """The ICBs of a list of ICBs: code, name and, where the file has it, region.

    Raises:
        SourceError: The file is not a list of ICBs.
    """
    lines = _lines(path)
    _, header = next(lines, (0, []))
    first, second, *rest = [*header, "", ""]
    if not first.endswith("Code") or not second.endswith("Name"):
        raise SourceError(
            f"{path}, line 1: the first columns are {first!r} and {second!r}, not code and name"
        )
    has_region = "Region Name" in rest
    icbs: dict[str, IcbRow] = {}
    for line, cells in lines:
        if len(cells) != len(header):
            raise SourceError(f"{path}, line {line}: {len(cells)} fields instead of {len(header)}")
        region = _region(path, line, cells[header.index("Region Name")]) if has_region else ""
        if cells[0] in icbs:
            raise SourceError(
                f"{path}, line {line}, column 1: {cells[0]} stands twice; give a file as published"
            )
        icbs[cells[0]] = IcbRow(cells[0], cells[1], region, line)
    return icbs


def read_mapping(path: Path) -> list[MappedRow]:
    """The rows of System-Mapping.csv, repeated ones included.

    Raises:
        SourceError: The file is not System-Mapping.csv.
    """
    lines = _lines(path, strip=False)
    _, header = next(lines, (0, []))
    expected = ["Code", "Name", "ICB Code", "ICB Name", "Region Name"]
    if header != expected:
        raise SourceError(f"{path}, line 1: the columns are {header}, not {expected}")
    rows = []
    for line, cells in lines:
        if len(cells) != len(expected):
            raise SourceError(f"{path}, line {line}: {len(cells)} fields instead of {len(expected)}")
        written, name, icb, _, region = cells
        # An ODS code is upper case; the file has "NTV0b" and "AQM01 " where the A&E files have them right.
        code = written.strip().upper()
        rows.append(MappedRow(code, written, name, icb.strip(), _region(path, line, region)))
    return rows


def _lines(path: Path, *, strip: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every line that holds something."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                for cells in reader:
                    if any(cell.strip() for cell in cells):
                        yield reader.line_num, [cell.strip() if strip else cell for cell in cells]
            except csv.Error as error:
                raise SourceError(
                    f"{path}, line {reader.line_num}: not CSV ({error}); give the file as published"
                ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as CSV: {error}; give the file as published") from error


def _day(path: Path, line: int, column: int, value: str) -> date | None:
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007 - a civil date, no instant
    except ValueError as error:
        raise SourceError(
            f"{path}, line {line}, column {column + 1}: {value!r} is not a date of the form YYYYMMDD"
        ) from error


def _region(path: Path, line: int, name: str) -> str:
    code = _CODES_BY_REGION.get(name.strip().removesuffix(_REGION_SUFFIX).casefold())
    if code is None:
        raise SourceError(f"{path}, line {line}, column Region Name: {name!r} is not a region of NHS England")
    return code
