"""Why a value changed: what entered, left, was corrected, came late or moved, in parts that add up exactly.

Two views of one log are compared: what the service showed at an older moment, from what had been appended
by then, and what it shows at a newer one. Every record that counts on either side has one reason.

    older window  [=========================)            what it held, as known then
    newer window           [=========================)   what it holds, as known now
                   left ───┘   corrected         └─── entered
                               late, moved

A ratio's change is shared out by the older value: a reason's part is (its numerator less the older value
times its denominator) over the newer denominator. So who is like the average of before changes nothing,
and the parts add up to the change. Arithmetic is with fractions: nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import cast

import msgspec

from schemas.outputs import Total
from streams.assessment.explain_answer import Explanation, Part, Question, Side, base_of
from streams.assessment.explain_mix import Member, members_of
from streams.assessment.explain_reasons import NOTHING, SMALLEST, Amount, Reading, Reason, Split, Window, fold
from streams.assessment.explain_views import Entry, View, Witness
from streams.assessment.rows import (
    UNSTRATIFIED,
    WITHHELD_WINDOWS,
    Figures,
    Row,
    Strata,
    dimensions_of,
)
from streams.assessment.shares import Period, Slot
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue, Indicator
from streams.engine import Engine, EngineSettings, LogRecord, Outputs
from streams.engine.calendar import SECONDS_A_QUARTER, civil_date, day_number, day_of_quarter, local_day, utc
from streams.engine.core import TopicPartition
from streams.engine.families import FAMILIES
from streams.engine.families.base import COUNCIL
from streams.engine.panes import SeriesKey
from streams.engine.windows import HOURS, NOW, Bounds, WindowName, over_events, over_hours
from streams.errors import ConfigurationError, SourceError
from streams.organisations import ENGLAND, ROLL_UPS, Register

_WITH_MEMBERS = ROLL_UPS | {ENGLAND}
_BASES = ("operational", "official", "synthetic")
_NATURAL = "7d"
_TO_DATE = frozenset({"since_midnight", "week", "month", "quarter", "ytd"})


class Inquiry:
    """One question, put to a log: feed it every partition in log order, then ask for the answer.

    Args:
        catalogue: what is computed.
        register: who belongs where, and when.
        question: what is asked.
        moments_ms: the older and the newer moment.
        settings: of the engine whose figures are explained.
        rule: of the board whose figures are explained: what it hides is not.

    Raises:
        ConfigurationError: when the question has no answer, whatever the log holds.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        register: Register,
        question: Question,
        moments_ms: tuple[int, int],
        settings: EngineSettings | None = None,
        *,
        rule: Rule = SHOWN_FROM_8,
    ) -> None:
        base = base_of(catalogue, question)
        self._rule = rule if question.smallest is None else rule._replace(smallest=question.smallest)
        since_ms, until_ms = moments_ms
        if since_ms >= until_ms:
            raise ConfigurationError("the older moment (--since) must lie before the newer one (--until)")
        self._catalogue, self._register, self._question = catalogue, register, question
        settings = settings or EngineSettings()
        streams = {one.stream for one in base.contributions}
        boundaries = [day_number(day) for day in register.change_days()]
        engine = Engine(catalogue.measures, settings)
        self._witness = Witness(engine, boundaries, moments_ms, streams)
        self._hindsight = None
        if _may_be_to_date(question, base):
            # What was told after the moment and had happened by it: an engine looking back to it knows.
            until = replace(settings, until_seconds=since_ms // 1000)
            engine = Engine(catalogue.measures, until)
            self._hindsight = Witness(engine, boundaries, (until_ms,), streams)

    def restore(self, at: TopicPartition, totals: Sequence[Total], log_from_ms: int) -> None:
        """Take the days that closed before the log of a partition begins; before its first batch."""
        if self._hindsight is not None:
            self._hindsight.restore(at, totals, log_from_ms)
        self._witness.restore(at, totals, log_from_ms)

    def feed(
        self, at: TopicPartition, records: Sequence[LogRecord], accepts: frozenset[str] | None = None
    ) -> Outputs:
        """Take a batch of one partition, in log order."""
        if self._hindsight is not None:
            self._hindsight.feed(at, records, accepts)
        return self._witness.feed(at, records, accepts)

    def answer(self) -> Explanation:
        """Explain, once everything has been fed.

        Raises:
            SourceError: when neither moment has a figure of it.
        """
        older, newer = self._witness.finish()
        known = None if self._hindsight is None else self._hindsight.finish()[0].entries

        def happened(key: Hashable) -> bool:
            return known is None or (key in known and bool(known[key].contributions))

        asked = self._question
        views = (older, newer)
        return Explainer(self._catalogue, self._register, asked, views, happened, rule=self._rule).explain()


def _may_be_to_date(question: Question, base: Indicator) -> bool:
    """Whether the window asked about, or chosen, may end after its moment."""
    if question.window is None and _NATURAL in base.windows:
        return False
    windows = base.windows if question.window is None else (question.window,)
    return bool(_TO_DATE & set(windows))


class Explainer:
    """Compares two views.

    Args:
        catalogue: what is computed.
        register: who belongs where, and when.
        question: what is asked.
        views: of the older moment and of the newer one.
        happened: of a record first told after the older moment, by its identity, whether it had happened
            by it; asked for windows to date alone, whose end lies after the moment.
        rule: of the board: what it hides is not explained.

    Raises:
        SourceError: when neither moment has a figure of it, or one that is not shown.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        register: Register,
        question: Question,
        views: tuple[View, View],
        happened: Callable[[Hashable], bool],
        *,
        rule: Rule,
    ) -> None:
        self._register = register
        self._question = question
        self._views = views
        self._happened = happened
        self._indicator = catalogue.indicators[question.indicator]
        self._base = base_of(catalogue, question)
        self._boards = tuple(view.board(catalogue, register, rule) for view in views)
        self._slot, self._others = self._choose()
        fine = (
            question.strata != UNSTRATIFIED
            or self._indicator.gap is not None
            or self._slot.level in ("site", "council")
        )
        self._smallest = question.smallest or (SMALLEST if fine else 1)
        self._contribution = next(one for one in self._base.contributions if one.stream == self._slot.stream)
        self._figures = tuple(board.figures(self._slot) for board in self._boards)
        self._refuse_hidden()
        self._reading = Reading(self._contribution)
        self._windows = (self._window(0), self._window(1))

    def _asked(self) -> list[Strata]:
        """Give the strata that are asked about: of a gap, the two that it compares."""
        gap = self._indicator.gap
        if gap is None:
            return [self._question.strata]
        return [(gap.dimension, name) for name in (gap.groups[0], gap.groups[-1])]

    def _refuse_hidden(self) -> None:
        for figures in self._figures:
            hidden = (
                frozenset[Strata]() if figures is None else figures.hidden.get(self._base.id, frozenset())
            )
            if not hidden.isdisjoint(self._asked()):
                raise SourceError(
                    f"{self._question.indicator} of {self._slot.org} is not shown at one of the moments (flag"
                    " suppressed: few people, or what would tell of them), nor is its change explained;"
                    " --smallest 1 explains it all the same, for whoever may see it"
                )

    def explain(self) -> Explanation:
        """Give the explanation."""
        gap = self._indicator.gap
        if gap is None:
            strata = self._question.strata
            split = self._split(strata)
            folded = self._folded([split])
            return self._one(strata, split, folded, self._rows(strata), closed=any(split.unexplained))
        pair = self._asked()
        splits = [self._split(one) for one in pair]
        folded = self._folded(splits)
        closed = any(any(split.unexplained) for split in splits)
        return self._gap(
            *(
                self._one(one, split, folded, (None, None), closed=closed)
                for one, split in zip(pair, splits, strict=True)
            )
        )

    def _choose(self) -> tuple[Slot, list[str]]:
        """Choose the slot that is meant, and name the others that could have been."""
        asked = self._question
        streams = {one.stream for one in self._base.contributions}
        every = {slot for board in self._boards for slot in board.slots() if slot.stream in streams}
        every = {slot for slot in every if self._has(slot)}
        ours = {slot for slot in every if slot.org == asked.org}
        found = {
            slot for slot in ours if asked.window in (None, slot.window) and asked.basis in (None, slot.basis)
        }
        if not found:
            raise SourceError(_nothing(asked, ours, every))
        natural = [_NATURAL, *self._indicator.windows]

        def order(slot: Slot) -> tuple[int, int, bool, str]:
            return natural.index(slot.window), _BASES.index(slot.basis), slot.level == "site", slot.level

        chosen = min(found, key=order)
        others = sorted({slot.basis for slot in found if slot.window == chosen.window} - {chosen.basis})
        return chosen, others

    def _has(self, slot: Slot) -> bool:
        """Whether a window and a level have what is asked about."""
        if (
            slot.window == NOW
            or slot.window not in self._indicator.windows
            or slot.level not in self._indicator.levels
        ):
            return False
        asked = {dimension for dimension, _ in self._asked() if dimension}
        return slot.stream not in FAMILIES or asked <= dimensions_of(slot.window)

    def _window(self, side: int) -> Window:
        figures, view = self._figures[side], self._views[side]
        family = FAMILIES.get(self._slot.stream)
        if family is None:
            current = None if figures is None else _reporting(view, self._slot, figures)
            bounds = None if figures is None else Bounds(day_number(figures.start), day_number(figures.end))
            return Window(bounds, current=current)
        name, now = cast("WindowName", self._slot.window), view.moment_ms // 1000
        if name in HOURS:
            bounds = over_hours(name, now)
            last = day_of_quarter(bounds.end - 1)
        else:
            bounds = over_events(name, local_day(now))
            last = bounds.end - 1
        if not self._register.has_series(self._slot.org, civil_date(last)):
            return Window(None)  # abolished, or not founded yet: it has no figure, whatever its members hold
        return Window(bounds, hours=name in HOURS)

    def _here(self, entry: Entry) -> bool:
        """Whether a record counts for the organisation asked about, by the membership of its day."""
        slot, key = self._slot, entry.series
        if (key.stream, key.basis) != (slot.stream, slot.basis):
            return False
        if slot.level == "site":
            return key.site == slot.org
        if slot.level == "council" and key.stream in FAMILIES:
            named = (value for cell, _ in entry.contributions for name, value in cell if name == COUNCIL)
            return any(self._register.council(one) == slot.org for one in named)
        day = civil_date(day_of_quarter(entry.quarter))
        return (slot.level, slot.org) in self._register.counts_in(key.org, day)

    def _split(self, strata: Strata) -> Split:
        """Split the change of one stratum."""
        amount = self._reading.of
        split = Split(self._windows, self._here, lambda entry: amount(entry, strata), self._happened)
        split.compare(self._views[0].entries, self._views[1].entries)
        older, newer = (
            NOTHING
            if figures is None or strata not in figures.cells
            else self._reading.amount([figures.cells[strata].facts])
            for figures in self._figures
        )
        split.check(older, newer)
        return split

    def _folded(self, splits: Sequence[Split]) -> frozenset[Reason]:
        """Choose the reasons to show together, so that none of few persons stands alone."""
        family = FAMILIES.get(self._slot.stream)
        if family is None or family.kind != "episode":
            return frozenset()  # states and returns are counts already, not records of persons
        return fold([split.records for split in splits], self._smallest)

    def _rows(self, strata: Strata) -> tuple[Row | None, Row | None]:
        wanted = {} if strata == UNSTRATIFIED else dict([strata])
        found = []
        for board in self._boards:
            rows = board.slots().get(self._slot, [])
            found.append(
                next(
                    (row for row in rows if row.indicator == self._indicator.id and row.strata == wanted),
                    None,
                )
            )
        return found[0], found[1]

    def _side(self, number: int, amount: Amount, flags: Iterable[str], *, empty: bool) -> Side:
        start, end = _period(self._windows[number])
        numerator, denominator = self._reading.scaled(amount)
        return Side(
            moment_ms=self._views[number].moment_ms,
            start=start,
            end=end,
            numerator=None if empty else numerator,
            denominator=None if empty or self._base.kind == "count" else denominator,
            value=None if empty else self._value(amount),
            flags=tuple(flags),
        )

    def _value(self, amount: Amount) -> Fraction | None:
        if self._contribution.requires is not None and not amount.required:
            return None
        numerator, denominator = self._reading.scaled(amount)
        if self._base.kind == "count":
            return numerator
        if not denominator:
            return None
        small = self._indicator.gap is None and denominator < self._indicator.minimum_denominator
        if small and self._slot.window in WITHHELD_WINDOWS and self._slot.basis != "official":
            return None
        return numerator / denominator

    def _one(
        self,
        strata: Strata,
        split: Split,
        folded: frozenset[Reason],
        rows: tuple[Row | None, Row | None],
        *,
        closed: bool,
    ) -> Explanation:
        sides = []
        for number, row in enumerate(rows):
            figures = self._figures[number]
            empty = figures is None or strata not in figures.cells
            flags = row.flags if row is not None else () if figures is None else figures.flags
            sides.append(self._side(number, split.shown[number], flags, empty=empty))
        older, newer = sides
        valued = older.value is not None and newer.value is not None
        parts = tuple(self._parts(split, folded, older.value if valued else None, closed=closed))
        rate, mix, members = self._members(strata, valued=valued)
        return Explanation(
            indicator=self._indicator.id,
            unit=self._indicator.unit,
            org=self._slot.org,
            level=self._slot.level,
            window=self._slot.window,
            basis=self._slot.basis,
            strata=strata,
            older=older,
            newer=newer,
            change=_less(newer.value, older.value),
            parts=parts,
            rate=rate,
            mix=mix,
            members=members,
            notes=tuple(self._notes(older, newer, split, folded)),
        )

    def _parts(
        self, split: Split, folded: frozenset[Reason], before: Fraction | None, *, closed: bool
    ) -> Iterable[Part]:
        """Give the parts, shared out by the older value `before`; without one they have no values."""
        count = self._base.kind == "count"
        over = self._reading.scaled(split.shown[1])[1]
        for reason, of, records, change in split.parts(folded, self._smallest, closed=closed):
            numerator, denominator = self._reading.scaled(change)
            value = None
            if before is not None:
                value = numerator if count else (numerator - before * denominator) / over
            yield Part(reason, of, records, numerator, None if count else denominator, value)

    def _members(
        self, strata: Strata, *, valued: bool
    ) -> tuple[Fraction | None, Fraction | None, tuple[Member, ...]]:
        if self._slot.level not in _WITH_MEMBERS:
            return None, None, ()
        sides = []
        for board in self._boards:
            found = {}
            for org, cells in board.members(self._slot).items():
                if strata in cells:
                    found[org] = self._reading.scaled(self._reading.amount([cells[strata]]))
            sides.append(found)
        family = FAMILIES.get(self._slot.stream)
        folds = strata != UNSTRATIFIED and family is not None and family.kind == "episode"
        return members_of(
            sides[0],
            sides[1],
            ratio=self._base.kind != "count" and valued,
            smallest=self._smallest if folds else 0,
            hidden=self._hiding(strata, sides[0].keys() | sides[1].keys()),
        )

    def _hiding(self, strata: Strata, orgs: Iterable[str]) -> frozenset[str]:
        """Give the members whose own figure of a stratum is not shown at one of the moments."""
        found = set()
        for org in orgs:
            slot = self._slot._replace(level=self._register.level(org), org=org)
            for figures in (board.figures(slot) for board in self._boards):
                if figures is not None and strata in figures.hidden.get(self._base.id, ()):
                    found.add(org)
        return frozenset(found)

    def _gap(self, first: Explanation, second: Explanation) -> Explanation:
        """Compare two strata: every part of a gap's change is the first's part less the second's."""
        rows = self._rows(UNSTRATIFIED)
        sides = []
        for side, other, row in ((first.older, second.older, rows[0]), (first.newer, second.newer, rows[1])):
            value = _less(side.value, other.value)
            flags = () if row is None else row.flags
            sides.append(
                msgspec.structs.replace(side, numerator=None, denominator=None, value=value, flags=flags)
            )
        parts = []
        for one, two in zip(first.parts, second.parts, strict=True):
            records = None if one.records is None or two.records is None else one.records + two.records
            parts.append(Part(one.reason, one.of, records, None, None, _less(one.value, two.value)))
        change = _less(first.change, second.change)
        notes = [] if change is not None else [_NO_VALUE]
        return msgspec.structs.replace(
            first,
            strata=UNSTRATIFIED,
            older=sides[0],
            newer=sides[1],
            change=change,
            parts=tuple(parts),
            rate=_less(first.rate, second.rate),
            mix=_less(first.mix, second.mix),
            members=(),
            strata_of=(first, second),
            notes=tuple(dict.fromkeys([*first.notes, *second.notes, *notes])),
        )

    def _notes(self, older: Side, newer: Side, split: Split, folded: frozenset[Reason]) -> Iterable[str]:
        if older.value is None or newer.value is None:
            yield _NO_VALUE
        if folded:
            yield (
                f"reasons of fewer than {self._smallest} records are shown together,"
                " so that no part is about few persons"
            )
        if any(split.unexplained):
            yield "days that closed before the records read begin are known by their totals alone: not split"
        if self._others:
            yield f"there are figures of another basis too: --basis {' or '.join(self._others)}"
        for flag in ("partial", "missing_members"):
            if (flag in older.flags) != (flag in newer.flags):
                when = "before, not now" if flag in older.flags else "now, not before"
                yield f"{flag} {when}: compare with care"


_NO_VALUE = "one of the moments has no value, so there is no change of it to share out: counts only"


def _reporting(view: View, slot: Slot, figures: Figures) -> frozenset[SeriesKey]:
    """Give the series of returns whose current window has the bounds that are shown."""
    period = Period(figures.start, figures.end)
    return frozenset(
        SeriesKey(snapshot.org, series.site or "", series.stream, series.basis)
        for snapshot in view.snapshots
        for series in snapshot.series
        if (series.stream, series.basis) == (slot.stream, slot.basis)
        for window in series.windows
        if window.window == slot.window and Period(window.start, window.end) == period
    )


def _period(window: Window) -> tuple[date | datetime | None, date | datetime | None]:
    if window.bounds is None:
        return None, None
    start, end = window.bounds
    if window.hours:
        return utc(start * SECONDS_A_QUARTER), utc(end * SECONDS_A_QUARTER)
    return civil_date(start), civil_date(end)


def _less(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one - other


def _nothing(asked: Question, ours: Iterable[Slot], every: Iterable[Slot]) -> str:
    what = f"{asked.indicator} of {asked.org}"
    if ours := list(ours):
        known = ", ".join(sorted({f"{slot.window} ({slot.basis})" for slot in ours}))
        return f"{what} has no figure in that window or basis at either moment; it has {known}"
    orgs = sorted({slot.org for slot in every})
    if not orgs:
        return (
            f"{what} has no figure at either moment, and nobody has: a moment knows what had been appended "
            "by then, and its windows end with it (--since, --until)"
        )
    known = ", ".join(orgs[:12]) + (" …" if len(orgs) > 12 else "")  # noqa: PLR2004 - enough to see the form
    return f"{what} has no figure at either moment; the records read have it for {known}"
