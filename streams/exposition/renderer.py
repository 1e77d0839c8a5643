"""The renderer: rows to Prometheus text, a cached piece a slot, no object a series.

    rows of a slot ─► its piece of each metric family ─► a chunk of some organisations' pieces of a family
                                                         (`streams.exposition.body`)

A slot's pieces are made anew when its rows are; a chunk is dropped when one of its pieces changed.

Text format 0.0.4 and OpenMetrics 1.0 share the body: gauges only, no timestamps. Event time is a series of
its own. docs/metrics.md lists the families; `prometheus_client`'s parsers read both in the tests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from streams.assessment import Board, Row
from streams.assessment.completeness import Group, SourceCount
from streams.assessment.shares import Slot
from streams.catalogue import Catalogue, Indicator
from streams.catalogue.dated import Timetable
from streams.engine.calendar import day_number, midnight
from streams.exposition.body import Chunk
from streams.organisations import Register

STATUS_CODES = {"ok": 0, "near": 1, "breach": 2}
"""Values of `oversight_indicator_status`; a row that is not judged has no such series."""

_STATUS, _THRESHOLD, _PLAN, _BASELINE, _REFERENCE, _FLAG, _CODED, _AS_AT, _END, _RESTATED = (
    f"oversight_indicator_{one}"
    for one in (
        "status",
        "threshold",
        "plan",
        "baseline",
        "reference",
        "flag",
        "coded_ratio",
        "as_at_timestamp_seconds",
        "period_end_timestamp_seconds",
        "restated_timestamp_seconds",
    )
)
_COMMON = {
    _STATUS: "Judged against its dated threshold: 0 ok, 1 near, 2 breach.",
    _THRESHOLD: "The threshold in force, in the indicator's unit; of a low and a high one the nearer.",
    _PLAN: "The plan declared for a figure's period; of a share of plan, for its numerator.",
    _BASELINE: "The baseline declared for a figure's period. It judges nothing.",
    _REFERENCE: "A line declared for a figure's period, such as an older standard. It judges nothing.",
    _FLAG: "1 for each flag of a figure, such as partial, to_date or restated; of a stratum its own only.",
    _CODED: "Share of the denominator whose stratum is known, by dimension.",
    _AS_AT: "When the newest record in a figure was appended.",
    _END: "End of the figure's period.",
    _RESTATED: "When a figure of an ended day last changed.",
}
_TOGETHER = 16
"""Organisations in a chunk: with all of them one family of a thousand would be hundreds of megabytes."""
SOURCES = "oversight_sources"
"""The family of `source_lines`."""
_ALONE = ("england", "site", "council")
"""Levels that no ICB and no region holds."""
_INDICATOR_INFO, _ORGANISATION_INFO = "oversight_indicator_info", "oversight_organisation_info"
_PROGRAMME_INFO = "oversight_programme_info"

Pieces = dict[str, str]
"""Metric family to its lines for one slot."""
Organisation = tuple[str, str]
"""Level and code."""


class _Names(NamedTuple):
    """The metric families of one indicator, and its label."""

    value: str
    numerator: str
    denominator: str
    label: str
    beside: tuple[tuple[str, Timetable[float]], ...]
    """Plan, baseline and reference, of the few indicators that have any."""


def family_name(indicator: Indicator) -> str:
    """Give the metric family of an indicator's value: its identifier and its unit."""
    return f"oversight_{indicator.id}_{indicator.unit}"


class _Family:
    """The text of a metric family: its head, and pieces in numbered parts, each a chunk until it changes."""

    def __init__(self, head: str) -> None:
        self._head = Chunk([head])
        self._parts: dict[int, dict[Slot, str]] = {}
        self._chunks: dict[int, Chunk] = {}

    def put(self, number: int, slot: Slot, text: str | None) -> None:
        """Put a slot's piece into a part, or take it away."""
        part = self._parts.setdefault(number, {})
        if text is not None:
            part[slot] = text
        else:
            del part[slot]
            if not part:
                del self._parts[number]
        self._chunks.pop(number, None)

    def chunks(self) -> Iterator[Chunk]:
        """Give the chunks, the head first; none while there is no piece."""
        if self._parts:
            yield self._head
        for number, part in self._parts.items():
            chunk = self._chunks.get(number)
            if chunk is None:
                chunk = self._chunks[number] = Chunk(part.values())
            yield chunk


