"""The renderer: both text formats, read by the Prometheus client's own parsers."""

from datetime import date, timedelta
from typing import Any

import pytest
from making import AT, MORNING, attendance, judging, log, report, run
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from schemas.outputs import Position
from streams.assessment import Board
from streams.assessment.shares import Slot
from streams.engine.snapshots import Snapshotter
from streams.exposition.renderer import Renderer, escape_label, render_board
from streams.organisations import Register

DAY = date(2026, 6, 15)


def board(*events: Any) -> tuple[Any, Board]:
    of, out = run(*events, append=MORNING)
    assert not out.refused
    on = Board(judging(), Register.shipped())
    feed(of, on)
    return of, on


def feed(of: Any, on: Board, offset: int = 1) -> None:
    position = Position(*AT[:1], "t", 0, offset, int(MORNING.timestamp() * 1000))
    for snapshot in Snapshotter(of).current(AT, list(of.partitions[AT].organisations), position):
        on.apply(snapshot)


X24 = "/ods/X24/ae"
EVENTS = [
    *(attendance(f"k{i}", minutes=20 * i, imd_quintile=i % 5 + 1) for i in range(30)),
    report("ae_4h_all_types", numerator=50, denominator=100, source=X24, publication="ae", org="RJ1"),
    report("finance_variance", numerator="-1.5", denominator=100),
    report("ae_4h_all_types", numerator=0, denominator=0, source=X24, publication="ae", org="RJZ"),
]


def samples(text: str, parser: Any) -> dict[Any, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parser(text)
        for sample in family.samples
    }


def test_both_formats_say_the_same() -> None:
    """The body is valid text 0.0.4 and, with its end marker, valid OpenMetrics."""
    _, on = board(*EVENTS)
    body = render_board(on, DAY)
    assert samples(body, text_format) == samples(body + "# EOF\n", openmetrics)


def test_values_parts_status_and_threshold_stand_side_by_side() -> None:
    """An official month of 50 of 100 has value, numerator, denominator and its own basis."""
    _, on = board(*EVENTS)
    found = samples(render_board(on, DAY), text_format)
    labels = {"org": "RJ1", "level": "trust", "window": "month", "stratum": "", "basis": "official"}

    def value(name: str, **more: str) -> float | None:
        return found.get((name, tuple(sorted({**labels, **more}.items()))))

    assert (0.5, 50, 100) == tuple(
        value(f"oversight_ae_4h_all_types_{part}") for part in ("ratio", "numerator", "denominator")
    )
    one = {"indicator": "ae_4h_all_types"}
    assert (2, 0.82) == tuple(value(f"oversight_indicator_{part}", **one) for part in ("status", "threshold"))


def test_no_value_is_no_series() -> None:
    """0 of 0 has a flag and a denominator of 0, and no value that could look like one."""
    _, on = board(*EVENTS)
    found = [key for key in samples(render_board(on, DAY), text_format) if ("org", "RJZ") in key[1]]
    names = {name for name, labels in found if ("window", "month") in labels}
    assert "oversight_ae_4h_all_types_ratio" not in names
    assert {"oversight_ae_4h_all_types_denominator", "oversight_indicator_flag"} <= names


def test_the_cached_text_equals_the_obvious_one() -> None:
    """After every change the kept pieces say what rendering everything anew says."""
    of, on = board(*EVENTS)
    renderer = Renderer(on.catalogue, on.register)
    for step in range(4):
        change = attendance("k1", version=step + 2, minutes=100 * step, retracted=step == 3)
        of.process(AT, log(change, append=MORNING))
        feed(of, on, offset=step + 2)
        on.refresh()
        renderer.update(on.take_changed(), on.slots(), on.take_aged())
        assert sorted(render_board(on, DAY).splitlines()) == sorted(renderer.text(DAY).splitlines())


@pytest.mark.parametrize("minutes", [5, -20])
def test_text_that_only_grew_older_equals_the_obvious_one(minutes: int) -> None:
    """Attendances after the last complete quarter of an hour, and before its end."""
    of, on = board(*EVENTS, attendance("before", departed=MORNING - timedelta(minutes=30)))
    renderer = Renderer(on.catalogue, on.register)
    for step in range(4):
        on.refresh()
        changed, aged = on.take_changed(), on.take_aged()
        assert bool(aged) == (step > 0 and minutes > 0)
        renderer.update(changed, on.slots(), aged)
        assert sorted(render_board(on, DAY).splitlines()) == sorted(renderer.text(DAY).splitlines())
        left, now = (MORNING + timedelta(minutes=one, seconds=step) for one in (minutes, 10))
        of.process(AT, log(attendance(f"now{step}", departed=left), append=now))
        feed(of, on, offset=step + 2)


