"""Councils: by residence, from what a spell or a return says, and never from the trust."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from making import AT, MORNING, at, attendance, engine, log, made, report, run

from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.assessment.explain import Inquiry
from streams.assessment.explain_answer import Question
from streams.catalogue import Catalogue
from streams.engine import Engine
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

REGISTER = Register.shipped()
CATALOGUE = Catalogue.shipped()
DUDLEY, WALSALL, DISTRICT = "E08000027", "E08000030", "E07000008"
YESTERDAY = at("2026-06-14T15:00")


def spell(key: str, delay: int, *, trust: str = "RNA", council: str | None = None, **data: Any) -> Any:
    """A stay that ended yesterday, so many days after the patient was ready."""
    fields = {
        "spell_key": key,
        "version": 1,
        "admitted_at": (YESTERDAY - timedelta(days=30)).isoformat(),
        "discharged_at": YESTERDAY.isoformat(),
        "discharge_ready_date": (YESTERDAY - timedelta(days=delay)).date().isoformat(),
    }
    if council is not None:
        fields["responsible_council"] = council
    return made("spell.recorded.v1", fields | data, recorded=YESTERDAY, source=f"/ods/{trust}/pas")


def board_of(of: Engine, offset: int = 1, board: Board | None = None) -> Board:
    board = board or Board(CATALOGUE, REGISTER)
    position = Position(AT[0], "t", AT[1], offset, int(MORNING.timestamp() * 1000))
    for snapshot in Snapshotter(of).current(AT, list(of.partitions[AT].organisations), position):
        board.apply(snapshot)
    return board


def councils(board: Board, indicator: str = "drd_delayed", window: str = "28d") -> dict[str, Row]:
    """The rows at level council."""
    rows = [row for row in board.rows() if (row.indicator, row.window) == (indicator, window)]
    found = [row for row in rows if row.level == "council"]
    assert all(not row.strata for row in found)
    return {row.org: row for row in found}


def parts(rows: dict[str, Row]) -> dict[str, tuple[float | None, float | None]]:
    return {org: (row.numerator, row.denominator) for org, row in rows.items()}


def test_a_councils_residents_are_summed_over_the_trusts_that_treat_them() -> None:
    """Dudley's: delays 3 and 0 at RNA, 1 at RJ1 in London; Walsall's: 0 at RNA. E07 is no upper tier."""
    of, out = run(
        spell("a", 3, council=DUDLEY, imd_quintile=1),
        spell("b", 0, council=DUDLEY, imd_quintile=5),
        spell("c", 1, trust="RJ1", council=DUDLEY),
        spell("d", 0, council=WALSALL),
        spell("e", 2, council=DISTRICT),
        append=MORNING,
    )
    assert not out.refused
    board = board_of(of)
    assert {DUDLEY: (2, 3), WALSALL: (0, 1), "unmapped": (1, 1)} == parts(councils(board))
    assert (4, 3) == parts(councils(board, "drd_mean_delay"))[DUDLEY]
    rows = {
        (row.level, row.org): row for row in board.rows() if row.indicator == "drd_delayed" and not row.strata
    }
    assert (3, 5) == (rows["england", "england"].numerator, rows["england", "england"].denominator)


@pytest.mark.parametrize(
    ("expected", "window"), [(True, "28d"), (True, "month"), (False, "day"), (False, "7d")]
)
def test_councils_have_the_longer_windows(expected: bool, window: str) -> None:
    """In a week a trust discharges few residents of most councils."""
    of, _ = run(spell("a", 3, council=DUDLEY), append=MORNING)
    assert expected is bool(councils(board_of(of), window=window))


def test_nothing_is_inferred_from_the_trust() -> None:
    """Spells that say no council, and attendances, which cannot, have no figure of one."""
    of, _ = run(spell("a", 3), append=MORNING)
    assert {} == councils(board_of(of))
    assert {} == councils(
        board_of(run(attendance("a", departed=YESTERDAY), append=MORNING)[0]), "ae_4h_all_types"
    )


def test_a_quantile_has_no_figure_of_a_council() -> None:
    """Histograms are not kept by council: there is no row, rather than one without a value."""
    of, _ = run(spell("a", 3, council=DUDLEY), append=MORNING)
    quantiles = [one.id for one in CATALOGUE.indicators.values() if one.kind == "quantile"]
    assert quantiles
    assert [] == [one for one in quantiles if councils(board_of(of), one)]


@pytest.mark.parametrize("order", range(3))
def test_corrections_move_a_spell_from_one_council_to_another(order: int) -> None:
    """Whatever versions follow each other, the board shows what the last ones alone would."""
    chance = random.Random(order)  # noqa: S311 - a test's dice
    of, kept = engine(), Board(CATALOGUE, REGISTER)
    for step in range(8):
        events = [
            spell(
                f"k{chance.randrange(4)}",
                chance.randrange(3),
                council=chance.choice([None, DUDLEY, WALSALL]),
                version=step + 1,
                retracted=chance.random() < 0.2,
            )
            for _ in range(2)
        ]
        of.process(AT, log(*events, append=MORNING + timedelta(seconds=step)))
        board_of(of, step, kept).refresh()
    assert sorted(map(str, board_of(of, step).rows())) == sorted(map(str, kept.rows()))


def test_a_return_and_spells_of_a_council_are_different_measures() -> None:
    """What a council reports stands beside what spells say, each under its own indicator."""
    of, _ = run(
        spell("a", 3, council=DUDLEY),
        report(org=DUDLEY, numerator=7, denominator=10),
        append=MORNING,
    )
    board = board_of(of)
    assert {DUDLEY: (1, 1)} == parts(councils(board))
    assert {DUDLEY: (7, 10)} == parts(councils(board, "core20_recruitment", "month"))


def test_a_councils_change_is_explained() -> None:
    """One more of Dudley's residents, of another trust: what entered adds up to the change."""
    first = [spell(f"a{n}", n % 2, council=DUDLEY) for n in range(10)]
    later = [spell("b", 3, trust="RJ1", council=DUDLEY), spell("c", 3, council=WALSALL)]
    moments = tuple(int((MORNING + timedelta(hours=hours)).timestamp() * 1000) for hours in (0, 2))
    question = Question("drd_delayed", DUDLEY, "28d")
    inquiry = Inquiry(CATALOGUE, REGISTER, question, (moments[0], moments[1]))
    inquiry.feed(AT, log(*first, append=MORNING - timedelta(hours=1)))
    inquiry.feed(AT, log(*later, append=MORNING + timedelta(hours=1)))
    found = inquiry.answer()
    assert ("council", 5, 10) == (found.level, found.older.numerator, found.older.denominator)
    assert (6, 11) == (found.newer.numerator, found.newer.denominator)
    assert found.change == sum(one.value or 0 for one in found.parts)
    assert all(one.records is None or one.records >= 8 or not one.records for one in found.parts)