class Renderer:
    """Keeps the text of every slot, and gives it as chunks on request.

    Args:
        catalogue: for names, help and units.
        register: for the names of organisations.
    """

    def __init__(self, catalogue: Catalogue, register: Register) -> None:
        self._catalogue = catalogue
        self._register = register
        self._names = _names(catalogue)
        self._families = {name: _Family(head) for name, head in _heads(catalogue).items()}
        self._pieces: dict[Slot, Pieces] = {}
        self._numbers: dict[Organisation, int] = {}
        self._infos = {
            _INDICATOR_INFO: Chunk([_indicator_info(catalogue)]),
            _PROGRAMME_INFO: Chunk([_programme_info(catalogue)]),
        }
        self._slots_of: Counter[Organisation] = Counter()
        self._organisations: tuple[date, Chunk] | None = None

    def update(
        self, slots: Iterable[Slot], rows: Mapping[Slot, Sequence[Row]], aged: Iterable[Slot] = ()
    ) -> None:
        """Render changed slots anew, and show them; a slot without rows disappears."""
        for _ in self.show(list(self.render(slots, rows, aged))):
            pass

    def render(
        self, slots: Iterable[Slot], rows: Mapping[Slot, Sequence[Row]], aged: Iterable[Slot] = ()
    ) -> Iterator[tuple[Slot, Pieces]]:
        """Render changed slots, one at a step, from the rows that there are at the first step.

        Args:
            slots: that have changed.
            rows: of all slots.
            aged: slots that were shown before, and of which only the age has changed.
        """
        wanted = [(slot, rows.get(slot, ())) for slot in slots]
        older = [(slot, rows.get(slot, ())) for slot in aged]
        for slot, its in wanted:
            yield slot, _pieces(its, self._names)
        for slot, its in older:
            yield slot, self._pieces.get(slot, {}) | _ages(its, self._names)

    def show(self, rendered: Iterable[tuple[Slot, Pieces]]) -> Iterator[None]:
        """Put slots in their places, one at a step; whoever asks for text in between gets some of them."""
        for slot, pieces in rendered:
            self._put(slot, pieces)
            yield

    def _put(self, slot: Slot, new: Pieces) -> None:
        old = self._pieces.pop(slot, {})
        number = self._numbers.setdefault((slot.level, slot.org), len(self._numbers)) // _TOGETHER
        for name in old.keys() - new.keys():
            self._families[name].put(number, slot, None)
        for name, text in new.items():
            if text != old.get(name):
                self._families[name].put(number, slot, text)
        if new:
            self._pieces[slot] = new
        self._count((slot.level, slot.org), bool(new) - bool(old))

    def _count(self, organisation: Organisation, more: int) -> None:
        """Note how many slots an organisation has; with its first and its last the names change."""
        before = self._slots_of[organisation]
        self._slots_of[organisation] = now = before + more
        if not now:
            del self._slots_of[organisation]
        if bool(now) != bool(before):
            self._organisations = None

    def chunks(self, today: date, names: Collection[str] = ()) -> Iterator[Chunk]:
        """Give the body, without the end marker of OpenMetrics, one chunk at a step.

        A chunk stays as it is, whatever is shown later; for a body of one moment nothing may be shown
        between the first and the last.

        Args:
            today: names of organisations, and where they belong, are of this day.
            names: of the families that are wanted; all of them when there are none.
        """
        for name, family in self._families.items():
            if not names or name in names:
                yield from family.chunks()
        if self._organisations is None or self._organisations[0] != today:
            self._organisations = (
                today,
                Chunk([_organisation_info(self._slots_of, self._register, today)]),
            )
        infos = self._infos | {_ORGANISATION_INFO: self._organisations[1]}
        for name, chunk in infos.items():
            if not names or name in names:
                yield chunk

    def text(self, today: date, names: Collection[str] = ()) -> str:
        """Give the same as text."""
        return b"".join(chunk.plain for chunk in self.chunks(today, names)).decode()

    @property
    def series(self) -> int:
        """How many series there are."""
        return sum(text.count("\n") for pieces in self._pieces.values() for text in pieces.values())


def render_rows(rows: Iterable[Row], catalogue: Catalogue, register: Register) -> str:
    """Render rows at once, for the command line."""
    renderer = Renderer(catalogue, register)
    by_slot: dict[Slot, list[Row]] = {}
    today = date.min
    for row in rows:
        end = row.period_end
        today = max(today, end.date() if isinstance(end, datetime) else end)
        slot = Slot(row.level, row.org, f"{row.indicator} {row.period_start}", row.basis, row.window)
        by_slot.setdefault(slot, []).append(row)
    renderer.update(by_slot, by_slot)
    return renderer.text(today)


