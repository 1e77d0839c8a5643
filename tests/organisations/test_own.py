"""An operator's own tables: places, neighbourhoods, clusters, mergers, and what they may not say."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organisations.tabling import BLACK_COUNTRY, own, write

from streams.errors import ConfigurationError
from streams.organisations import ENGLAND, UNMAPPED, Parents, Register
from streams.organisations.register import Membership, Organisation

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "organisations"
BEFORE, CHANGE = date(2026, 3, 31), date(2026, 4, 1)


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    """The Black Country with two places, a neighbourhood and a cluster."""
    return own(tmp_path_factory.mktemp("own"), **BLACK_COUNTRY)


@pytest.mark.parametrize(
    ("expected", "code", "day"),
    [
        (Parents("QUA", "Y60", assumed=False, place="DUDLEY", cluster="TWOICBS"), "RNA", CHANGE),
        (Parents("QUA", "Y60", assumed=False, place="DUDLEY"), "RNA", date(2025, 9, 30)),
        (Parents("QUA", "Y60", assumed=True, place="DUDLEY"), "RNA", date(2025, 6, 30)),
        (Parents("QUA", "Y60", assumed=False, place="SANDWELL", cluster="TWOICBS"), "RXK", CHANGE),
        (Parents("QHL", "Y60", assumed=False), "RXK", BEFORE),
        (Parents("QUA", "Y60", assumed=False, cluster="TWOICBS"), "RL4", CHANGE),
        (
            Parents("QUA", "Y60", assumed=True, neighbourhood="KINGSWN", place="DUDLEY", cluster="TWOICBS"),
            "ZZ9",
            CHANGE,
        ),
        (Parents(UNMAPPED, UNMAPPED, assumed=False), "ZZ9", date(2025, 12, 31)),
        (Parents("QUA", "Y60", assumed=False, place="DUDLEY", cluster="TWOICBS"), "DUDLEY", CHANGE),
        (Parents("QUA", "Y60", assumed=False, cluster="TWOICBS"), "QUA", date(2026, 9, 30)),
        (Parents("QUA", "Y60", assumed=False), "QUA", date(2026, 10, 1)),
    ],
)
def test_parents_at_every_level_are_those_of_the_day(
    expected: Parents, code: str, day: date, register: Register
) -> None:
    """A practice that no official file has gets its ICB from its neighbourhood's place."""
    assert expected == register.parents(code, day)


def test_a_fact_counts_once_a_level(register: Register) -> None:
    """From the practice up to England, the cluster beside the region."""
    assert (
        ("provider", "ZZ9"),
        ("neighbourhood", "KINGSWN"),
        ("place", "DUDLEY"),
        ("icb", "QUA"),
        ("cluster", "TWOICBS"),
        ("region", "Y60"),
        ("england", "england"),
    ) == register.counts_in("ZZ9", CHANGE)


def test_members_are_one_level_down(register: Register) -> None:
    """Of the ICB its places and the trusts in none; of a cluster its ICBs."""
    assert ["KINGSWN", "RNA"] == register.members("DUDLEY", CHANGE)
    assert ["ZZ9"] == register.members("KINGSWN", CHANGE)
    assert ["QNC", "QUA"] == register.members("TWOICBS", CHANGE)
    of_icb = register.members("QUA", CHANGE)
    assert {"DUDLEY", "SANDWELL", "RBK", "RL4"} <= set(of_icb)
    assert {"RNA", "RXK", "ZZ9", "KINGSWN"}.isdisjoint(of_icb)


def test_change_days_are_those_of_every_level(register: Register) -> None:
    """Windows are split where a neighbourhood, a place or a cluster begins or ends, too."""
    assert (
        date(2025, 10, 1),
        date(2026, 1, 1),
        CHANGE,
        date(2026, 6, 1),
        date(2026, 10, 1),
    ) == register.change_days()


@pytest.mark.parametrize(
    ("expected", "code"),
    [("place", "DUDLEY"), ("neighbourhood", "KINGSWN"), ("cluster", "TWOICBS"), ("provider", "ZZ9")],
)
def test_levels_are_the_kinds_of_the_tables(expected: str, code: str, register: Register) -> None:
    """A place that reports figures of its own does so at level place."""
    assert expected == register.level(code)


