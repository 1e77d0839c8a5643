"""Finals: issued once every source has passed, again when corrected, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from making import AT, at, attendance, engine, log, report

from schemas.outputs import (
    ClosedPeriods,
    Final,
    Position,
    decode_final,
    decode_snapshot,
    encode,
    final_key,
    final_name,
    snapshot_key,
)
from streams.assessment import Board
from streams.assessment.finals import Finals
from streams.catalogue import Catalogue
from streams.engine.snapshots import RETURN_CORRECTABLE_DAYS, Snapshotter
from streams.organisations import Register

CATALOGUE = Catalogue.shipped()
REGISTER = Register.shipped()
NOON = at("2026-06-15T12:00")
"""A Monday; its day ends at 23:00 UTC."""
MIDNIGHT = at("2026-06-15T23:00")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = {"indicator": "ae_4h_all_types", "window": "day"}


def milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def exhaust(steps: Iterator[None]) -> None:
    """Take every step."""
    for _ in steps:
        pass


class Scene:
    """A partition, and an assessment that issues at once what is due."""

    def __init__(self) -> None:
        self.engine = engine()
        self.offset = 0
        self.topic: list[Final] = []
        self.finals = self.owner()

    def owner(self) -> Finals:
        """Make a new owner, who knows what stands on the topic."""
        board = Board(CATALOGUE, REGISTER)
        made = Finals(board, self.engine.settings.horizon_days, RETURN_CORRECTABLE_DAYS)
        for one in self.topic:
            made.known(final_name(one), one.revision, one.identity)
        return made

    def publish(self, *events: Any, append: datetime) -> None:
        """Append events."""
        out = self.engine.process(AT, log(*events, append=append))
        assert not out.refused

    def tick(self, now: datetime, *, closed: bool = True) -> list[Final]:
        """Let the worker publish and the owner issue; give what was issued."""
        self.offset += 1
        state = self.engine.partitions[AT]
        place = Position(AT[0], "t", AT[1], self.offset, milliseconds(now))
        snapshotter = Snapshotter(self.engine)
        if closed:
            state.dirty_closed.clear()
            for one in snapshotter.closed_periods(AT, list(state.organisations), place):
                self.finals.apply(one, milliseconds(now))
        self.finals.apply(snapshotter.heartbeat(AT, place, 0), milliseconds(now))
        return self.issue(now)

    def issue(self, now: datetime) -> list[Final]:
        """Let the owner issue what is due."""
        exhaust(self.finals.again(milliseconds(now)))
        found, left = self.finals.due(milliseconds(now), 100_000)
        assert 0 == left
        self.finals.issued(found)
        self.topic += found
        assert len(self.topic) == len({final_key(one) for one in self.topic})
        return found


def of(found: list[Final], level: str = "england", **match: Any) -> list[tuple[Any, ...]]:
    """Give revision, numerator and denominator of the unstratified finals of a level."""
    return [
        (one.revision, one.numerator, one.denominator)
        for one in found
        if one.level == level
        and not one.strata
        and all(getattr(one, name) == value for name, value in (DAY | match).items())
    ]


def monday(key: str, **other: Any) -> Any:
    return attendance(key, departed=NOON, **other)


def test_a_day_is_final_when_every_source_has_passed_its_end() -> None:
    """Two trusts: one writes after midnight, England waits for the other."""
    scene = Scene()
    scene.publish(monday("a"), monday("b", source="/ods/RJZ/pas"), append=MIDNIGHT - HOUR)
    assert [] == of(scene.tick(MIDNIGHT - HOUR))
    scene.publish(attendance("c", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    found = scene.tick(MIDNIGHT + MINUTE)
    assert ([(0, 1, 1)], []) == (of(found, "trust", org="RJ1"), of(found))
    late = MIDNIGHT + 2 * MINUTE
    scene.publish(attendance("d", departed=late, source="/ods/RJZ/pas"), append=late)
    found = scene.tick(late)
    assert ([(0, 1, 1)], [(0, 2, 2)]) == (of(found, "trust", org="RJZ"), of(found))
    assert [] == scene.tick(late + MINUTE)


def test_a_silent_source_is_not_waited_for_and_its_return_is_a_revision() -> None:
    """After three hours it is stale: the final says so, and is issued again when the backlog has come."""
    scene = Scene()
    scene.publish(monday("a"), monday("b", source="/ods/RJZ/pas"), append=NOON)
    scene.publish(attendance("c", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    (england,) = [one for one in scene.tick(MIDNIGHT + MINUTE) if of([one])] or [None]
    assert "stale_source" in england.flags  # RJZ has been silent for eleven hours
    morning = MIDNIGHT + 8 * HOUR
    backlog = [attendance(f"z{n}", departed=NOON + n * HOUR, source="/ods/RJZ/pas") for n in range(1, 19)]
    scene.publish(*backlog, append=morning)
    found = scene.tick(morning)
    assert [(1, 12, 12)] == of(found)  # of the eighteen, ten lie before midnight
    assert not any("stale_source" in one.flags for one in found if of([one]))


def test_corrections_raise_the_revision_and_a_repeat_does_not() -> None:
    """A correction to another fact only, or to the same content, is no revision."""
    scene = Scene()
    scene.publish(monday("a"), attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    assert [(0, 1, 1)] == of(scene.tick(MIDNIGHT + MINUTE))
    scene.publish(monday("a", version=2, minutes=500), append=MIDNIGHT + HOUR)
    assert [(1, 0, 1)] == of(scene.tick(MIDNIGHT + HOUR))
    scene.publish(monday("a", version=3, minutes=501), append=MIDNIGHT + 2 * HOUR)
    assert [] == of(scene.tick(MIDNIGHT + 2 * HOUR))
    scene.publish(monday("a", version=4, retracted=True), append=MIDNIGHT + 3 * HOUR)
    found = scene.tick(MIDNIGHT + 3 * HOUR)
    assert [(2, None, None)] == of(found)
    assert {("no_value", ("no_value",))} == {(one.status, tuple(one.flags)) for one in found if of([one])}
    scene.publish(monday("a", version=5), append=MIDNIGHT + 4 * HOUR)
    assert [(3, 1, 1)] == of(scene.tick(MIDNIGHT + 4 * HOUR))


def test_steady_corrections_give_a_revision_every_five_minutes() -> None:
    """The first comes at once, the next when five minutes have passed, with all that came between."""
    scene = Scene()
    scene.publish(
        monday("a"), monday("b"), attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE
    )
    scene.tick(MIDNIGHT + MINUTE)
    seen = []
    for minute in range(2, 14):
        when = MIDNIGHT + minute * MINUTE
        scene.publish(monday("a", version=minute, minutes=500 * (minute % 2) + 1), append=when)
        seen += [(minute, *one) for one in of(scene.tick(when))]
    assert [(3, 1, 1, 2), (8, 2, 2, 2), (13, 3, 1, 2)] == seen


def test_a_year_has_a_final() -> None:
    """It is issued on 1 April, over open and closed days; it stands under `ytd` and ends on 1 April."""
    scene = Scene()
    first, last = at("2026-04-01T11:00"), at("2027-03-31T11:00")
    for when in (first, at("2026-09-01T11:00"), last):
        scene.publish(attendance(f"a{when:%Y%m%d}", departed=when), append=when + MINUTE)
    assert [] == of(scene.tick(last + HOUR), window="ytd")
    after = at("2027-04-01T00:01")
    scene.publish(attendance("n", departed=after), append=after)
    found = [one for one in scene.tick(after) if of([one], window="ytd")]
    assert [(0, 3, 3)] == of(found, window="ytd")
    assert [("2026-04-01", "2027-04-01")] == [(one.period_start, one.period_end) for one in found]


def test_finals_wait_for_closed_periods_that_are_not_published_yet() -> None:
    """A heartbeat tells of a source that has passed, but what it sent of yesterday is still to come."""
    scene = Scene()
    scene.publish(monday("a"), append=NOON)
    scene.tick(NOON)
    after = MIDNIGHT + MINUTE
    scene.publish(attendance("x", departed=after), append=after)
    scene.publish(monday("b"), append=after)
    assert [] == of(scene.tick(after, closed=False))
    assert [(0, 2, 2)] == of(scene.tick(after + MINUTE))


def test_closed_periods_wait_for_the_heartbeat_that_names_their_sources() -> None:
    """Between the two records nobody is known to be expected: that is not "everybody has passed"."""
    scene = Scene()
    scene.publish(monday("a"), append=MIDNIGHT - HOUR)
    after = MIDNIGHT + MINUTE
    place = Position(AT[0], "t", AT[1], 1, milliseconds(after))
    for one in Snapshotter(scene.engine).closed_periods(AT, ["RJ1"], place):
        scene.finals.apply(one, milliseconds(after))
    assert [] == scene.issue(after)
    assert [] == scene.tick(after)
    scene.publish(attendance("x", departed=after), append=after)
    assert [(0, 1, 1)] == of(scene.tick(after + MINUTE))


def test_a_new_owner_issues_nothing_twice() -> None:
    """It knows what stands on the topic, and sees what changed or went while nobody looked."""
    scene = Scene()
    scene.publish(monday("a"), report(numerator=1, denominator=2), append=NOON)
    scene.publish(attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    first = scene.tick(MIDNIGHT + MINUTE)
    assert [(0, 1, 1)] == of(first)
    scene.finals = scene.owner()
    exhaust(scene.finals.begin())
    assert [] == scene.tick(MIDNIGHT + 2 * MINUTE)

    scene.publish(monday("a", version=2, retracted=True), append=MIDNIGHT + HOUR)
    scene.finals = scene.owner()
    exhaust(scene.finals.begin())
    assert [(1, None, None)] == of(scene.tick(MIDNIGHT + HOUR))
    scene.finals = scene.owner()
    exhaust(scene.finals.begin())
    assert [] == scene.tick(MIDNIGHT + HOUR + MINUTE)


def test_what_is_past_correcting_is_kept_as_it_is_and_forgotten() -> None:
    """When providers drop a period it is not withdrawn, and memory of it goes."""
    scene = Scene()
    scene.publish(monday("a"), attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    assert [(0, 1, 1)] == of(scene.tick(MIDNIGHT + MINUTE))
    for day in range(1, 40):
        now = MIDNIGHT + MINUTE + timedelta(days=day)
        scene.publish(attendance(f"n{day}", departed=now), append=now)
        scene.tick(now)
    assert [(0, 1, 1)] == of(scene.topic, period_end="2026-06-16")
    assert {0} == {one.revision for one in scene.topic}
    finals = Finals(Board(CATALOGUE, REGISTER), 14, 14)
    for one in scene.topic:
        finals.known(final_name(one), one.revision, one.identity)
    before = finals.held
    exhaust(finals.again(milliseconds(now)))
    assert finals.held < before / 2


def test_a_return_is_final_on_arrival_and_restated_by_its_next_version() -> None:
    """April's report: revision 0 at once for the trust and above, and revision 1 when it is sent again."""
    scene = Scene()
    month = {"indicator": "core20_recruitment", "window": "month"}
    scene.publish(report(numerator=1, denominator=2), append=NOON)
    assert [(0, 1, 2)] == of(scene.tick(NOON), **month)
    scene.publish(report(numerator=2, denominator=2, version=2), append=NOON + MINUTE)
    assert [(1, 2, 2)] == of(scene.tick(NOON + MINUTE), **month)


