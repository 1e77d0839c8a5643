"""The plain page: an organisation's indicators by purpose, and how far each may be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from itertools import groupby

from jinja2 import Environment

from streams.assessment import Row
from streams.assessment.rows import FLAGS, figure, instant, shown
from streams.catalogue.declared import PURPOSES
from streams.engine.calendar import LONDON, utc
from streams.engine.windows import NOW

ONE_DAY = timedelta(days=1)
STATUS_WORDS = {
    "ok": "meets",
    "near": "near",
    "breach": "misses",
    "no_threshold": "",
    "expired": "threshold expired",
    "not_judged": "not judged",
    "no_value": "no value",
}
BASIS_WORDS = {
    "official": "official figure",
    "operational": "operational, unvalidated",
    "synthetic": "SIMULATED",
}
WINDOW_WORDS = {
    "now": "now",
    "1h": "last hour",
    "4h": "last 4 hours",
    "24h": "last 24 hours",
    "since_midnight": "since midnight",
    "day": "last full day",
    "7d": "7 full days",
    "28d": "28 full days",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "ytd": "since April",
    "12m": "12 months",
}
_WINDOWS = tuple(WINDOW_WORDS)
_environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)


def page(
    rows: Iterable[Row],
    names: Sequence[tuple[str, str]],
    titles: Mapping[str, str],
    org: str,
    problems: Sequence[str],
) -> str:
    """Give the page of one organisation as HTML: a line an indicator and basis, a box a window."""
    mine = [row for row in rows if row.org == org and not row.strata]
    mine.sort(key=lambda row: (titles[row.indicator], row.basis, _WINDOWS.index(row.window)))
    purposes = []
    for purpose, title in PURPOSES.items():
        own = [row for row in mine if row.purpose == purpose]
        lines = [
            {"title": titles[indicator], "basis": basis, "basis_words": BASIS_WORDS[basis], "boxes": boxes}
            for (indicator, basis), found in groupby(own, key=lambda row: (row.indicator, row.basis))
            if (boxes := [_box(row) for row in found])
        ]
        purposes.append((title, lines))
    template = resources.files("streams.exposition").joinpath("page.html").read_text("utf-8")
    return _environment.from_string(template).render(
        org=org,
        name=dict(names).get(org, org),
        names=names,
        purposes=purposes,
        problems=problems,
        flags=FLAGS,
    )


def _box(row: Row) -> dict[str, str]:
    return {
        "window": WINDOW_WORDS[row.window],
        "period": _period(row),
        "value": shown(row),
        "of": "" if row.denominator is None else f"of {row.denominator:,.0f}",
        "status": row.status,
        "judged": STATUS_WORDS[row.status],
        "threshold": "" if row.threshold is None else figure(row.threshold, row.unit),
        "flags": ", ".join(flag.replace("_", " ") for flag in row.flags),
        "as_at": (instant(row.as_at_ms) or "")[:16].replace("T", " ") + " UTC",
    }


def _period(row: Row) -> str:
    """Give the period in local time: days, or the hours of one, or for now how old it is."""
    start, end = row.period_start, row.period_end
    if row.window == NOW:
        return f"as at {utc(row.as_at_ms / 1000).astimezone(LONDON):%d %b %H:%M}"
    if isinstance(start, datetime) and isinstance(end, datetime):
        local = (one.astimezone(LONDON) for one in (start, end))
        return " to ".join(f"{one:%d %b %H:%M}" for one in local)
    return f"{start} to {end - ONE_DAY}"
