"""PromQL of the boards, made from the catalogue. Every expression takes the board's variables as they are.

A board shows one window, but not every indicator has every window: a quarterly survey has no "7d". Such an
indicator is shown in its nearest declared window, and the figure says which. Whether the chosen window is
declared is decided by the catalogue, never by whether data happen to be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from grafana.style import BASES, NOT_JUDGED, STATUSES
from streams.assessment.rows import FLAGS
from streams.catalogue import Indicator
from streams.exposition.renderer import family_name

WINDOWS = {
    "now": "Now",
    "1h": "Last hour",
    "4h": "Last 4 hours",
    "24h": "Last 24 hours",
    "since_midnight": "Since midnight",
    "day": "Day (last complete)",
    "7d": "7 days",
    "28d": "28 days",
    "week": "Week",
    "month": "Month",
    "quarter": "Quarter",
    "ytd": "Year to date",
    "12m": "12 months",
}
_NEAREST = (
    "month",
    "quarter",
    "28d",
    "week",
    "12m",
    "7d",
    "day",
    "24h",
    "ytd",
    "since_midnight",
    "4h",
    "1h",
    "now",
)
"""Which window stands in for one that an indicator does not declare, the first that it does."""

OWN = 'org="$organisation", level="$level"'
COMMON = 'stratum="", basis=~"$basis"'


def newest(selector: str) -> str:
    """Take away what only says which worker was scraped."""
    return f"max without (instance, pod, job) ({selector})"


def quoted(text: str) -> str:
    """Give a string of PromQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def constant(value: float, **labels: str) -> str:
    """Give one series without a metric."""
    expression = f"vector({value:g})"
    for name, text in labels.items():
        expression = f'label_replace({expression}, "{name}", {quoted(text)}, "", "")'
    return expression


def reworded(expression: str, label: str, of: Mapping[str, str]) -> str:
    """Replace values of a label; an empty key stands for a series without the label."""
    for old, new in of.items():
        if old != new:
            expression = f'label_replace({expression}, "{label}", {quoted(new)}, "{label}", "{old}")'
    return expression


def stand_in(indicator: Indicator) -> str:
    """Give the window that is shown when the chosen one is not declared."""
    return next(window for window in _NEAREST if window in indicator.windows)


def _undeclared(indicator: Indicator) -> str:
    return "|".join(window for window in WINDOWS if window not in indicator.windows)


def value(indicator: Indicator) -> str:
    """Give the value of the chosen organisation in the chosen window or its stand-in."""
    return _in_window(indicator, family_name(indicator), "")


def threshold(indicator: Indicator) -> str:
    """Give the threshold in force."""
    return _in_window(indicator, "oversight_indicator_threshold", f'indicator="{indicator.id}", ')


def _in_window(indicator: Indicator, family: str, first: str) -> str:
    undeclared = _undeclared(indicator)
    if not undeclared:
        return newest(f'{family}{{{first}{OWN}, window="$window", {COMMON}}}')
    chosen = constant(1, window="$window")
    wanted = f'label_replace({chosen}, "window", "{stand_in(indicator)}", "window", "{undeclared}")'
    return f"({newest(f'{family}{{{first}{OWN}, {COMMON}}}')} and on (window) {wanted})"


def card(indicator: Indicator) -> str:
    """Give the value with labels for its card: `judged`, `basis` in words, `window` and `flags`.

    The colour comes from `judged`, so from what the service published; `flags` is their number, or none.
    """
    of = f'indicator="{indicator.id}", {OWN}, {COMMON}'
    known = f"group by (basis, window) (oversight_indicator_as_at_timestamp_seconds{{{of}}})"
    status = f"max by (basis, window) (oversight_indicator_status{{{of}}})"
    judged = reworded(
        f'count_values by (basis, window) ("judged", {status})',
        "judged",
        {str(code): word for code, (word, _) in STATUSES.items()},
    )
    flags = f"group by (basis, window, flag) (oversight_indicator_flag{{{of}}})"
    counted = f'count_values by (basis, window) ("flags", count by (basis, window) ({flags}))'

    def or_else(expression: str, label: str, text: str) -> str:
        return f'({expression} or on (basis, window) label_replace({known}, "{label}", "{text}", "", ""))'

    joined = (
        f"{value(indicator)}"
        f" * on (basis, window) group_left (judged) {or_else(judged, 'judged', NOT_JUDGED)}"
        f" * on (basis, window) group_left (flags) {or_else(counted, 'flags', 'none')}"
    )
    return reworded(joined, "basis", BASES)