def test_the_example_is_valid_and_not_a_default() -> None:
    """Dudley, Sandwell, Walsall, Wolverhampton, every membership assumed; the shipped register has none."""
    example = Register.configured(None, EXAMPLE)
    assert ["DUDLEY", "SANDWELL", "WALSALL", "WOLVHMPTN"] == [
        one for one in example.members("QUA", CHANGE) if example.level(one) == "place"
    ]
    assert ("SANDWELL", True) == (
        example.parents("RXK", CHANGE).place,
        example.parents("RXK", CHANGE).assumed,
    )
    shipped = Register.shipped()
    assert {"trust", "provider", "icb", "region"} == {one.kind for one in shipped.all()}


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("council", "E06000001"),
        ("council", "E08000027"),
        ("council", "E09000001"),
        ("council", "E10000006"),
        ("provider", "E07000008"),
        ("provider", "E54000062"),
        ("provider", "E0800002"),
    ],
)
def test_an_upper_tier_council_is_known_by_its_code(expected: str, code: str) -> None:
    """ONS codes say what they are of; a district (E07) is the lower tier, E54 an ICB."""
    assert expected == Register.shipped().level(code)


def test_a_council_counts_for_itself_alone() -> None:
    """Its residents are counted where they are treated already: in no ICB, region or England."""
    assert (("council", "E08000027"),) == Register.shipped().counts_in("E08000027", CHANGE)


def test_the_area_of_an_icb_counts_in_itself_alone() -> None:
    """Under its ONS code it holds the trusts in it once more; another unknown code counts in England."""
    register = Register.shipped()

    assert (("provider", "E54000056"),) == register.counts_in("E54000056", CHANGE)
    assert ("england", "england") in register.counts_in("E54", CHANGE)


def test_a_merged_trust_ends_and_its_series_with_it(tmp_path: Path) -> None:
    """RBK goes into RL4 on 1 October 2026: its last day is 30 September, RL4 goes on as another."""
    register = own(tmp_path, succession="RBK,RL4,2026-10-01,acquisition")
    last, day = date(2026, 9, 30), date(2026, 10, 1)
    assert (True, False) == (register.is_active("RBK", last), register.is_active("RBK", day))
    assert (True, False) == (register.has_series("RBK", last), register.has_series("RBK", day))
    assert register.has_series("RL4", day)
    assert register.changes_footprint("RL4", last, date(2026, 10, 2))
    assert not register.changes_footprint("RL4", day, date(2026, 11, 1))
    assert not register.changes_footprint("RBK", last, date(2026, 10, 2))


def test_a_closed_trust_without_a_successor_keeps_its_late_figures() -> None:
    """RVY closed in 2023: nobody says into what, so what is published under its code is still shown."""
    register = Register.shipped()
    assert not register.is_active("RVY", date(2024, 1, 1))
    assert register.has_series("RVY", date(2024, 1, 1))


@pytest.mark.parametrize(
    ("expected", "code", "start", "end"),
    [
        (True, "QRL", BEFORE, date(2026, 4, 2)),
        (False, "QRL", CHANGE, date(2026, 5, 1)),
        (False, "QRL", date(2026, 3, 1), CHANGE),
        (True, "QUA", BEFORE, date(2026, 4, 2)),
        (True, "QHL", BEFORE, date(2026, 4, 2)),
        (True, "Y56", BEFORE, date(2026, 4, 2)),
        (False, "Y60", BEFORE, date(2026, 4, 2)),
        (False, "Z9B2Z", BEFORE, date(2026, 4, 2)),
        (False, "QKK", date(2026, 5, 31), date(2026, 6, 2)),
    ],
)
def test_a_changed_footprint_is_known(expected: bool, code: str, start: date, end: date) -> None:
    """QRL grew; RXK moved from QHL to QUA, both in Y60; RPG from Y56 to Y59; Z9B2Z has no earlier figures.

    K0N6A opens on 1 June 2026 in QKK: nobody was in it before.
    """
    assert expected == Register.shipped().changes_footprint(code, start, end)