def test_a_reference_stands_beside_a_figure_and_judges_nothing() -> None:
    """95 % within four hours, of the NHS Constitution: in windows of days, not of hours."""
    _, on = board(*EVENTS)
    lines = render_board(on, DAY).splitlines()
    found = [one for one in lines if one.startswith("oversight_indicator_reference{")]
    assert found
    assert all(one.endswith(" 0.95") and 'indicator="ae_4h_all_types"' in one for one in found)
    assert any('window="month"' in one for one in found)
    assert not any('window="4h"' in one for one in found)


def test_families_by_name_come_to_the_whole_text() -> None:
    """Every family stands in the whole text, in the same order, and nothing else does."""
    _, on = board(*EVENTS)
    renderer = Renderer(on.catalogue, on.register)
    on.refresh()
    renderer.update(on.slots(), on.slots())
    whole = renderer.text(DAY)
    names = [line.split()[2] for line in whole.splitlines() if line.startswith("# TYPE")]
    assert whole == "".join(renderer.text(DAY, [one]) for one in names)
    assert whole == renderer.text(DAY, names)
    assert "" == renderer.text(DAY, ["oversight_nothing"])


def test_only_families_that_changed_get_a_new_chunk() -> None:
    """The same rows again change nothing; an attendance changes its figures, and not those of finance."""
    of, on = board(*EVENTS)
    renderer = Renderer(on.catalogue, on.register)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    before = list(renderer.chunks(DAY))
    renderer.update(on.slots(), on.slots())
    assert before == list(renderer.chunks(DAY))

    of.process(AT, log(attendance("k1", version=2, minutes=900), append=MORNING))
    feed(of, on, offset=2)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    anew = {one.plain.split(b"{")[0].decode() for one in renderer.chunks(DAY) if one not in before}
    assert "oversight_ae_4h_all_types_numerator" in anew
    assert "oversight_finance_ytd_variance_numerator" in renderer.text(DAY)
    assert "oversight_finance_ytd_variance_numerator" not in anew


def test_a_scrape_joins_no_more_than_some_organisations_at_once() -> None:
    """Of forty trusts each family has several chunks; one that changes leaves the others as they are."""
    trusts = [one.code for one in Register.shipped().all() if one.kind == "trust"][:40]
    _, on = board(*(attendance("k", source=f"/ods/{code}/pas", minutes=60) for code in trusts))
    renderer = Renderer(on.catalogue, on.register)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    family = "oversight_ae_4h_all_types_numerator"
    before = list(renderer.chunks(DAY, [family]))
    shown = [one for one in before if one.plain.startswith(f"{family}{{".encode())]
    assert len(shown) >= 3

    slot = Slot("trust", trusts[0], "ed_attendance", "operational", "since_midnight")
    assert slot in on.slots()
    renderer.update([slot], {slot: []})
    kept = [one for one in renderer.chunks(DAY, [family]) if one in shown]
    assert len(shown) - 1 == len(kept)
    assert on.slots().keys() - {slot} == renderer._pieces.keys()


def test_chunks_that_were_given_stay_as_they_are() -> None:
    """A scrape that is still being written is of one moment, whatever is shown meanwhile."""
    of, on = board(*EVENTS)
    renderer = Renderer(on.catalogue, on.register)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    given, text = list(renderer.chunks(DAY)), renderer.text(DAY)
    of.process(AT, log(attendance("k1", version=2, minutes=900), append=MORNING))
    feed(of, on, offset=2)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    assert text == b"".join(one.plain for one in given).decode()
    assert text != renderer.text(DAY)


def test_what_has_no_rows_any_more_disappears_with_its_name() -> None:
    """An organisation whose windows hold nothing leaves neither figures nor a name behind."""
    _, on = board(*EVENTS)
    renderer = Renderer(on.catalogue, on.register)
    on.refresh()
    renderer.update(on.take_changed(), on.slots(), on.take_aged())
    assert 'org="RJ1"' in renderer.text(DAY)
    renderer.update([slot for slot in on.slots() if slot.org == "RJ1"], {})
    assert 'org="RJ1"' not in renderer.text(DAY)
    renderer.update(on.slots(), {})
    assert 0 == renderer.series
    assert "oversight_organisation_info" not in renderer.text(DAY)


def test_labels_are_escaped() -> None:
    """Quotes, backslashes and line feeds cannot break a line."""
    assert r"a\"b\\c\nd" == escape_label('a"b\\c\nd')