def test_facts_of_another_definition_are_waited_for() -> None:
    """While workers of two versions run, what one of them does not understand is not withdrawn."""
    scene = Scene()
    scene.publish(monday("a"), attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    scene.tick(MIDNIGHT + MINUTE)
    later = milliseconds(MIDNIGHT + HOUR)
    place = Position(AT[0], "t", AT[1], 99, later)
    (closed,) = Snapshotter(scene.engine).closed_periods(AT, ["RJ1"], place)
    other = [msgspec.structs.replace(one, definition="other/9/x") for one in closed.series]
    scene.finals.apply(ClosedPeriods(place, "RJ1", other), later)
    assert [] == scene.issue(MIDNIGHT + HOUR)


def test_finals_and_closed_periods_survive_the_wire() -> None:
    """Encoding and decoding gives the same; keys are those that the documentation names."""
    scene = Scene()
    scene.publish(monday("a", imd_quintile=1), append=NOON)
    scene.publish(attendance("n", departed=MIDNIGHT + MINUTE), append=MIDNIGHT + MINUTE)
    found = scene.tick(MIDNIGHT + MINUTE)
    assert all(one == decode_final(encode(one)) for one in found)
    keys = {final_key(one) for one in found}
    assert b"RJ1/trust/ae_4h_all_types/day/imd_quintile=1/operational/2026-06-16/0" in keys
    assert b"england/england/ae_4h_all_types/day//operational/2026-06-16/0" in keys
    place = Position(AT[0], "t", AT[1], 1, milliseconds(MIDNIGHT + MINUTE))
    (closed,) = Snapshotter(scene.engine).closed_periods(AT, ["RJ1"], place)
    assert closed == decode_snapshot(encode(closed))
    assert b"oversight.events/0/RJ1/closed" == snapshot_key(closed)


@pytest.mark.parametrize("name", ["", "a/b", "a/b/c/d/e/f/g/h"])
def test_a_key_that_is_not_ours_is_told(name: str) -> None:
    """The caller says where it stood."""
    with pytest.raises(ValueError, match="unpack"):
        Scene().finals.known(name, 0, "")
