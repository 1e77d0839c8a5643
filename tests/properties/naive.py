"""The naive oracle: every figure anew from the full list of newest versions.

No panes, no sums kept, no engine; the definitions stand in `definitions`. Slow and plain on purpose.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from properties.definitions import (
    DIMENSIONS,
    ENDINGS,
    EPISODES,
    INDICATOR_OF_MEASURE,
    QUANTILES,
    STRATIFIED,
    Amount,
    Amounts,
    bed_state,
    broken_down,
    civil_day,
    known,
    measure,
    rtt,
    wall_clock,
)
from properties.membership import Memberships
from properties.vocabulary import Ask, Board, Declared, Entry, Figure, Key, Rules

ONE_DAY, ZERO_DAYS = timedelta(days=1), timedelta(0)
HOURS = {"1h": 1, "4h": 4, "24h": 24}
CUMULATIVE = ("ytd", "12m")
RETURNS = ("rtt_month", "rtt_week")


class Cell(NamedTuple):
    """What one record adds to one stratum; ("", "") is unstratified."""

    dimension: str
    value: str
    amounts: Amounts


class Reading(NamedTuple):
    """One record as the rules see it.

    `instant` is the attribution instant in epoch seconds (None: still open), `day` its civil day or the
    first day of a return's period; `cells` is empty for what adds nothing.
    """

    family: str
    stream: str
    identity: tuple[str, ...]
    version: int
    org: str
    site: str
    basis: str
    instant: int | None
    day: date | None
    cells: tuple[Cell, ...]
    retracted: bool
    planned: bool = False


class Fate(NamedTuple):
    """What the log-order rules make of a record.

    `counted`: a version of its identity; `withdraws`: its own day has closed, so it is late, and as a version
    it takes out what an open day has of an older one; `late`: its identity's day had closed; `refused`:
    dated in the future; `ignored`: a state between censuses. `life` counts how often it was forgotten.
    """

    kind: Literal["counted", "withdraws", "late", "refused", "ignored"]
    life: int
    rank: tuple[Any, ...]


# --- one record ----------------------------------------------------------------------------------------


def read(event: dict[str, Any]) -> Reading:
    """Read an event that meets the contract."""
    kind = event["type"].removeprefix("uk.nhs.oversight.").rsplit(".", 2)[0]
    data = event["data"]
    version = data.get("version")
    if version is None:
        recorded = datetime.fromisoformat(event["recordedtime"])
        version = int(recorded.timestamp() * 1_000_000)
    made_up = event.get("synthetic", False)
    basis = "synthetic" if made_up else "official" if data.get("publication") else "operational"
    org, site = data["org"], data.get("site") or ""
    retracted = data.get("retracted", False)
    if kind in EPISODES:
        reduce, key, family = EPISODES[kind]
        instant, amounts = reduce(data)
        cells = _cells(data, family, amounts)
        identity = (family, event["source"], data[key])
        day = None if instant is None else civil_day(instant)
        planned = family == "theatre_session"
        return Reading(
            family, family, identity, version, org, site, basis, instant, day, cells, retracted, planned
        )
    if kind == "bed.state":
        instant, amounts = bed_state(data)
        cells = _cells(data, kind, amounts)
        identity = (kind, event["source"], org, site, basis, data["bed_group"], str(instant))
        day = civil_day(instant or 0)
        return Reading(kind, "bed_state", identity, version, org, site, basis, instant, day, cells, retracted)
    if kind == "rtt.census":
        stream = f"rtt_{data['cadence']}"
        census = date.fromisoformat(data["census_date"])
        day = census - 6 * ONE_DAY if data["cadence"] == "week" else census.replace(day=1)
        cells = (
            Cell("", "", rtt(data)),
            *(Cell(one["dimension"], one["value"], rtt(one)) for one in data.get("strata", ())),
        )
    else:
        stream = f"measure:{data['measure']}"
        day = date.fromisoformat(data["period_start"])
        name = INDICATOR_OF_MEASURE[data["measure"]]
        cells = (
            Cell("", "", measure(name, data)),
            *(Cell(one["dimension"], one["value"], measure(name, one)) for one in data.get("strata", ())),
        )
    identity = (stream, event["source"], org, site, basis, day.isoformat())
    return Reading("return", stream, identity, version, org, site, basis, None, day, cells, retracted)


def _cells(data: dict[str, Any], family: str, amounts: Amounts | None) -> tuple[Cell, ...]:
    if amounts is None:
        return ()
    cells = (Cell("", "", amounts),)
    if family not in STRATIFIED:
        return cells
    return (*cells, *(Cell(one, known(one, data), amounts) for one in DIMENSIONS))


# --- the rules of the log's order ----------------------------------------------------------------------


def fates(log: Sequence[Entry], rules: Rules, ranks: Sequence[tuple[Any, ...]] | None = None) -> list[Fate]:
    """Decide each record in log order: the one thing that cannot be told from the set of records.

    Whether an identity's day has closed depends on the version held when the day closed, which depends on
    what was decided about the records before it.

    Args:
        log: the records.
        rules: horizon and retention.
        ranks: where two records of one identity and version may differ: which is the greater content.
    """
    held: dict[tuple[str, ...], _Held] = {}
    found: list[Fate] = []
    for number, entry in enumerate(log):
        one = read(entry.event)
        rank = ranks[number] if ranks is not None else ()
        today = civil_day(entry.append_ms // 1000)
        if _in_the_future(one, entry, rules):
            found.append(Fate("refused", 0, rank))
            continue
        if one.family in ("return", "bed.state"):
            found.append(Fate(_state_fate(one, today, rules), 0, rank))
            continue
        before, life = held.get(one.identity), 0
        if before is not None:
            forgotten = before.closes + (timedelta(days=rules.open_days) if before.ended else ZERO_DAYS)
            if forgotten < today:
                before, life = None, before.life + 1
            elif before.closes < today:
                found.append(Fate("late", before.life, rank))
                continue
            else:
                life = before.life
        day = one.day or today
        closes = day + timedelta(days=rules.open_days if one.day is None else rules.horizon_days)
        kind: Literal["counted", "withdraws"] = "counted"
        if closes < today:
            kind, closes = "withdraws", today + timedelta(days=rules.open_days)
            rank = (*rank[:2], -1, ()) if rank else ()
        found.append(Fate(kind, life, rank))
        if before is None or (one.version, rank) > (before.version, before.rank):
            ended = kind == "counted" and one.day is not None
            held[one.identity] = _Held(one.version, rank, closes, ended, life)
    return found


class _Held(NamedTuple):
    """The newest version of an identity: the last day it is held, and whether its own day then closes.

    One that never ended, or whose day had closed when it came, has added nothing to a day that closes: when
    it is no longer held it is forgotten. Of others the identity is remembered as long as the log may hold it.
    """

    version: int
    rank: tuple[Any, ...]
    closes: date
    ended: bool
    life: int


def _in_the_future(one: Reading, entry: Entry, rules: Rules) -> bool:
    latest = entry.append_ms / 1000 + rules.skew_seconds
    data = entry.event["data"]
    told = [entry.event["time"], entry.event["recordedtime"]]
    if one.planned:
        told += [data[name] for name in ENDINGS if name in data]
    if any(datetime.fromisoformat(when).timestamp() > latest for when in told):
        return True
    if one.family == "return":
        return one.day is not None and one.day > civil_day(entry.append_ms // 1000)
    ahead = rules.planned_days * 86_400 if one.planned else rules.skew_seconds
    return one.instant is not None and one.instant > entry.append_ms // 1000 + ahead


def _state_fate(one: Reading, today: date, rules: Rules) -> Literal["counted", "late", "ignored"]:
    if one.family == "return" or one.day is None or one.instant is None:
        return "counted"
    if one.day + timedelta(days=rules.horizon_days) < today:
        return "late"
    return "counted" if wall_clock(one.day, 7) < one.instant <= wall_clock(one.day, 8) else "ignored"


# --- what counts ---------------------------------------------------------------------------------------


def newest(log: Sequence[Entry], fate: Sequence[Fate], after: int) -> list[Reading]:
    """Give the records that count after the first `after`: newest versions, and of states the census."""
    best: dict[tuple[Any, ...], tuple[tuple[int, tuple[Any, ...]], Reading, Fate]] = {}
    for entry, fated in zip(log[:after], fate, strict=False):
        if fated.kind in ("counted", "withdraws"):
            one = read(entry.event)
            key, order = (one.identity, fated.life), (one.version, fated.rank)
            if key not in best or order > best[key][0]:
                best[key] = (order, one, fated)
    counting = [
        one
        for _, one, fated in best.values()
        if fated.kind == "counted" and not one.retracted and one.cells and one.day is not None
    ]
    censuses: dict[tuple[Any, ...], Reading] = {}
    for one in counting:
        if one.family == "bed.state":
            day = (*one.identity[:-1], one.day)
            if day not in censuses or (one.instant or 0) > (censuses[day].instant or 0):
                censuses[day] = one
    return [one for one in counting if one.family != "bed.state"] + list(censuses.values())


# --- windows -------------------------------------------------------------------------------------------


def month_start(day: date, months: int = 0) -> date:
    """Give the first of the month that lies `months` after that of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def tumbling(window: str, day: date) -> tuple[date, date]:
    """Give the calendar period of `window` that holds `day`, the financial year for `ytd`; end exclusive."""
    if window in ("day", "since_midnight"):
        return day, day + ONE_DAY
    if window == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + 7 * ONE_DAY
    if window == "ytd":
        year = financial_year(day)
        return year, year.replace(year=year.year + 1)
    months = 1 if window == "month" else 3
    first = month_start(day, -((day.month - 1) % months))
    return first, month_start(first, months)


