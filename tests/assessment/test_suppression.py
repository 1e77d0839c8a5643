"""Small numbers: what is not shown cannot be found, by subtraction or by solving what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from disclosing import CATALOGUE, REGISTER, START, Count, Equation, Table, board, hidden, rows, snapshot, told
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.outputs import Cell
from streams.assessment.rows import shown
from streams.assessment.suppression import Rule, Suppressor, hangs_together, joined, through
from streams.catalogue.model import facts_of

LARGE: Table = {"1": (100, 60), "2": (90, 50), "3": (80, 50), "4": (70, 40), "5": (60, 30)}


@pytest.mark.parametrize(
    ("expected", "table"),
    [
        (set(), LARGE),
        ({"1", "2"}, LARGE | {"1": (5, 3), "2": (40, 20)}),  # a small denominator, and the next smallest
        ({"1", "5"}, LARGE | {"1": (100, 7)}),  # a small numerator
        ({"1", "5"}, LARGE | {"1": (100, 93)}),  # seven who waited longer
        (set(), LARGE | {"1": (100, 92)}),  # eight
        (set(), LARGE | {"1": (100, 0), "2": (90, 90)}),  # none and all are no small numbers
        ({"1", "5"}, LARGE | {"1": (5, 3), "2": (90, 50)}),
        ({"1", "2"}, LARGE | {"1": (60, 6), "2": (50, 5)}),  # two, which do not come to a small number
        ({"1", "2", "5"}, LARGE | {"1": (60, 3), "2": (50, 4)}),  # two, and seven persons together
        ({"3", "5"}, LARGE | {"3": (4, 0)}),
        ({"1", "unknown"}, {"1": (5, 3)}),  # nobody else: that nobody is unknown is hidden with them
        ({"unknown", "1"}, {"unknown": (5, 3)}),
        ({"1", "unknown"}, LARGE | {"1": (100, 4), "unknown": (9, 8)}),
        ({"1", "2"}, {"1": (1, 1), "2": (100, 50)}),
    ],
)
def test_a_small_stratum_and_the_next_smallest(expected: set[str], table: Table) -> None:
    """Counts of 1 to 7 of a numerator, a denominator or what lies between, and one with them at least."""
    on = board([snapshot("RJ1", {None: table})])
    assert expected == hidden(on)


def test_a_suppressed_row_has_no_number_and_says_so() -> None:
    """Not zero, not absent: no value, numerator or denominator, and a flag; the total stays exact."""
    on = board([snapshot("RJ1", {None: LARGE | {"1": (5, 3)}})])
    found = rows(on)
    row, total = found["trust", "RJ1", "1"], found["trust", "RJ1", ""]
    assert (None, None, None) == (row.numerator, row.denominator, row.value)
    assert (("suppressed",), "suppressed") == (row.flags, shown(row))
    assert row.status in ("not_judged", "no_threshold", "expired")
    assert (173, 305, {"imd_quintile": 1.0}) == (
        total.numerator,
        total.denominator,
        {name: share for name, share in total.coded.items() if name == "imd_quintile"},
    )


def test_how_much_is_coded_is_hidden_where_the_unknown_are() -> None:
    """The share that is known and the total would tell how many are not."""
    few, many = (
        rows(board([snapshot("RJ1", {None: LARGE | {"unknown": (n, n // 2)}})]))["trust", "RJ1", ""].coded
        for n in (4, 100)
    )
    assert (None, 0.8) == (few["imd_quintile"], many["imd_quintile"])


@pytest.mark.parametrize(("gap", "table"), [(True, LARGE), (False, LARGE | {"5": (60, 3)})])
def test_what_compares_strata_is_hidden_with_them(gap: bool, table: Table) -> None:
    """A gap, and one value over another, would tell the hidden one from the shown one."""
    on = board([snapshot("RJ1", {None: table}, window="28d")])
    for name in ("gap", "relative_gap"):
        row = rows(on, f"ae_4h_all_types_imd_{name}")["trust", "RJ1", ""]
        assert (gap, not gap) == (row.value is not None, "suppressed" in row.flags)


def test_indicators_that_share_a_fact_hide_the_same() -> None:
    """Few delayed are few in both: the mean delay must not show the discharges that the share hides."""
    names = facts_of("spell") or ()

    def spells(known: int, delayed: int) -> Cell:
        amounts = {"ready_known": known, "delayed": delayed, "delay_days": 9 * delayed, "overnight": known}
        return Cell("", "", [amounts.get(name, 0) for name in names])

    table = {("imd_quintile", str(n)): spells(100 + n, 40) for n in range(1, 5)}
    table["imd_quintile", "5"] = spells(90, 3)
    found = Suppressor(CATALOGUE.by_stream()["spell"], "spell").hidden("trust", table).strata
    expected = {("imd_quintile", "1"), ("imd_quintile", "5")}
    for name in ("drd_delayed", "drd_mean_delay", "drd_mean_delay_delayed_only", "drd_delay_p90"):
        assert expected == found[name], name


def test_indicators_of_other_facts_hide_nothing() -> None:
    """Few whose treatment is timed hide the median, and not how long everybody stayed."""
    names = facts_of("ed_attendance") or ()
    table = {
        ("imd_quintile", str(n)): Cell(
            "",
            "",
            [
                {"attended": 100, "within_4h": 50, "treated": 2 if n == 1 else 90}.get(name, 0)
                for name in names
            ],
        )
        for n in range(1, 6)
    }
    of = Suppressor(CATALOGUE.by_stream()["ed_attendance"], "ed_attendance")
    assert {"ae_time_to_treatment_median"} == of.hidden("trust", table).strata.keys()


def test_a_publisher_who_suppresses_is_followed() -> None:
    """A stratum that came as `*` has no number: suppressed, not zero, and the next smallest with it."""
    names = facts_of("measure:hypertension_control") or ()

    def reported(numerator: int | None, denominator: int) -> Cell:
        known = numerator is not None
        e6 = (numerator or 0) * 10**6, denominator * 10**6 if known else 0
        amounts = dict(zip(names, (1, int(known), *e6), strict=True))
        return Cell("", "", [amounts[name] for name in names])

    strata = {str(n): reported(60, 100 + n) for n in range(1, 5)} | {"5": reported(None, 0)}
    table = {("imd_quintile", value): cell for value, cell in strata.items()}
    of = Suppressor(CATALOGUE.by_stream()["measure:hypertension_control"], "measure:hypertension_control")
    found = of.hidden("icb", table).strata["hypertension_control"]
    assert {("imd_quintile", "1"), ("imd_quintile", "5")} == found


def test_a_level_that_is_not_exact_hides_its_small_totals() -> None:
    """Seven at a site are not shown where only trusts are exact, and none of its strata are."""
    rule = Rule(exact_levels=frozenset({"trust"}))
    on = board([snapshot("RJ1", {"RJ101": {"1": (7, 3)}, "RJ102": LARGE})], rule)
    found = rows(on)
    assert ["suppressed"] == list(found["site", "RJ101", ""].flags)
    assert found["site", "RJ101", ""].denominator is None
    assert 407 == found["trust", "RJ1", ""].denominator


def test_nothing_is_hidden_from_1_on() -> None:
    """An operator who sets the smallest count to 1 sees everything."""
    on = board([snapshot("RJ1", {None: LARGE | {"1": (1, 1)}})], Rule(smallest=1))
    assert set() == hidden(on)


@pytest.mark.parametrize(
    ("expected", "rows_"),
    [
        ([], []),
        ([{"1", "2"}], [{"1", "2"}]),  # one trust alone: the ICB hides the same
        ([], [{"1", "2"}, {"1", "2"}]),  # two trusts hide the same: their sums may be known
        ([{"1", "3"}], [{"1", "2"}, {"2", "3"}]),  # what only one of them hides
        ([{"1", "2"}, {"3", "4"}], [{"1", "2"}, {"3", "4"}]),
        ([], [{"1", "2"}, {"2", "3"}, {"3", "1"}]),  # round a triangle
        ([{"1", "2", "3", "4", "5"}], [{"1", "2", "3"}, {"1", "2"}, {"4", "5", "3"}, {"4", "5"}]),
        ([{"1", "2", "3", "4"}], [{"1", "2", "3", "4"}, {"1", "2"}, {"3", "4"}]),
    ],
)
def test_what_a_roll_up_hides_for_its_members(expected: list[set[str]], rows_: Sequence[set[str]]) -> None:
    """Without any one member, all that it hides still hangs together by what others and the roll-up hide."""
    members = [frozenset(row) for row in rows_]
    assert expected == through(members)
    for some in joined(members):
        part = [row for row in members if row <= some]
        part += [row for row in through(members) if row <= some]
        assert hangs_together(part)


def test_a_trust_alone_in_hiding_is_hidden_in_its_icb() -> None:
    """The ICB less the other trust would be the trust; with a second one that hides, the ICB is shown."""
    few, other = LARGE | {"1": (100, 3)}, LARGE | {"1": (100, 6)}
    one = board([snapshot("RJ1", {None: few}), snapshot("RJZ", {None: LARGE})])
    both = board([snapshot("RJ1", {None: few}), snapshot("RJZ", {None: other})])
    assert ({"1", "5"}, {"1", "5"}) == (hidden(one), hidden(one, "icb", "QKK"))
    assert ({"1", "5"}, set()) == (hidden(both), hidden(both, "icb", "QKK"))


def test_two_trusts_whose_small_numbers_are_small_together_are_hidden_in_their_icb() -> None:
    """Three and four are seven: a sum over what is suppressed is shown from eight on."""
    few, other = LARGE | {"1": (100, 3)}, LARGE | {"1": (100, 4)}
    on = board([snapshot("RJ1", {None: few}), snapshot("RJZ", {None: other}), snapshot("RYJ", {None: LARGE})])
    assert {"1", "5"} == hidden(on, "icb", "QKK")


VALUES = ("1", "2", "3", "4", "5", "unknown")
TRUSTS = {
    "RJ1": ("RJ101", "RJ102"),
    "RJZ": ("RJZ01",),
    "RRV": (None,),
    "RL4": ("RL401", "RL402", "RL403"),
    "RNA": (None,),
}
"""In three ICBs of two regions."""
counts = st.tuples(st.sampled_from([0, 0, 1, 3, 7, 8, 9, 20, 100]), st.floats(0, 1)).map(
    lambda drawn: (drawn[0], round(drawn[0] * drawn[1]))
)
tables = st.dictionaries(st.sampled_from(VALUES), counts, min_size=1)
systems = st.fixed_dictionaries(
    {org: st.fixed_dictionaries(dict.fromkeys(sites, tables)) for org, sites in TRUSTS.items()}
)


def published(of: Any) -> tuple[set[Any], list[Equation]]:
    """Give what is not shown, and every equation that is known: the same for each count.

    A table adds up to its total, and a level to the one above. What is shown is known, so that it stands
    in no equation; a stratum without a row is known to be empty.
    """
    found = rows(of)
    unknown = {key for key, row in found.items() if "suppressed" in row.flags}
    equations: list[Equation] = []
    for level, org in {key[:2] for key in found}:
        equations.append({key: 1 for key in unknown if key[:2] == (level, org)})
    for level, org, below in sums():
        for value in VALUES:
            terms = [(*one, value) for one in below if (*one, value) in unknown]
            above = [(level, org, value)] if (level, org, value) in unknown else []
            equations.append(dict.fromkeys(terms, 1) | dict.fromkeys(above, -1))
    return unknown, equations


def sums() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Give what each organisation is the sum of."""
    found = []
    icbs: dict[str, list[tuple[str, str]]] = {}
    for org, sites in TRUSTS.items():
        named = [site for site in sites if site is not None]
        if named:
            found.append(("trust", org, [("site", site) for site in named]))
        icbs.setdefault(REGISTER.parents(org, START).icb, []).append(("trust", org))
    found += [("icb", icb, members) for icb, members in icbs.items()]
    regions: dict[str, list[tuple[str, str]]] = {}
    for icb in icbs:
        regions.setdefault(REGISTER.parents(icb, START).region, []).append(("icb", icb))
    found += [("region", region, members) for region, members in regions.items()]
    return [*found, ("england", "england", [("region", region) for region in regions])]


