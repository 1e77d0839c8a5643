"""The benchmark: its workload is right, its oracle is independent, a wrong result gives no figure."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from schemas.fast import decode, event_type
from streams.bench.contender import CONTENDERS
from streams.bench.measured import Measured
from streams.bench.mix import mixed
from streams.bench.mix_oracle import expected_of_mix
from streams.bench.oracle import Expected, expected
from streams.bench.parts import Part, Place
from streams.bench.report import Rebuild, Report, page, read, write_report
from streams.bench.rounds import check
from streams.bench.run import Options, Run, run
from streams.bench.sums import difference
from streams.bench.workload import Workload, messages
from streams.bench.year import Year
from streams.errors import BenchmarkError
from streams.local import ApacheKafka
from streams.pipeline.hot_path import HotPath

_UNTIL = datetime(2026, 6, 15, 12, tzinfo=UTC)
_DISTURBED = Workload("disturbed", 2_000, 20, corrections=0.05, duplicates=0.02, disorder=0.1)
_SMALL = Options(events=2_000, rounds=1, organisations=20, held=3_000, peers=False)
_DOCS = Path(__file__).resolve().parents[2] / "docs"


def _attendance(key: str, version: int, arrived: str, departed: str, **more: object) -> bytes:
    data = {"org": "R00", "site": "R0001", "attendance_key": key, "version": version, "department_type": 1}
    data |= {"arrived_at": arrived, "departed_at": departed, "outcome": "discharged", **more}
    return json.dumps({"source": "/ods/R00/ed", "partitionkey": "R00", "data": data}).encode()


def _wrapped(kind: str, data: dict[str, object]) -> bytes:
    event = {
        "source": "/ods/R00/pas",
        "partitionkey": "R00",
        "type": f"uk.nhs.oversight.{kind}",
        "data": data,
    }
    return json.dumps(event).encode()


def test_workload_is_the_same_every_time() -> None:
    """The same workload and end give the same bytes."""
    assert messages(_DISTURBED, _UNTIL) == messages(_DISTURBED, _UNTIL)


def test_workload_has_the_shares_asked_for() -> None:
    """Of 2,000 messages about 5 % are second versions and 2 % repeats, and every one meets the contract."""
    sent = messages(_DISTURBED, _UNTIL)
    events = [decode(one.value) for one in sent]

    assert len(sent) in range(1_998, 2_003)
    assert round(2_000 / 1.07 * 0.05) == sum(one.data.version == 2 for one in events)
    assert round(2_000 / 1.07 * 0.02) == sum(count - 1 for count in Counter(sent).values())


def test_disorder_changes_the_order_only_when_asked_for() -> None:
    """A clean workload is in the order of departure, a disturbed one is not."""

    def departures(workload: Workload) -> list[datetime]:
        return [decode(one.value).data.departed_at for one in messages(workload, _UNTIL)]

    clean = departures(Workload("clean", 500, 20))
    disturbed = departures(_DISTURBED)

    assert sorted(clean) == clean
    assert sorted(disturbed) != disturbed


def test_first_organisation_sends_twice_as_much_as_the_second() -> None:
    """Sizes fall as 1, 1/2, 1/3 …."""
    count = Counter(one.key for one in messages(Workload("clean", 5_000, 20), _UNTIL))

    assert 2.0 == pytest.approx(count[b"R00"] / count[b"R01"], rel=0.15)


def test_oracle_counts_newest_versions_on_the_local_day() -> None:
    """Worked by hand: 23:30 UTC on 14 June is the 15th in London, and version 2 has taken five hours."""
    values = [
        _attendance("a1", 2, "2026-06-14T18:30:00Z", "2026-06-14T23:30:00Z"),
        _attendance("a1", 1, "2026-06-14T18:30:00Z", "2026-06-14T20:00:00Z"),
        _attendance("a2", 1, "2026-06-15T08:00:00Z", "2026-06-15T12:00:00Z", imd_quintile=3),
    ]

    assert {
        "R00/R0001/2026-06-15/unknown": {"attended": 1, "seconds": 18_000, "attended_type1": 1},
        "R00/R0001/2026-06-15/3": {
            "attended": 1,
            "within_4h": 1,
            "seconds": 14_400,
            "attended_type1": 1,
            "within_4h_type1": 1,
        },
    } == expected(values)


def test_difference_names_the_place() -> None:
    """The first place that differs is quoted, with both sides."""
    assert None is difference({"a": {"attended": 1}}, {"a": {"attended": 1}})
    assert "b: expected None, got {'attended': 2}" == difference({}, {"b": {"attended": 2}})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "wrong result: R00/R0001/2026-06-15/3: expected {'attended': 1, 'within_4h': 1"),
        ({"held": 2}, "holds 2 episodes, not 1"),
        ({"not_taken": 1}, "did not take 1 of 1 records"),
    ],
)
def test_wrong_result_gives_no_figure(tmp_path: Path, changed: dict[str, int], said: str) -> None:
    """A difference from the oracle, a missing episode or a refused record ends the benchmark."""
    sums = tmp_path / "sums.json"
    sums.write_bytes(msgspec.json.encode({"R00/R0001/2026-06-15/3": {"attended": 1}}))
    measured = msgspec.structs.replace(Measured(1, 1.0, 1.0, 0, 0, held=1), **changed)
    value = _attendance("a2", 1, "2026-06-15T08:00:00Z", "2026-06-15T12:00:00Z", imd_quintile=3)

    with pytest.raises(BenchmarkError, match=said):
        check("panes", measured, sums, Expected([value]))


def test_each_kind_of_contender_is_held_to_its_own_result() -> None:
    """Worked by hand: 23:30 UTC is the next local day; a peer counts both versions, on the UTC day."""
    want = Expected(
        [
            _attendance("a1", 1, "2026-06-14T18:30:00Z", "2026-06-14T20:00:00Z", imd_quintile=3),
            _attendance("a1", 2, "2026-06-14T18:30:00Z", "2026-06-14T23:30:00Z", imd_quintile=3),
            _attendance("a2", 1, "2026-06-14T08:00:00Z", "2026-06-14T12:00:00Z", department_type=5),
        ]
    )

    assert 2 == want.episodes
    assert {"R00/R0001/2026-06-15": {"attended": 1}} == want.ratio
    assert {"R00/2026-06-14": {"attended": 2, "within_4h": 1}} == want.days(3)
    assert {"R00/2026-06-14": {"attended": 1, "within_4h": 1}} == want.days(1)


def test_benchmark_without_kafka_measures_what_needs_none(tmp_path: Path) -> None:
    """Engine and decoders give checked figures, and the page that is written has the tables."""
    said: list[str] = []
    report = run(dataclasses.replace(_SMALL, kafka=False), said.append)

    assert ["engine", "decode", "pydantic"] == list(report.results[0].runs)
    assert ["engine"] == list(report.results[1].runs)
    data, text, _ = write_report(report, tmp_path)
    assert report == read(data)
    assert "| engine alone, the same records in memory |" in text.read_text(encoding="utf-8")
    assert any("disturbed, round 1 of 1: engine" in line for line in said)
    assert report.rebuild is not None
    assert ["engine", "save", "snapshot"] == list(report.rebuild.result.runs)
    assert {3_000} == {one.held for runs in report.rebuild.result.runs.values() for one in runs}
    assert report.rebuild.result.runs["save"][0].file_bytes > 3_000
    assert "| **from a snapshot**" in text.read_text(encoding="utf-8")


def test_parts_measured_at_different_times_are_kept_together(tmp_path: Path) -> None:
    """Measuring only the rebuild leaves the rates as they were written before, and the other way round."""
    bench = Run(Place(tmp_path, "", lambda _text: None))
    result = bench.measure_rebuild(_SMALL)
    before = read(_DOCS / "benchmarks.json")
    rebuild = Rebuild("2026-01-01", {}, before.machine, result)
    write_report(msgspec.structs.replace(before, rebuild=None), tmp_path)
    year = Part("2026-01-02", {}, before.machine, msgspec.to_builtins(Year(1_000, 0.01, 10, 20, 1 << 20)))
    write_report(Report("2026-01-01", {}, before.machine, [], rebuild), tmp_path)
    write_report(Report("2026-01-02", {}, before.machine, [], parts={"year": year}), tmp_path)
    data, text, *_ = write_report(msgspec.structs.replace(before, rebuild=None, parts={}), tmp_path)

    assert msgspec.structs.replace(before, rebuild=rebuild, parts=before.parts | {"year": year}) == read(data)
    assert "**4.5 minutes** a core (goal: 5, reached)" in text.read_text(encoding="utf-8")


def test_benchmark_on_kafka_measures_everything(tmp_path: Path, kafka: ApacheKafka) -> None:
    """Every contender reads the whole topic, and both engines' panes are right."""
    bench = Run(Place(tmp_path, kafka.bootstrap, lambda _text: None))
    clean, disturbed, mix = bench.measure_rates(_SMALL)

    assert set(CONTENDERS) == set(clean.runs)
    assert {2_000} == {one.events for runs in clean.runs.values() for one in runs}
    assert 2_000 == clean.runs["panes"][0].held
    assert disturbed.runs["panes"][0].held < disturbed.events
    assert mix.workload["mixed"]
    assert mix.events == mix.runs["panes"][0].events


