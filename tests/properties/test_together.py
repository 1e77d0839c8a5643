"""Records that are taken together, against the same ones taken one by one: the same state."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from properties import served
from properties.profiles import examples
from properties.worlds import DAY, EPISODE_KINDS, STARTS, Event, attendances, bed_states, events

from schemas.outputs import Position
from streams.commands.replay import FileRecord
from streams.engine import Engine, EngineSettings, Outputs
from streams.engine.snapshots import Snapshotter

AT = ("oversight.events", 0)
GARBAGE = [b"{", b"\xff", b"null", b'{"type": 1}', b"[" * 5000]
UNLIKELY_KEYS = ["a b", "1-2", "-", "k\n1", "k1-2", "12", "", "\u00e9", "K" * 65, "k.1"]
PASSING, FAILING = "9434765919", "9434765918"
"""Ten digits that pass for an NHS number, and ten that do not."""
WORDS = [
    f"{before}{word}{after}"
    for word in (PASSING, FAILING, "943-476-5919", "SW1A1AA")
    for before in ("", "k-", "k")
    for after in ("", "-2")
]


@st.composite
def values(draw: st.DrawFn, now: int) -> bytes:
    """Draw a record: mostly an attendance with one of few keys, now and then something else."""
    kind = draw(st.sampled_from(["plain"] * 12 + ["any", "any", "garbage", "key", "guarded", "guarded"]))
    if kind == "garbage":
        return draw(st.sampled_from(GARBAGE))
    kinds: list[Any] = [*EPISODE_KINDS, bed_states] if kind == "any" else [attendances]
    event: Event = draw(events(now, kinds))
    if kind == "key":
        event["data"]["attendance_key"] = draw(st.sampled_from(UNLIKELY_KEYS))
    if kind == "guarded":
        guarded(
            event,
            draw(st.sampled_from(["id", "subject", "sequence", "key", "version"])),
            draw(st.sampled_from(WORDS)),
        )
    return json.dumps(event).encode()


def guarded(event: Event, field: str, word: str) -> None:
    """Put what the guard may look at twice into a field."""
    if field == "key":
        event["data"]["attendance_key"] = word
    elif field == "version":
        event["data"]["version"] = int(FAILING if FAILING in word else PASSING)
    else:
        event[field] = word


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[int, list[bytes]]]:
    """Draw append times, and the records that were appended at each."""
    now = int(draw(st.sampled_from(STARTS)).timestamp())
    found = []
    for _ in range(draw(st.integers(1, 4))):
        found.append((now * 1000, draw(st.lists(values(now), min_size=1, max_size=12))))
        now += draw(st.sampled_from([1, DAY, 16 * DAY]))
    return found


def _run(log: list[tuple[int, list[bytes]]], together: int) -> tuple[Engine, list[Outputs]]:
    engine = Engine(served.catalogue().measures, replace(EngineSettings(), worth_together=together))
    outputs, offset = [], 0
    for append_ms, some in log:
        records = [FileRecord(offset + n, append_ms, value) for n, value in enumerate(some)]
        offset += len(some)
        outputs.append(engine.process(AT, records))
    return engine, outputs


def _shown(engine: Engine, now_ms: int) -> list[bytes]:
    partition = engine.partitions[AT]
    position = Position(AT[0], "topic", AT[1], partition.next_offset, now_ms)
    snapshotter = Snapshotter(engine, [])
    current = snapshotter.current(AT, sorted(partition.organisations), position)
    return [repr(one).encode() for one in (*current, *snapshotter.finals(AT, position))]


@examples(300)
@given(stretches())
def test_together_as_one_by_one(log: list[tuple[int, list[bytes]]]) -> None:
    """Figures, refusals, late records, closed days and what is held are the same."""
    (alone, one_by_one), (batched, together) = _run(log, 1_000_000), _run(log, 1)
    for one, other in zip(one_by_one, together, strict=True):
        assert (one.refused, one.late, one.totals) == (other.refused, other.late, other.totals)
        assert one.counts == other.counts
    mine, theirs = alone.partitions[AT], batched.partitions[AT]
    assert mine.held.keys() == theirs.held.keys()
    assert mine.next_offset == theirs.next_offset
    assert mine.dirty == theirs.dirty
    for source, state in mine.sources.items():
        assert state.last_append_ms == theirs.sources[source].last_append_ms
        for stream, heard in state.streams.items():
            found = theirs.sources[source].streams[stream]
            assert (heard.newest, heard.orgs) == (found.newest, found.orgs)
    last = log[-1][0]
    assert _shown(alone, last) == _shown(batched, last)
