"""Saved state: a partition that was saved and restored goes on exactly as one that never stopped."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import AT, attendance, engine, report, run
from saving import LOGS, SETTINGS, snapshots, state, through_topic

from streams.catalogue import Catalogue
from streams.engine import Engine, EngineSettings, Outputs
from streams.engine.panes import Series
from streams.engine.partition import Partition
from streams.engine.saved import NOT_SAVED, PLAIN, REBUILT, fingerprint, restored, slices, view_of
from streams.engine.seen import SourceState, StreamState


def process(of: Engine, records: list[Any]) -> list[Any]:
    """Process one record at a time; give what each one gave."""
    return [dataclasses.astuple(of.process(AT, [record])) for record in records]


def reopened(pieces: list[bytes], before: list[Any]) -> Engine:
    """Give a new engine with the state of pieces, and the totals that were written before it."""
    of = engine(**SETTINGS)
    of.partitions[AT] = restored(pieces)
    of.restore(AT, through_topic([total for out in before for total in Outputs(*out).totals]))
    return of


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(LOGS, st.data())
def test_going_on_after_a_restore_equals_never_having_stopped(
    records: list[Any], data: st.DataObject
) -> None:
    """Saved at any record, restored and fed the rest: the same outputs, panes, held, windows."""
    cut = data.draw(st.integers(1, len(records)))
    steady, interrupted = engine(**SETTINGS), engine(**SETTINGS)
    expected = process(steady, records)
    before = process(interrupted, records[:cut])
    pieces = list(slices(view_of(interrupted.partitions[AT])))
    again = reopened(pieces, before)

    assert state(interrupted.partitions[AT]) == state(again.partitions[AT])
    assert expected[cut:] == process(again, records[cut:])
    assert state(steady.partitions[AT]) == state(again.partitions[AT])
    assert snapshots(steady, records[-1].timestamp) == snapshots(again, records[-1].timestamp)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(LOGS, st.data())
def test_a_view_stays_as_it_was_while_the_partition_goes_on(records: list[Any], data: st.DataObject) -> None:
    """Records that come between two slices do not show in the pieces, nor does a second view."""
    cut = data.draw(st.integers(1, len(records)))
    of, same = engine(**SETTINGS), engine(**SETTINGS)
    process(of, records[:cut])
    expected = list(slices(view_of(of.partitions[AT])))
    process(same, records[:cut])
    view = view_of(same.partitions[AT])
    later = records[cut:]
    process(same, later[: len(later) // 2])
    view_of(same.partitions[AT])
    process(same, later[len(later) // 2 :])

    assert expected == list(slices(view))


def test_sums_of_more_than_64_bits_are_kept() -> None:
    """A thousand million million pounds in millionths fit no integer of MessagePack."""
    of, _ = run(report(numerator=10**15, denominator=10**15))
    partition = of.partitions[AT]

    assert state(partition) == state(restored(slices(view_of(partition))))


def test_slices_of_many_strata_are_smaller() -> None:
    """Returns of eight strata each are cut by contributions, and none is lost."""
    strata = [{"dimension": "age_band", "value": f"v{n}", "numerator": n, "denominator": 9} for n in range(8)]
    months = [
        (f"{2000 + n // 12}-{n % 12 + 1:02}-01", f"{2000 + (n + 1) // 12}-{(n + 1) % 12 + 1:02}-01")
        for n in range(300)
    ]
    events = [
        report(start=start, end=end, numerator=1, denominator=9, strata=strata, source=f"/ods/RJ1/{source}")
        for start, end in months
        for source in "abcd"
    ]
    of, _ = run(*events)
    partition = of.partitions[AT]
    pieces = list(slices(view_of(partition)))

    assert 1200 == len(partition.held)
    assert 2 + 2 == len(pieces)
    assert state(partition) == state(restored(pieces))


def test_everybody_is_published_after_a_restore() -> None:
    """Whoever takes over writes every organisation once, those that had not changed too."""
    of, _ = run(attendance(), attendance("a2", source="/ods/RYJ/pas"))
    of.partitions[AT].dirty.clear()

    again = restored(slices(view_of(of.partitions[AT])))
    assert {"RJ1", "RYJ"} == again.dirty == again.dirty_closed


def test_a_missing_piece_is_refused() -> None:
    """Without one of its pieces a state is no state."""
    of, _ = run(attendance())
    pieces = list(slices(view_of(of.partitions[AT])))
    for number in range(len(pieces)):
        with pytest.raises((ValueError, LookupError)):
            restored(pieces[:number] + pieces[number + 1 :])


def test_every_attribute_is_saved_or_said_not_to_be() -> None:
    """A new attribute of a partition or a series must be named, or it would be lost without a word."""
    assert {*PLAIN, *REBUILT, *NOT_SAVED} == set(vars(Partition()))
    saved = {"explicit", "key", "panes", "quarters", "as_at_ms", "restated_ms"}
    assert saved | {"histograms", "totals", "_closed", "_lent", "_newest", "_settled"} == set(
        Series.__slots__
    )
    assert {"last_append_ms", "misrouted", "official", "series", "streams"} == set(SourceState.__slots__)
    assert {"last_append_ms", "newest", "orgs"} == set(StreamState.__slots__)


def test_fingerprint_tells_what_gives_state_its_meaning() -> None:
    """Other settings, other measures or another release make another fingerprint; nothing else does."""
    measures = Catalogue.shipped().measures
    first = fingerprint(EngineSettings(), measures, "1.0")
    some = dict(list(measures.items())[1:])

    assert first == fingerprint(EngineSettings(), dict(reversed(measures.items())), "1.0")
    others = [
        fingerprint(EngineSettings(horizon_days=13), measures, "1.0"),
        fingerprint(EngineSettings(), some, "1.0"),
        fingerprint(EngineSettings(), measures, "1.1"),
    ]
    assert 4 == len({first, *others})


def test_an_empty_partition_is_saved() -> None:
    """A partition without a record comes back as it was."""
    assert state(Partition()) == state(restored(slices(view_of(Partition()))))
