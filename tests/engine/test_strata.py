"""Strata: an episode is added once, and every dimension of what is known of it is exact all the same."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import AT, MORNING, attendance, log, run

from schemas.outputs import DayTotal, TotalCell
from streams.engine.calendar import day_number
from streams.engine.closing import restore
from streams.engine.families import FAMILIES
from streams.engine.families.strata import PERSON, stratum
from streams.engine.panes import SPREAD_AT, Series, SeriesKey
from streams.engine.partition import Partition

ED = FAMILIES["ed_attendance"]
DAY = day_number(MORNING.date())
HISTOGRAM = ED.histograms[0]


def person(**known: Any) -> Any:
    return SimpleNamespace(**{dimension: known.get(dimension) for dimension in PERSON})


def series() -> Series:
    key = SeriesKey("RJ1", "", ED.name, "operational")
    return Series(key, explicit=False, histograms=ED.histograms, dimensions=ED.dimensions)


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ((), {}),
        ((("imd_quintile", "1"),), {"imd_quintile": 1}),
        ((("ethnic_group", "A"), ("sex", "male")), {"ethnic_group": "A", "sex": "male"}),
        ((("ethnic_group", "A"),), {"ethnic_group": "A7"}),  # the second character is the publisher's own
        ((), {"ethnic_group": "Z", "sex": "not_known"}),  # not stated is not known
        ((), {"ethnic_group": "99"}),
        ((("age_band", "85+"),), {"ethnic_group": "WHITE", "age_band": "85+"}),  # no code of the 16
    ],
)
def test_the_cell_names_what_is_known_and_nothing_else(cell: Any, known: dict[str, Any]) -> None:
    """What says nothing is left out: unknown is the whole less what is known."""
    assert cell == stratum(person(**known))


def test_whatever_is_sent_there_are_no_more_cells_than_groups() -> None:
    """A thousand made-up codes of an ethnic group are one stratum, unknown."""
    cells = {stratum(person(ethnic_group=f"X{n}")) for n in range(1000)}
    assert {()} == cells


def test_strata_of_a_day() -> None:
    """Three people: two women, one of them of quintile 1; of the third nothing is known."""
    of, _ = run(
        attendance("a", imd_quintile=1, sex="female", ethnic_group="A"),
        attendance("b", sex="female", age_band="85+"),
        attendance("c"),
        append=MORNING,
    )
    (found,) = of.partitions[AT].series.values()
    sums = found.stretch(DAY, DAY + 1).sums
    assert {
        ("", ""): 3,
        ("imd_quintile", "1"): 1,
        ("imd_quintile", "unknown"): 2,
        ("sex", "female"): 2,
        ("sex", "unknown"): 1,
        ("ethnic_group", "A"): 1,
        ("ethnic_group", "unknown"): 2,
        ("age_band", "85+"): 1,
        ("age_band", "unknown"): 2,
    } == {strata: tally.facts[0] for strata, tally in sums.items()}


def test_a_busy_day_holds_a_cell_a_value() -> None:
    """Thousands of people of every combination: the pane keeps at most the values and what is new."""
    busy = series()
    for n in range(5000):
        if not n % 100:
            busy.add(DAY, stratum(person(imd_quintile=1)), (1,) * len(ED.facts))
        one = person(
            imd_quintile=n % 5 + 1,
            ethnic_group="ABCDEFGHJKLMNPRS"[n % 16],
            sex=("female", "male")[n % 2],
            age_band=("0-17", "18-24", "25-44")[n % 3],
        )
        busy.add(DAY, stratum(one), (1,) * len(ED.facts))
    assert len(busy.panes[DAY]) <= 5 + 16 + 2 + 3 + 1
    assert len(busy._fresh[DAY]) < SPREAD_AT
    busy.touch(DAY, 1)
    sums = busy.stretch(DAY, DAY + 1).sums
    assert (5050, 1050) == (sums["", ""].facts[0], sums["imd_quintile", "1"].facts[0])


people = st.builds(
    person,
    imd_quintile=st.sampled_from([None, 1, 2, 5]),
    ethnic_group=st.sampled_from([None, "A", "B", "Z"]),
    sex=st.sampled_from([None, "female", "male"]),
    age_band=st.sampled_from([None, "0-17", "85+"]),
)
episodes = st.tuples(people, st.integers(0, 3), st.integers(0, 5))
"""Who, whether treated, and after how many minutes."""


def vector(treated: int, minutes: int) -> tuple[int, ...]:
    facts = [1] + [0] * (len(ED.facts) - 1)
    facts[HISTOGRAM.counted] = int(treated > 0)
    facts[HISTOGRAM.measured] = 60 * minutes if treated else 0
    return tuple(facts)


@given(st.lists(st.tuples(episodes, st.booleans(), st.booleans()), max_size=30))
@settings(max_examples=200, deadline=None)
def test_marginals_are_exact_whatever_is_added_taken_and_read(changes: list[Any]) -> None:
    """Against counting the people who stay, one by one, by each dimension on its own."""
    of, staying = series(), []
    for (who, treated, minutes), leaves, read in changes:
        facts = vector(treated, minutes)
        of.touch(DAY, 1)
        of.add(DAY, stratum(who), facts)
        staying.append((who, facts))
        if leaves:
            gone, gone_facts = staying.pop(0)
            of.take(of.panes, DAY, stratum(gone), gone_facts)
        if read:
            of.stretch(DAY, DAY + 1)
    of.touch(DAY, 1)
    expected: Counter[tuple[str, str]] = Counter()
    buckets: dict[tuple[str, str], Counter[int]] = {}
    for who, facts in staying:
        known = dict(stratum(who))
        for pair in [("", ""), *((name, known.get(name, "unknown")) for name in PERSON)]:
            expected[pair] += 1
            if facts[HISTOGRAM.counted] and pair[0] in ("", "imd_quintile"):
                bucket = facts[HISTOGRAM.measured] // 60
                buckets.setdefault(pair, Counter())[bucket] += 1
    sums = of.stretch(DAY, DAY + 1).sums
    assert expected == {pair: tally.facts[0] for pair, tally in sums.items()}
    found = {
        pair: tally.histograms[0] for pair, tally in sums.items() if tally.histograms and tally.histograms[0]
    }
    assert buckets == found
    assert bool(staying) == (DAY in of.panes)  # a day that holds nothing is gone


def test_quarters_of_an_hour_are_not_broken_down() -> None:
    """Two people are two in the last hour, and no stratum of them is kept."""
    of, _ = run(
        attendance("a", imd_quintile=1, sex="female"),
        attendance("b", imd_quintile=2),
        append=MORNING,
    )
    (found,) = of.partitions[AT].series.values()
    assert [{()}] == [set(pane) for pane in found.quarters.values()]


def test_a_total_of_an_earlier_version_is_read() -> None:
    """It has one cell a quintile, unknown among them, and nothing of other dimensions: they are unknown."""
    facts = [1] + [0] * (len(ED.facts) - 1)
    cells = [TotalCell([("imd_quintile", value)], list(facts), [{}]) for value in ("1", "unknown")]
    total = DayTotal("t", 0, "RJ1", "", ED.name, "operational", ED.definition, MORNING.date(), cells, 1)
    partition = Partition()
    restore(partition, [total], 60, None)
    (found,) = partition.series.values()
    assert {
        ("", ""): 2,
        ("imd_quintile", "1"): 1,
        ("imd_quintile", "unknown"): 1,
        ("sex", "unknown"): 2,
    } == {
        strata: tally.facts[0]
        for strata, tally in found.stretch(DAY, DAY + 1, ("imd_quintile", "sex")).sums.items()
    }


def test_a_correction_of_a_stratum_moves_its_facts() -> None:
    """A second version that knows more of the person."""
    of, _ = run(attendance("a", sex="female"), append=MORNING)
    of.process(AT, log(attendance("a", version=2, sex="male", imd_quintile=3), append=MORNING))
    (found,) = of.partitions[AT].series.values()
    sums = found.stretch(DAY, DAY + 1, ("imd_quintile", "sex")).sums
    assert {("", ""): 1, ("imd_quintile", "3"): 1, ("sex", "male"): 1} == {
        strata: tally.facts[0] for strata, tally in sums.items()
    }
