"""The picture of now against a count over newest versions: at any time, after any restart, looking back."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from properties import membership, naive_now, served
from properties.profiles import examples
from properties.vocabulary import Entry
from properties.worlds import DAY, GAPS, HOUR, LONG_GAPS, World, attendances, handovers, spells, worlds

from streams.assessment import Row
from streams.commands.replay import FileRecord, replay
from streams.engine import EngineSettings

KINDS = [attendances, attendances, handovers, spells]
restarts = st.sets(st.integers(1, 14), max_size=3) | st.just(set(range(1, 15)))
FAMILIES = ("ed_", "amb_", "drd_")


def shown(rows: Sequence[Row]) -> naive_now.Shown:
    """Give rows of now as the oracle does."""
    return {
        (row.indicator, row.level, row.org, row.basis): row.value
        for row in rows
        if row.window == "now" and row.indicator.startswith(FAMILIES)
    }


def alike(expected: naive_now.Shown, found: naive_now.Shown) -> bool:
    """Whether two say the same, but for the last binary digit of a share."""
    return expected.keys() == found.keys() and all(
        value == found[key] or (value is not None and math.isclose(value, found[key] or 0))
        for key, value in expected.items()
    )


def check(world: World, after: Collection[int] = (), saves: Collection[int] = ()) -> None:
    """Hold what the service shows of now against the count, at every ask."""
    settings = served.settings_for(world.horizon_days)
    service = served.Service(settings)
    for ask in world.asks:
        for number in range(service.offset + 1, ask.after + 1):
            service.feed(world.log[number - 1 : number])
            if number in saves:
                service.save()
            if number in after:
                service.restart(world.log[number - 1].append_ms)
                for at in service.engine.partitions:  # the broker's clock goes on, with records or without
                    service.write(at, service.engine.advance(at, world.log[number - 1].append_ms))
        rules, log = served.rules_of(settings), world.log[: ask.after]
        expected = naive_now.board(log, rules, ask.now_ms // 1000, membership.shipped())
        found = shown(service.look(ask.now_ms))
        assert alike(expected, found), (expected, found)


@examples(150)
@given(worlds(kinds=KINDS))
def test_now_equals_a_count_over_newest_versions(world: World) -> None:
    """Whoever has come and not gone, whenever one looks."""
    check(world)


@examples(100)
@given(worlds(kinds=KINDS, gaps=LONG_GAPS), restarts, st.just(set()) | restarts)
def test_a_restart_anywhere_shows_the_same(world: World, after: set[int], saves: set[int]) -> None:
    """From day totals and the log, or from a saved state and the rest of the log."""
    check(world, after, saves)


@examples(100)
@given(worlds(kinds=[attendances], one_key=True), restarts)
def test_versions_of_one_attendance(world: World, after: set[int]) -> None:
    """Opened, closed, withdrawn, back again, at another site or in another organisation."""
    check(world, after)


@examples(60)
@given(worlds(kinds=KINDS, gaps=[0]), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(world: World, chance: Random) -> None:
    """Everything twice and shuffled, inside the horizon: the same figures."""
    log = [*world.log, *world.log]
    chance.shuffle(log)
    check(world._replace(log=log, asks=[world.asks[-1]._replace(after=len(log))]))


@examples(100)
@given(worlds(kinds=KINDS, gaps=[gap for gap in GAPS if gap <= 2 * DAY]), st.data())
def test_looking_back_equals_a_count_by_what_had_happened(world: World, data: st.DataObject) -> None:
    """`replay --at` knows the whole log: whoever left after the moment was there."""
    log = sorted(map(_told, world.log), key=lambda entry: entry.append_ms)
    records = [FileRecord(n, one.append_ms, json.dumps(one.event).encode()) for n, one in enumerate(log)]
    told, wait = st.sampled_from([one.append_ms for one in log]), st.sampled_from([0, 1, 1800, 11 * HOUR])
    now = data.draw(told) // 1000 + data.draw(wait)
    moment = datetime.fromtimestamp(now, UTC)
    rows, _ = replay(records, catalogue=served.catalogue(), register=served.register(), at=moment)
    rules = served.rules_of(EngineSettings())
    expected, found = naive_now.board(log, rules, now, membership.shipped(), until=now), shown(rows)
    assert alike(expected, found), (expected, found)


def _told(entry: Entry) -> Entry:
    """Give an entry as a file has it: appended when it was recorded."""
    recorded = datetime.fromisoformat(entry.event["recordedtime"])
    return entry._replace(append_ms=int(recorded.timestamp() * 1000))
