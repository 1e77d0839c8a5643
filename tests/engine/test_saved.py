"""Saved state: a partition that was saved and restored goes on exactly as one that never stopped."""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import AT, attendance, engine, report, run
from saving import LOGS, SETTINGS, snapshots, state, through_topic

from streams.catalogue import Catalogue
from streams.engine import Engine, EngineSettings, Outputs, saved
from streams.engine.panes import Series
from streams.engine.partition import Partition
from streams.engine.saved import NOT_SAVED, PLAIN, REBUILT, View, fingerprint, restored
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
    pieces = list(View(interrupted.partitions[AT]).slices())
    again = reopened(pieces, before)

    assert state(interrupted.partitions[AT]) == state(again.partitions[AT])
    assert expected[cut:] == process(again, records[cut:])
    assert state(steady.partitions[AT]) == state(again.partitions[AT])
    assert snapshots(steady, records[-1].timestamp) == snapshots(again, records[-1].timestamp)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(LOGS, st.data())
def test_a_view_stays_as_it_was_while_the_partition_goes_on(records: list[Any], data: st.DataObject) -> None:
    """Records that come before, between and after slices do not show in the pieces of any view."""
    cut = data.draw(st.integers(1, len(records)))
    of, same = engine(**SETTINGS), engine(**SETTINGS)
    before = process(of, records[:cut])
    expected = reopened(list(View(of.partitions[AT]).slices()), before).partitions[AT]
    process(same, records[:cut])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HELD_A_SLICE", "HELD_BYTES_A_SLICE", "TALLIES_A_SLICE", "CENSUSES_A_SLICE"):
            patch.setattr(saved, name, 1)
        first, second = View(same.partitions[AT]).slices(), View(same.partitions[AT]).slices()
        pieces: list[bytes] = []
        for record in records[cut:]:
            process(same, [record])
            pieces += islice(first, data.draw(st.integers(0, 3)))
        pieces += first

        assert state(expected) == state(reopened(pieces, before).partitions[AT])
        assert state(expected) == state(reopened(list(second), before).partitions[AT])


def test_a_view_that_nobody_reads_any_more_is_told_nothing() -> None:
    """A save that was given up costs nothing afterwards."""
    of, _ = run(attendance())
    partition = of.partitions[AT]
    view = View(partition)
    assert partition._readers

    del view
    assert not partition._readers


def test_sums_of_more_than_64_bits_are_kept() -> None:
    """A thousand million million pounds in millionths fit no integer of MessagePack."""
    of, _ = run(report(numerator=10**15, denominator=10**15))
    partition = of.partitions[AT]

    assert state(partition) == state(restored(View(partition).slices()))


def test_slices_of_many_strata_are_smaller() -> None:
    """Returns of eight strata each are cut by their size, and none is lost."""
    strata = [
        {"dimension": "ethnic_group", "value": f"A{n}", "numerator": n, "denominator": 9} for n in range(8)
    ]
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
    pieces = list(View(partition).slices())

    assert 1200 == len(partition.held)
    assert 2 + 2 == len(pieces)
    assert state(partition) == state(restored(pieces))


def test_everybody_is_published_after_a_restore() -> None:
    """Whoever takes over writes every organisation once, those that had not changed too."""
    of, _ = run(attendance(), attendance("a2", source="/ods/RYJ/pas"))
    of.partitions[AT].dirty.clear()

    again = restored(View(of.partitions[AT]).slices())
    assert {"RJ1", "RYJ"} == again.dirty == again.dirty_closed


def test_a_missing_piece_is_refused() -> None:
    """Without one of its pieces a state is no state."""
    of, _ = run(attendance())
    pieces = list(View(of.partitions[AT]).slices())
    for number in range(len(pieces)):
        with pytest.raises((ValueError, LookupError)):
            restored(pieces[:number] + pieces[number + 1 :])


def test_every_attribute_is_saved_or_said_not_to_be() -> None:
    """A new attribute of a partition or a series must be named, or it would be lost without a word."""
    assert {*PLAIN, *REBUILT, *NOT_SAVED} == set(vars(Partition()))
    kept = {"explicit", "key", "panes", "_quarters", "_recent", "as_at_ms", "restated_ms"}
    kept |= {"opened_ms", "states", "open"}
    assert kept | {
        "dimensions",
        "histograms",
        "totals",
        "_closed",
        "_fresh",
        "_latest",
        "_lent",
        "_newest",
        "_settled",
        "noted",
        "number",
    } == set(Series.__slots__)
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
    assert state(Partition()) == state(restored(View(Partition()).slices()))