def financial_year(day: date) -> date:
    """Give the 1 April on or before `day`."""
    return date(day.year if day.month >= 4 else day.year - 1, 4, 1)


def event_window(window: str, today: date) -> tuple[date, date]:
    """Give the bounds of a window over events: rolling ones end with yesterday, the others hold today."""
    match window:
        case "day":
            return today - ONE_DAY, today
        case "7d" | "28d":
            return today - timedelta(days=int(window[:-1])), today
        case "ytd":
            return financial_year(today), today + ONE_DAY
        case "12m":
            leap_day = (today.month, today.day) == (2, 29)
            return today.replace(year=today.year - 1, day=28 if leap_day else today.day), today
        case _:
            return tumbling(window, today)


def return_window(window: str, stream: str, latest: date, latest_of_all: date) -> tuple[date, date]:
    """Give the bounds of a window over returns, which ends with the latest period reported."""
    if window not in CUMULATIVE:
        return tumbling(window, latest)
    grain = "quarter" if stream == "measure:hypertension_control" else "month"
    end = tumbling(grain, latest_of_all)[1]
    if window == "ytd":
        return financial_year(latest_of_all), end
    return month_start(end - ONE_DAY, -11), end


Bounds = tuple[Any, Any]
Spans = list[tuple[str, Bounds, list[Reading]]]