def source_lines(group: Group, tally: SourceCount) -> Iterator[str]:
    """Render how complete the sources of an organisation and stream are.

    One family, two series an organisation, stream and basis, and one more each while any is missing or
    stale; not one a window: the windows of a stream end together, and each figure carries its own flag.
    """
    for state, count in zip(tally._fields, tally, strict=True):
        if count or state in ("expected", "passed"):
            yield (
                f'{SOURCES}{{org="{escape_label(group.org)}",level="{group.level}",stream="{group.stream}",'
                f'basis="{group.basis}",state="{state}"}} {count}\n'
            )


def sources_text(lines: Sequence[str]) -> str:
    """Give the family of `source_lines`; nothing without any."""
    head = _head(SOURCES, "Sources of an organisation's facts: expected, passed, missing, stale.")
    return head + "".join(lines) if lines else ""


def render_board(board: Board, today: date) -> str:
    """Render a board at once: the slow, obvious way, and the oracle of the cached one."""
    renderer = Renderer(board.catalogue, board.register)
    board.refresh()
    renderer.update(board.slots(), board.slots())
    return renderer.text(today)


def _heads(catalogue: Catalogue) -> dict[str, str]:
    heads: dict[str, str] = {}
    for one in catalogue.indicators.values():
        name = family_name(one)
        heads[name] = _head(name, f"{one.title}. {one.definition}", one.unit)
        if one.kind not in ("gap", "quantile", "level", "slope_index"):
            parts = f"oversight_{one.id}_numerator"
            heads[parts] = _head(parts, f"{one.title}: numerator.")
        if one.kind not in ("gap", "slope_index", "count"):
            parts = f"oversight_{one.id}_denominator"
            heads[parts] = _head(parts, f"{one.title}: denominator.")
    return heads | {name: _head(name, text) for name, text in _COMMON.items()}


def _head(name: str, help_text: str, unit: str | None = None) -> str:
    lines = [f"# HELP {name} {_escape_help(help_text)}", f"# TYPE {name} gauge"]
    if unit is not None:
        lines.append(f"# UNIT {name} {unit}")
    return "\n".join(lines) + "\n"


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', "'")


def escape_label(text: str) -> str:
    """Escape a label's value."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _names(catalogue: Catalogue) -> dict[str, _Names]:
    return {
        one.id: _Names(
            family_name(one),
            f"oversight_{one.id}_numerator",
            f"oversight_{one.id}_denominator",
            f'indicator="{one.id}",',
            tuple(
                (f"oversight_indicator_{name}", timetables[one.id])
                for name, timetables in catalogue.beside.items()
                if one.id in timetables
            ),
        )
        for one in catalogue.indicators.values()
    }


def _pieces(rows: Sequence[Row], names: Mapping[str, _Names]) -> Pieces:
    """Render the rows of one slot: they have organisation, level, window and basis in common.

    The flags of a figure hold for its strata, which say only their own.
    """
    if not rows:
        return {}
    found: defaultdict[str, list[str]] = defaultdict(list)
    before, after = _around_stratum(rows[0])
    of_whole = {row.indicator: row.flags for row in rows if not row.strata}
    for row in rows:
        of = names[row.indicator]
        labels = f"{before}{_stratum(*row.strata.items())}{after}"
        for family, value in (
            (of.value, row.value),
            (of.numerator, row.numerator),
            (of.denominator, row.denominator),
        ):
            if value is not None:
                found[family].append(f"{family}{{{labels}}} {value!r}\n")
        labels = of.label + labels
        if row.status in STATUS_CODES:
            found[_STATUS].append(f"{_STATUS}{{{labels}}} {STATUS_CODES[row.status]}\n")
        if row.threshold is not None:
            found[_THRESHOLD].append(f"{_THRESHOLD}{{{labels}}} {row.threshold!r}\n")
        said = of_whole.get(row.indicator, ()) if row.strata else ()
        if row.flags != said:
            found[_FLAG] += [
                f'{_FLAG}{{{labels},flag="{flag}"}} 1\n' for flag in row.flags if flag not in said
            ]
        if not row.strata:
            _put_whole(found, labels, row)
    return {family: "".join(lines) for family, lines in found.items()} | _besides(rows, names)


def _besides(rows: Sequence[Row], names: Mapping[str, _Names]) -> Pieces:
    """Render the plans, baselines and references that stand beside the rows of one slot."""
    found: Pieces = {}
    for row in rows:
        for family, timetable in names[row.indicator].beside:
            value = None if row.strata else _beside(timetable, row)
            if value is not None:
                labels = names[row.indicator].label + "".join(_around_stratum(row))
                found[family] = found.get(family, "") + f"{family}{{{labels}}} {value!r}\n"
    return found


def _beside(timetable: Timetable[float], row: Row) -> float | None:
    """Give what stands beside a row in its period; windows of hours have nothing."""
    if isinstance(row.period_start, datetime):
        return None
    span = timetable.on(row.window, row.level, row.org, row.period_start)
    return None if span is None else span.holds


def _put_whole(found: defaultdict[str, list[str]], labels: str, row: Row) -> None:
    """Render what is said once of a figure, beside its value that is not broken down."""
    found[_AS_AT].append(_age(labels, row))
    found[_END].append(f"{_END}{{{labels}}} {end_seconds(row.period_end)!r}\n")
    if row.restated_at_ms is not None:
        found[_RESTATED].append(f"{_RESTATED}{{{labels}}} {row.restated_at_ms / 1000!r}\n")
    for dimension, share in row.coded.items():
        if share is not None:
            found[_CODED].append(f'{_CODED}{{{labels},dimension="{dimension}"}} {share!r}\n')


def _ages(rows: Sequence[Row], names: Mapping[str, _Names]) -> Pieces:
    """Render of the rows of one slot only when the newest record in each was appended."""
    if not rows:
        return {}
    labels = "".join(_around_stratum(rows[0]))
    return {
        _AS_AT: "".join([_age(names[row.indicator].label + labels, row) for row in rows if not row.strata])
    }


def _age(labels: str, row: Row) -> str:
    return f"{_AS_AT}{{{labels}}} {row.as_at_ms / 1000!r}\n"


def _around_stratum(row: Row) -> tuple[str, str]:
    """Give the labels before and after a stratum's value."""
    before = f'org="{escape_label(row.org)}",level="{row.level}",window="{row.window}",stratum="'
    return before, f'",basis="{row.basis}"'