REFUSED = [
    (
        "memberships.csv, line 10, column valid_from: RNA overlaps with line 5, which has it in place DUDLEY",
        {"memberships": "RNA,SANDWELL,place,2026-05-01,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column valid_from: RL4 overlaps with the register, which has it in icb",
        {"memberships": "RL4,QHL,icb,,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column role: RNA is in place DUDLEY at that time (line 5)",
        {"memberships": "RNA,KINGSWN,neighbourhood,2026-01-01,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column parent: RJ1 belongs to ICB QKK always, but DUDLEY lies in ICB QUA",
        {"memberships": "RJ1,DUDLEY,place,,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column valid_from: parent KINGSWN begins on 2026-01-01",
        {"memberships": "RL4,KINGSWN,neighbourhood,,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column valid_to: parent TWOICBS ends on 2026-10-01",
        {"memberships": "QHL,TWOICBS,cluster,2025-10-01,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column valid_to: child QMJ ends on 2026-04-01",
        {"memberships": "QMJ,TWOICBS,cluster,2025-10-01,2026-10-01,false,ours"},
    ),
    (
        "memberships.csv, line 10, column parent: ALONE lies in no ICB always",
        {"organisations": "ALONE,Alone,place,,", "memberships": "RL4,ALONE,place,,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column child: QUA is of kind icb and cannot belong to place DUDLEY",
        {"memberships": "QUA,DUDLEY,place,,,false,ours"},
    ),
    (
        "memberships.csv, line 10, column child: NOBODY is not in organisations.csv nor in the register",
        {"memberships": "NOBODY,DUDLEY,place,,,false,ours"},
    ),
    (
        "organisations.csv, line 7, column code: RJ1 is Guy's and St Thomas' NHS Foundation Trust",
        {"organisations": "RJ1,Ours,trust,,"},
    ),
    (
        "organisations.csv, line 7, column code: 'Dudley-1' is not 3 to 10 capital letters and digits",
        {"organisations": "Dudley-1,Dudley,place,,"},
    ),
    (
        "organisations.csv, line 7, column kind: 'icb' is not one of",
        {"organisations": "QNEW,New,icb,,"},
    ),
    (
        "organisations.csv, line 7, column kind: DUD is not the code of a council",
        {"organisations": "DUD,Dudley,council,,"},
    ),
    (
        "organisations.csv, line 7, column kind: E08000027 is the code of a council",
        {"organisations": "E08000027,Dudley,place,,"},
    ),
    (
        "succession.csv, line 2, column predecessor: XXX is not in organisations.csv",
        {"succession": "XXX,RL4,2026-10-01,merger"},
    ),
    (
        "succession.csv, line 3, column predecessor: RBK has ended already, in line 2",
        {"succession": "RBK,RL4,2026-10-01,merger\nRBK,RNA,2026-11-01,merger"},
    ),
    (
        "succession.csv, line 2, column date: RVY ended on 2023-07-01 by the register, not on 2023-08-01",
        {"succession": "RVY,RBN,2023-08-01,acquisition"},
    ),
    (
        "succession.csv, line 2, column successor: RL4 ends on 2026-10-01 itself",
        {"succession": "RBK,RL4,2026-10-01,acquisition\nRL4,RBK,2026-10-01,acquisition"},
    ),
    (
        "succession.csv, line 2, column successor: RVY ends on 2023-07-01 itself",
        {"succession": "RBK,RVY,2026-10-01,acquisition"},
    ),
    (
        "succession.csv, line 2, column date: R9Z begins on 2026-11-01, after 2026-10-01",
        {"organisations": "R9Z,A new trust,trust,2026-11-01,", "succession": "RBK,R9Z,2026-10-01,merger"},
    ),
    (
        "succession.csv, line 2, column kind: 'takeover' is not one of",
        {"succession": "RBK,RL4,2026-10-01,takeover"},
    ),
]


@pytest.mark.parametrize(("expected", "extra"), REFUSED)
def test_a_contradiction_is_refused_with_its_place(
    expected: str, extra: dict[str, str], tmp_path: Path
) -> None:
    """One parent of a kind at a time, inside its life and its ICB: otherwise something would count twice."""
    tables = {
        name: BLACK_COUNTRY.get(name, "").rstrip()
        + "\n"
        + " " * 8
        + extra.get(name, "").replace("\n", "\n        ")
        for name in ("organisations", "memberships", "succession")
    }
    with pytest.raises(ConfigurationError, match=re.escape(f"{tmp_path}/") + re.escape(expected)):
        own(tmp_path, **tables)


def test_a_torn_table_of_ones_own_is_refused(tmp_path: Path) -> None:
    """It ends inside a line."""
    path = write(tmp_path, **BLACK_COUNTRY) / "memberships.csv"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigurationError, match=r"memberships\.csv, line 9: .*torn"):
        Register.configured(None, tmp_path)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A wrong setting is not an empty one."""
    with pytest.raises(ConfigurationError, match="is not a directory; OVERSIGHT_ORGANISATIONS names it"):
        Register.configured(None, tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["membership.csv", "Organisations.csv", "responsibility.toml"])
def test_a_table_of_another_name_is_refused(name: str, tmp_path: Path) -> None:
    """It would not be read, and its places be missing without a word; notes may lie beside the tables."""
    directory = write(tmp_path, **BLACK_COUNTRY)
    (directory / "README.md").write_text("notes")
    Register.configured(None, directory)
    (directory / name).write_text("")
    with pytest.raises(
        ConfigurationError, match=rf"{name} is none of organisations\.csv, .*rename or remove it"
    ):
        Register.configured(None, directory)


DAYS = st.dates(min_value=date(2025, 1, 1), max_value=date(2027, 12, 31))
_PLACES = ("P01", "P02", "P03")
_HOODS = ("N01", "N02")
_LEAVES = ("T01", "T02", "T03", "T04", "T05")


@st.composite
def _spans(draw: st.DrawFn, parents: tuple[str, ...]) -> list[tuple[str, date | None, date | None]]:
    """Parents one after another, with gaps or without."""
    days = sorted(draw(st.sets(DAYS, max_size=3)))
    bounds = [None, *days, None]
    spans = []
    for start, end in pairwise(bounds):
        parent = draw(st.sampled_from(("", *parents)))
        if parent:
            spans.append((parent, start, end))
    return spans


@st.composite
def _registers(draw: st.DrawFn) -> Register:
    """Two ICBs in two regions, one of them in a cluster for a time; places, neighbourhoods and trusts move.

    Every place lies in the ICB A0A, so that whoever is in one is in that ICB; others may be anywhere.
    """
    organisations = [
        Organisation("Y01", "Y01", "region", None, None),
        Organisation("Y02", "Y02", "region", None, None),
        Organisation("C0C", "C0C", "cluster", None, None),
        Organisation("A0A", "A0A", "icb", None, None),
        Organisation("B0B", "B0B", "icb", None, None),
        *(Organisation(code, code, "place", None, None) for code in _PLACES),
        *(Organisation(code, code, "neighbourhood", None, None) for code in _HOODS),
        *(Organisation(code, code, "trust", None, None) for code in _LEAVES),
    ]
    memberships = [
        Membership("A0A", "Y01", "region", None, None, assumed=False, source="test"),
        Membership("B0B", "Y02", "region", None, None, assumed=False, source="test"),
        *(Membership(code, "A0A", "icb", None, None, assumed=False, source="test") for code in _PLACES),
        *(Membership(code, "P01", "place", None, None, assumed=False, source="test") for code in _HOODS),
    ]
    for parent, start, end in draw(_spans(("C0C",))):
        memberships.append(Membership("A0A", parent, "cluster", start, end, assumed=False, source="test"))
    for leaf in _LEAVES:
        for parent, start, end in draw(_spans((*_PLACES, *_HOODS, "B0B"))):
            role = {"P": "place", "N": "neighbourhood", "B": "icb"}[parent[0]]
            memberships.append(Membership(leaf, parent, role, start, end, assumed=False, source="test"))  # type: ignore[arg-type]
    return Register(organisations, memberships)


@settings(max_examples=100, deadline=None)
@given(register=_registers(), days=st.lists(DAYS, min_size=1, max_size=4))
def test_every_leaf_has_one_parent_a_level_and_members_add_up(register: Register, days: list[date]) -> None:
    """At any date nothing counts twice, and a unit's sum is that of its members, up to England."""
    worth = {leaf: 3**number for number, leaf in enumerate(_LEAVES)}
    for day in (*days, *register.change_days()):
        sums: Counter[str] = Counter()
        for leaf, amount in worth.items():
            places = register.counts_in(leaf, day)
            assert len({level for level, _ in places}) == len(places)
            for level, code in places:
                sums[code if code != UNMAPPED else f"{level} unmapped"] += amount
        assert sum(worth.values()) == sums[ENGLAND]
        for unit in ("Y01", "Y02", "C0C", "A0A", "B0B", *_PLACES, *_HOODS, ENGLAND):
            assert sums[unit] == sum(sums[member] for member in register.members(unit, day))


@settings(max_examples=60, deadline=None)
@given(register=_registers(), day=DAYS)
def test_parents_change_on_change_days_only_at_every_level(register: Register, day: date) -> None:
    """Splitting windows there and nowhere else is enough."""
    if day not in register.change_days():
        for leaf in (*_LEAVES, *_HOODS, *_PLACES, "A0A"):
            before = register.parents(leaf, day - timedelta(days=1))
            assert before.units == register.parents(leaf, day).units