def windows(readings: Sequence[Reading], names: Iterable[str], now: int) -> Iterator[Any]:
    """Give each window's name, bounds, last civil day and records, of one series of one stream."""
    today = civil_day(now)
    for name in names:
        if name in HOURS:
            end = now // 900 * 900
            start = end - HOURS[name] * 3600
            inside = [one for one in readings if start <= (one.instant or 0) < end]
            yield name, (start, end), civil_day(end - 1), inside
        else:
            first, after = event_window(name, today)
            inside = [one for one in readings if one.day and first <= one.day < after]
            yield name, (first, after), after - ONE_DAY, inside


def boards(
    log: Sequence[Entry],
    asks: Sequence[Ask],
    *,
    rules: Rules,
    declared: Sequence[Declared],
    memberships: Memberships,
    ranks: Sequence[tuple[Any, ...]] | None = None,
) -> list[Board]:
    """Give every figure of every ask, from nothing but the records before it."""
    fate = fates(log, rules, ranks)
    return [board(newest(log, fate, ask.after), ask.now_ms, declared, memberships) for ask in asks]


Slot = tuple[str, str, str, str, str]
Sums = dict[tuple[str, str], Amounts]
Periods = dict[Bounds, tuple[date, Sums]]


def board(
    readings: Sequence[Reading], now_ms: int, declared: Sequence[Declared], memberships: Memberships
) -> Board:
    """Give every current figure over the records that count, at one moment: a slot's latest period."""
    found: Board = {}
    for slot, periods in _sums(readings, now_ms, declared, memberships).items():
        found |= _rows(slot, max(periods), periods, declared, memberships)
    return found


def finals(
    readings: Sequence[Reading], now_ms: int, declared: Sequence[Declared], memberships: Memberships
) -> Board:
    """Give the figures of every tumbling period that has ended by a moment."""
    found: Board = {}
    for slot, periods in _sums(readings, now_ms, declared, memberships, ended=True).items():
        for bounds in periods:
            found |= _rows(slot, bounds, periods, declared, memberships)
    return found


def _rows(
    slot: Slot, bounds: Bounds, periods: Periods, declared: Sequence[Declared], memberships: Memberships
) -> Board:
    level, code, stream, basis, window = slot
    last, cells = periods[bounds]
    if level in ("icb", "region") and not memberships.exists(code, last):
        return {}
    return {
        Key(each.indicator, level, code, window, str(bounds[0]), str(bounds[1]), *stratum, basis): figure
        for each in declared
        if each.stream == stream and window in each.windows
        for stratum, figure in _figures(each, cells)
        if not stratum[0] or stratum[0] in broken_down(stream, window)
    }