@lru_cache(maxsize=1024)
def _stratum(*strata: tuple[str, str]) -> str:
    """Give the value of the label; there are few, and each stands in thousands of series."""
    return escape_label(",".join(f"{name}={value}" for name, value in strata))


def end_seconds(end: date) -> float:
    """Give the end of a period, a civil day or an instant, as an epoch second."""
    return end.timestamp() if isinstance(end, datetime) else midnight(day_number(end))


def _indicator_info(catalogue: Catalogue) -> str:
    name = _INDICATOR_INFO
    lines = [
        f'{name}{{indicator="{one.id}",title="{escape_label(one.title)}",purpose="{one.purpose}",'
        f'horizon="{one.horizon}",direction="{one.direction}",unit="{one.unit}"}} 1\n'
        for one in catalogue.indicators.values()
    ]
    return _head(name, "Names of the indicators.") + "".join(lines)


def _programme_info(catalogue: Catalogue) -> str:
    name = _PROGRAMME_INFO
    lines = [
        f'{name}{{programme="{one.id}",indicator="{indicator.id}",title="{escape_label(one.title)}",'
        f'requester="{escape_label(one.requester)}",start="{one.start}",'
        f'funding_end="{one.funding_end or ""}",review_date="{one.review_date or ""}"}} 1\n'
        for indicator in catalogue.indicators.values()
        if indicator.programme is not None
        for one in (catalogue.programmes[indicator.programme],)
    ]
    if not lines:
        return ""
    return _head(name, "Programmes, by the indicators that belong to them.") + "".join(lines)


def _organisation_info(organisations: Iterable[Organisation], register: Register, today: date) -> str:
    name = _ORGANISATION_INFO
    lines = []
    for level, org in sorted(organisations):
        parents = register.parents(org, today)
        icb, region = ("", "") if level in _ALONE else (parents.icb, parents.region)
        configured = "".join(
            f'{unit}="{code}",'
            for unit, code in parents.units
            if unit in ("neighbourhood", "place", "cluster")
        )
        lines.append(
            f'{name}{{org="{escape_label(org)}",level="{level}",name="{escape_label(register.name(org))}",'
            f'{configured}icb="{icb}",region="{region}"}} 1\n'
        )
    if not lines:
        return ""
    return _head(name, "Names of the organisations, and where they belong today.") + "".join(lines)
