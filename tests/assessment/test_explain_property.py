"""Whatever was told, in whatever order: the parts of an explanation add up to the change, exactly."""

import contextlib
import json
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from making import engine
from telling import ANY, ATTENDANCES, logs, moments

from streams.assessment.explain import Explainer
from streams.assessment.explain_answer import Explanation, Question
from streams.assessment.explain_views import View, Witness
from streams.assessment.rows import UNSTRATIFIED, Row
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.commands.replay import AT, FileRecord, Line, as_log, replay
from streams.engine import EngineSettings
from streams.engine.calendar import day_number
from streams.errors import SourceError
from streams.organisations import Register

REGISTER = Register.shipped()
EXACT = Rule(smallest=1)
CATALOGUE = Catalogue.shipped()
CHANGES = [day_number(day) for day in REGISTER.change_days()]
DEFAULT_HORIZON = EngineSettings().horizon_days
STREAMS = CATALOGUE.by_stream().keys()
DAYS = ("since_midnight", "day", "7d", "28d", "week", "month")
ATTENDED = [
    Question(indicator, org, window, "operational", strata)
    for org, level in (("RJ1", 0), ("RJ122", 0), ("QKK", 1), ("Y56", 1), ("england", 1))
    for window in ("7d", "28d", "month", *(("24h", "week", "since_midnight") if level else ()))
    for indicator, strata in (
        ("ae_4h_all_types", UNSTRATIFIED),
        ("ae_4h_all_types", ("imd_quintile", "1")),
        ("ae_dta_12h", UNSTRATIFIED),
    )
]
OTHERS = [
    *(
        Question("theatre_capped_utilisation", org, window)
        for org in ("RDU", "Y56", "england")
        for window in DAYS
    ),
    *(Question("nctr_bed_share", org, window) for org in ("RJ1", "RJ122", "england") for window in DAYS),
    *(
        Question("core20_recruitment", org, window, None, strata)
        for org in ("RJ1", "QKK", "england")
        for window in ("month", "quarter", "ytd", "12m")
        for strata in (UNSTRATIFIED,)
    ),
]


def lines(events: list[Any]) -> list[Line]:
    return [Line(f"log:{number}", json.dumps(one).encode()) for number, one in enumerate(events)]


Shown = dict[Any, tuple[float | None, float | None, float | None]]
"""What replay shows: value, numerator and denominator by everything that names a row."""


def rows_at(records: list[FileRecord], moment: Any) -> Shown:
    rows = (
        replay(records, catalogue=CATALOGUE, register=REGISTER, at=moment, rule=EXACT)[0] if records else []
    )
    return by_name(rows)


def rows_of(view: View) -> Shown:
    return by_name(view.board(CATALOGUE, REGISTER, EXACT).rows())


def by_name(rows: Iterable[Row]) -> Shown:
    return {
        (row.indicator, row.org, row.level, row.window, row.basis, tuple(row.strata.items())): (
            row.value,
            row.numerator,
            row.denominator,
        )
        for row in rows
    }


def milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000)


def total(amounts: Any) -> Fraction:
    return sum((amount for amount in amounts if amount is not None), Fraction(0))


def as_float(amount: Fraction | None) -> float | None:
    return None if amount is None else float(amount)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize(
    ("questions", "kinds", "horizon"),
    [(ATTENDED, ATTENDANCES, 14), (ATTENDED, ATTENDANCES, 2), (OTHERS, ANY, 14)],
    ids=["attendances", "attendances of days that have closed", "every family"],
)
def test_parts_add_up_to_the_change_of_what_was_shown(
    questions: list[Question], kinds: tuple[Any, ...], horizon: int, data: Any
) -> None:
    """Values are those that replay shows; parts, and rate and mix, sum to their difference as fractions."""
    events = data.draw(logs(least=20, most=45, kinds=kinds, dense=True))
    since, until = data.draw(moments(events, 2))
    assume(since < until)
    log = as_log(lines(events))
    views, happened = seen(log, since, until, horizon)
    before, now = (rows_of(view) for view in views)
    if horizon == DEFAULT_HORIZON:
        assert before == rows_at(as_log(lines(events), since), since)
        assert now == rows_at(as_log(lines(events), until), until)
    answered = 0
    for question in questions:
        with contextlib.suppress(SourceError):
            one = Explainer(CATALOGUE, REGISTER, question, views, happened, rule=EXACT).explain()
            check(one, before, now)
            answered += bool(one.change)
    event(f"{min(answered, 10)} or more changes")


def seen(log: list[FileRecord], since: Any, until: Any, horizon: int) -> Any:
    """Give both views, read in small batches, and which records had happened by the older one."""
    moments_ms = (milliseconds(since), milliseconds(until))
    witness = Witness(engine(horizon_days=horizon), CHANGES, moments_ms, STREAMS)
    looking_back = engine(until_seconds=int(since.timestamp()), horizon_days=horizon)
    hindsight = Witness(looking_back, CHANGES, moments_ms[1:], STREAMS)
    for start in range(0, len(log), 7):
        witness.feed(AT, log[start : start + 7])
        hindsight.feed(AT, log[start : start + 7])
    (known,) = hindsight.finish()
    older, newer = witness.finish()
    return (older, newer), lambda key: key in known.entries and bool(known.entries[key].contributions)


def check(one: Explanation, before: Shown, now: Shown) -> None:
    strata = dict([one.strata]) if one.strata[0] else {}
    key = (one.indicator, one.org, one.level, one.window, one.basis, tuple(strata.items()))
    for side, shown in ((one.older, before), (one.newer, now)):
        value, numerator, denominator = shown.get(key, (None, None, None))
        assert value == as_float(side.value)
        if side.value is not None:
            assert (numerator, denominator) == (as_float(side.numerator), as_float(side.denominator))
    older, newer = one.older, one.newer
    for name in ("numerator", "denominator"):
        difference = (getattr(newer, name) or 0) - (getattr(older, name) or 0)
        assert difference == total(getattr(part, name) for part in one.parts)
    assert all(part.reason != "closed_days" for part in one.parts)
    if one.change is None:
        assert older.value is None or newer.value is None
        assert all(part.value is None for part in one.parts)
        return
    assert newer.value is not None
    assert older.value is not None
    assert newer.value - older.value == one.change == total(part.value for part in one.parts)
    if one.rate is not None:
        assert one.mix is not None
        assert one.change == one.rate + one.mix
        assert one.rate == total(member.rate for member in one.members)
        assert one.mix == total(member.mix for member in one.members)