def _sums(
    readings: Sequence[Reading],
    now_ms: int,
    declared: Sequence[Declared],
    memberships: Memberships,
    *,
    ended: bool = False,
) -> dict[Slot, Periods]:
    """Sum by level, organisation, stream, basis, window and period; each with the period's last day."""
    of_series: dict[tuple[str, str, str, str], list[Reading]] = defaultdict(list)
    for one in readings:
        of_series[one.org, one.site, one.stream, one.basis].append(one)
    names: dict[str, set[str]] = defaultdict(set)
    for each in declared:
        names[each.stream] |= set(each.windows)
    today = civil_day(now_ms // 1000)
    latest = _latest_of_all(readings, today)
    sums: dict[Slot, Periods] = defaultdict(dict)
    for (org, site, stream, basis), members in of_series.items():
        if ended:
            spans = _ended_spans(members, names[stream], today)
        elif members[0].family == "return":
            spans = _return_spans(members, names[stream], latest.get((stream, basis)), today)
        else:
            spans = list(windows(members, names[stream], now_ms // 1000))
        for window, bounds, last, inside in spans:
            for one in inside:
                for level, code in memberships.levels(org, site, one.day):
                    periods = sums[level, code, stream, basis, window]
                    _, cells = periods.setdefault(bounds, (last, {}))
                    _add(cells, one)
    return sums


def _latest_of_all(readings: Sequence[Reading], today: date) -> dict[tuple[str, str], date]:
    """Give the latest period that anybody has reported, by stream and basis: cumulative windows end there."""
    latest: dict[tuple[str, str], date] = {}
    for one in readings:
        if one.family == "return" and one.day is not None and one.day <= today:
            of = (one.stream, one.basis)
            latest[of] = max(latest.get(of, one.day), one.day)
    return latest


def _ended_spans(members: list[Reading], names: set[str], today: date) -> list[Any]:
    spans = []
    for name in names & {"day", "week", "month", "quarter", "ytd"}:
        for first, after in {tumbling(name, one.day) for one in members if one.day is not None}:
            if after <= today:
                inside = [one for one in members if one.day and first <= one.day < after]
                spans.append((name, (first, after), after - ONE_DAY, inside))
    return spans


def _return_spans(members: list[Reading], names: set[str], of_all: date | None, today: date) -> list[Any]:
    reported = [one.day for one in members if one.day is not None and one.day <= today]
    if not reported or of_all is None:
        return []
    spans = []
    for name in names:
        first, after = return_window(name, members[0].stream, max(reported), of_all)
        inside = [one for one in members if one.day and first <= one.day < after]
        spans.append((name, (first, after), after - ONE_DAY, inside))
    return spans


def _add(cells: Sums, one: Reading) -> None:
    for dimension, value, amounts in one.cells:
        total = cells.setdefault((dimension, value), {})
        for indicator, amount in amounts.items():
            a, b, c, values = total.get(indicator, Amount(bearing=0))
            n, d, bearing, more = amount
            total[indicator] = Amount(a + n, b + d, c + bearing, values + more)


COUNTS = ("ae_dta_12h",)
NO_FIGURE = Figure(None, None, None)


def _figures(each: Declared, cells: Sums) -> Iterator[tuple[tuple[str, str], Figure]]:
    if each.of:
        most, least = (_figure(each.of, cells.get(("imd_quintile", one))).value for one in each.compared)
        if ("", "") in cells:
            yield ("", ""), _compared(most, least, relative=each.relative)
        return
    for stratum, amounts in cells.items():
        if stratum == ("", "") or stratum[0] in each.strata:
            yield stratum, _figure(each.indicator, amounts)


def _compared(most: Fraction | None, least: Fraction | None, *, relative: bool) -> Figure:
    if most is None or least is None:
        return NO_FIGURE
    if not relative:
        return Figure(None, None, most - least)
    return Figure(most, least, most / least if least else None)


def _figure(indicator: str, amounts: Amounts | None) -> Figure:
    if amounts is None:
        return NO_FIGURE
    numerator, denominator, bearing, values = amounts[indicator]
    if indicator in QUANTILES:
        return Figure(None, Fraction(len(values)), nearest_rank(values, QUANTILES[indicator]))
    if not bearing:
        return NO_FIGURE
    if indicator in COUNTS:
        return Figure(numerator, None, numerator)
    return Figure(numerator, denominator, numerator / denominator if denominator else None)


def nearest_rank(values: Sequence[int], quantile: Fraction) -> Fraction | None:
    """Give the ceil(quantile * n)-th smallest value."""
    return Fraction(sorted(values)[math.ceil(quantile * len(values)) - 1]) if values else None
