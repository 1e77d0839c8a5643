"""Both oracles behind one face each: figures of a world, of several, of a handful of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from properties import membership, naive, served, sql
from properties.vocabulary import Ask, Board, Entry, Figure
from properties.worlds import World, partition_of

Event = dict[str, Any]


def by_hand(world: World, ranks: Sequence[tuple[Any, ...]] | None = None) -> list[Board]:
    """Give the naive oracle's figures of a world, ask by ask."""
    return naive.boards(
        world.log,
        world.asks,
        rules=served.rules_of(served.settings_for(world.horizon_days)),
        declared=served.declared(),
        memberships=membership.shipped(),
        ranks=ranks,
    )


def ended_by_hand(world: World) -> Board:
    """Give the naive oracle's figures of every period that has ended at a world's last ask."""
    fates = naive.fates(world.log, served.rules_of(served.settings_for(world.horizon_days)))
    ask = world.asks[-1]
    readings = naive.newest(world.log, fates, ask.after)
    return naive.finals(readings, ask.now_ms, served.declared(), membership.shipped())


def by_sql(worlds: Sequence[World], ranks: Sequence[Any] | None = None) -> list[list[Board]]:
    """Give the SQL oracle's figures of several worlds, ask by ask."""
    cases = []
    for number, world in enumerate(worlds):
        rules = served.rules_of(served.settings_for(world.horizon_days))
        fates = naive.fates(world.log, rules, None if ranks is None else ranks[number])
        cases.append(sql.Case(world.log, world.asks, rules, fates))
    return sql.boards(cases, served.declared())


def world_of(events: Sequence[Event], now: str, *, horizon_days: int = 14) -> World:
    """Make a world of events appended when they were recorded, looked at once."""
    log = [
        Entry(
            partition_of(event), int(datetime.fromisoformat(event["recordedtime"]).timestamp() * 1000), event
        )
        for event in events
    ]
    return World(log, [Ask(len(log), int(datetime.fromisoformat(now).timestamp() * 1000))], horizon_days)


def figures(
    board: Board, indicator: str, window: str, *, level: str = "england", stratum: str = ""
) -> Figure | None:
    """Give the one figure of an indicator in a window at a level; None where there is none."""
    found = [
        figure
        for key, figure in board.items()
        if (key.indicator, key.window, key.level, key.value) == (indicator, window, level, stratum)
    ]
    assert len(found) <= 1
    return found[0] if found else None