def in_words(expression: str) -> str:
    """Say in the label `basis` that a figure is simulated."""
    return reworded(expression, "basis", BASES)


# --- tables: many indicators, one row each -----------------------------------------------------------------


def named(indicators: Sequence[Indicator], ending: str, where: str) -> str:
    """Give families that are called by their indicator, with the label `indicator`."""
    names = "|".join(one.id for one in indicators)
    selector = f'{{__name__=~"oversight_({names})_{ending}", {_windows(indicators)}{where}{COMMON}}}'
    return newest(f'label_replace({selector}, "indicator", "$1", "__name__", "oversight_(.+)_{ending}")')


def common(indicators: Sequence[Indicator], family: str, where: str) -> str:
    """Give a family that has the label `indicator`."""
    names = "|".join(one.id for one in indicators)
    selector = f'{{indicator=~"{names}", {_windows(indicators)}{where}{COMMON}}}'
    return newest(f"oversight_indicator_{family}{selector}")


def flags_sum(indicators: Sequence[Indicator], where: str) -> str:
    """Give 2**i summed over the flags of each figure, in the order of `FLAGS`; the board maps it to words."""
    flags = common(indicators, "flag", where)
    weights = " or ".join(constant(2**i, flag=flag) for i, flag in enumerate(FLAGS))
    others = flags.replace("{indicator", f'{{flag!~"{"|".join(FLAGS)}", indicator', 1)
    return (
        f"sum without (flag) ({flags} * on (flag) group_left () ({weights}) or {others} * {2 ** len(FLAGS)})"
    )


def _windows(indicators: Sequence[Indicator]) -> str:
    """Give a matcher that leaves few windows to join; `titles` then decides between them."""
    shown = sorted({stand_in(one) for one in indicators if _undeclared(one)})
    return f'window=~"{"|".join(["$window", *shown])}", '


def titles(indicators: Iterable[Indicator]) -> str:
    """Give 1 for each indicator with the window in which it is shown, and its title."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in indicators:
        groups.setdefault((_undeclared(one), stand_in(one)), []).append(one.id)
    parts = []
    for (undeclared, instead), ids in groups.items():
        info = f'max by (indicator, title) (oversight_indicator_info{{indicator=~"{"|".join(ids)}"}})'
        part = f'label_replace({info}, "window", "$window", "", "")'
        if undeclared:
            part = f'label_replace({part}, "window", "{instead}", "window", "{undeclared}")'
        parts.append(part)
    return " or ".join(parts)


def members() -> str:
    """Give 1 for each member of the chosen organisation, with its name.

    Members of England are the regions, of a region or a cluster its ICBs, of an ICB its places and those of
    its trusts and providers that are in none. Each part holds only at its own level: `level="$level",
    level="icb"` selects nothing at another one.
    """
    info = "oversight_organisation_info"
    parts = [
        f'({info}{{{selector}}} and on () {info}{{{OWN}, level="{level}"}})'
        for level, selector in (
            ("neighbourhood", 'level=~"trust|provider", neighbourhood="$organisation"'),
            ("place", 'level=~"trust|provider", place="$organisation", neighbourhood=""'),
            ("place", 'level="neighbourhood", place="$organisation"'),
            ("icb", 'level=~"trust|provider", icb="$organisation", place=""'),
            ("icb", 'level="place", icb="$organisation"'),
            ("cluster", 'level="icb", cluster="$organisation"'),
            ("region", 'level="icb", region="$organisation"'),
            ("england", 'level="region"'),
        )
    ]
    return f"max by (org, level, name) ({' or '.join(parts)})"


def with_title(expression: str, indicators: Sequence[Indicator]) -> str:
    """Keep the window in which each indicator is shown; add its title."""
    return f"{expression} * on (indicator, window) group_left (title) ({titles(indicators)})"


def with_member(expression: str) -> str:
    """Keep members; add their name."""
    return f"{expression} * on (org, level) group_left (name) {members()}"