def test_mix_has_the_shares_asked_for() -> None:
    """Seven of ten are attendances, 5 % second versions; every one meets the contract."""
    sent = mixed(dataclasses.replace(_DISTURBED, days=12, mixed=True), _UNTIL)
    events = [decode(one.value) for one in sent]
    kinds = Counter(event_type(one).split(".")[3] for one in events)

    assert 0.7 == pytest.approx(kinds["ed"] / len(sent), abs=0.04)
    assert {"ed", "ambulance", "spell", "theatre", "bed", "measure"} == set(kinds)
    assert 2_000 == pytest.approx(len(sent), abs=2)


def test_oracle_of_the_mix_counts_the_latest_census_and_the_newest_version() -> None:
    """Worked by hand: of two states the later is the day's census; a spell's second version stands."""
    spell = {"org": "R00", "spell_key": "k1", "admitted_at": "2026-06-10T08:00:00Z", "version": 1}
    left = {"discharged_at": "2026-06-14T16:00:01Z", "discharge_ready_date": "2026-06-12"}
    values = [
        _wrapped("spell.recorded.v1", spell | left),
        _wrapped("spell.recorded.v1", spell | left | {"version": 2, "discharged_at": "2026-06-14T16:00:00Z"}),
        *(
            _wrapped(
                "bed.state.observed.v1",
                {"org": "R00", "version": 1, "as_at": f"2026-06-14T06:{minute}:00Z", "occupied": occupied},
            )
            for minute, occupied in (("50", 400), ("10", 300))
        ),
    ]

    assert {
        "spell/R00/2026-06-14": {"discharges": 1, "before_17": 1, "delay_days": 2},
        "bed_state/R00/2026-06-14": {"censuses": 1, "occupied": 400},
    } == expected_of_mix(values)


def test_consumer_is_set_as_in_the_hot_path() -> None:
    """The contenders' consumer has the sizes of fetches that the hot path's has."""
    source = inspect.getsource(HotPath.on_start)

    assert "fetch_max_bytes=50 << 20" in source
    assert "max_partition_fetch_bytes=4 << 20" in source


def test_page_is_made_from_the_figures() -> None:
    """The committed page says what the committed figures say."""
    assert page(read(_DOCS / "benchmarks.json")) == (_DOCS / "benchmarks.md").read_text(encoding="utf-8")
