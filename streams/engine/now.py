"""The picture of now: what episodes that have not ended, and the newest states, come to at a moment.

    episode    arrived ●──────────────────────── ? ended      held until it ends, counted at every moment
    states         ●        ●         ●                       the newest counts, for a day and an hour
                                             ▲ now

Nothing is summed in advance, since time alone changes what it comes to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from schemas.outputs import Cell, Part, WindowFacts
from streams.engine.calendar import SECONDS_A_DAY, civil_date, local_day
from streams.engine.families import Facts, Open
from streams.engine.panes import Series, States
from streams.engine.windows import NOW

CURRENT_SECONDS = 25 * 3600
"""How long a state counts as now: a civil day may have 25 hours, and publishers send one census a day."""


def placed(states: States, as_at: int, state: tuple[int, Facts | None]) -> tuple[str, States]:
    """Put a state among those of its kind, if it is newer than the one of its moment.

    Args:
        states: by epoch second; not changed.
        as_at: epoch second of the state.
        state: version and facts; no facts when it is withdrawn.

    Returns:
        What happened, as `Partition.upsert` says it, and the states after it.
    """
    old = states.get(as_at)
    outcome = "applied"
    if old is not None:
        if state[0] < old[0]:
            return "superseded", states
        if state[0] == old[0]:
            if state == old:
                return "duplicate", states
            if (state[1] or ()) <= (old[1] or ()):
                return "clash", states
            outcome = "clash"
    return outcome, {**states, as_at: state}


def newest(states: States) -> tuple[int, Facts] | None:
    """Give the latest state that is not withdrawn, with its epoch second."""
    for as_at in sorted(states, reverse=True):
        facts = states[as_at][1]
        if facts is not None:
            return as_at, facts
    return None


def since(states: States, floor: int) -> States:
    """Give the states after an epoch second."""
    return {as_at: state for as_at, state in states.items() if as_at > floor}


def still_current(by_kind: dict[tuple[str, str], States], floor: int) -> dict[tuple[str, str], States]:
    """Give the states after an epoch second of each kind that has some."""
    left = {kind: since(states, floor) for kind, states in by_kind.items()}
    return {kind: states for kind, states in left.items() if states}


def open_window(series: Series, stream: Open, now: int) -> WindowFacts | None:
    """Give what the open episodes of a series come to at an epoch second.

    With none it is a window of zeros, nobody waits, if the publisher has told of an open one in the last 24
    hours. Else nobody knows: one who tells only of what has ended has no now.
    """
    if not series.open and series.opened_ms // 1000 < now - SECONDS_A_DAY:
        return None
    here = [(0, *stream.reduce(kept, now)) for kept in series.open.values() if kept[0] <= now]
    fed = (1, *(0 for _ in stream.facts[1:]))
    histograms = [
        dict(Counter(facts[one.measured] // one.width for facts in here if facts[one.counted]))
        for one in stream.histograms
    ]
    whole = Cell("", "", list(map(sum, zip(fed, *here, strict=True))), histograms)
    return _window(whole, now, max([series.opened_ms, *series.as_at_ms.values()]))


def states_window(series: Series, now: int) -> WindowFacts | None:
    """Give the sum of the newest states of a series at an epoch second, as old as the oldest of them."""
    current = [
        found
        for states in series.states.values()
        if (found := newest(states)) is not None and found[0] > now - CURRENT_SECONDS
    ]
    if not current:
        return None
    whole = Cell("", "", list(map(sum, zip(*(facts for _, facts in current), strict=True))))
    # One period of one: a state is whole, from whenever on the log is known.
    return _window(whole, now, min(as_at for as_at, _ in current) * 1000, periods=1)


def _window(whole: Cell, now: int, as_at_ms: int, *, periods: int = 0) -> WindowFacts:
    """Give a window of now; its bounds are those of today, which members have in common."""
    today = civil_date(local_day(now))
    return WindowFacts(
        window=NOW,
        start=today,
        end=civil_date(local_day(now) + 1),
        parts=[Part(today, [whole])],
        as_at_ms=as_at_ms,
        reported=periods,
        expected=periods,
    )


def moving(some: Iterable[Series]) -> set[str]:
    """Give the organisations whose picture of now changes with time alone."""
    return {series.key.org for series in some if series.open}