@given(systems)
@settings(max_examples=300, deadline=None)
def test_no_hidden_cell_can_be_solved(system: Mapping[str, Mapping[str | None, Table]]) -> None:
    """Everything that is published, at every level at once, leaves every hidden cell open."""
    on = board([snapshot(org, by_site) for org, by_site in system.items()])
    unknown, equations = published(on)
    assert set() == told(equations) & unknown


@given(tables)
@settings(max_examples=300, deadline=None)
def test_hidden_cells_of_a_table_come_to_no_small_number(table: Table) -> None:
    """The total less what is shown is nobody, or eight people and more, or everybody there is."""
    on = board([snapshot("RRV", {None: table})])
    gone = hidden(on, "trust", "RRV")

    def counted(count: Count) -> tuple[int, int, int]:
        return (*count, count[0] - count[1])

    for part in range(3):
        together = sum(counted(table[value])[part] for value in gone if value in table)
        rest = sum(counted(count)[part] for value, count in table.items() if value not in gone)
        assert not gone or together >= 8 or not rest


@given(tables)
@settings(max_examples=200, deadline=None)
def test_every_count_that_is_shown_is_none_or_eight(table: Table) -> None:
    """Of strata, whatever the table."""
    found = rows(board([snapshot("RRV", {None: table})]))
    for (_, _, value), row in found.items():
        if value and row.denominator is not None and row.numerator is not None:
            for count in (row.numerator, row.denominator, row.denominator - row.numerator):
                assert count == 0 or count >= 8


@given(st.lists(systems, min_size=2, max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_what_is_decided_anew(
    several: list[Mapping[str, Mapping[str | None, Table]]],
) -> None:
    """Whatever snapshots replace whatever others, the same is hidden as on a new board."""
    on = board([])
    for number, system in enumerate(several):
        for org, by_site in system.items():
            one = snapshot(org, by_site)
            on.apply(
                type(one)(
                    one.at.__class__("oversight.events", "t", 0, number + 1, number + 1), org, one.series
                )
            )
        on.refresh()
    fresh = board([snapshot(org, by_site) for org, by_site in several[-1].items()])
    assert {k: r.flags for k, r in rows(fresh).items()} == {k: r.flags for k, r in rows(on).items()}
