"""What the service writes of the largest organisation fits into its topics' records."""

from __future__ import annotations

from datetime import timedelta

import pytest
from making import AT, MORNING, attendance, engine, run

from schemas.outputs import ClosedIdentities, DayTotal, Position, Total, encode, encode_total
from streams.engine.calendar import day_number
from streams.engine.closing import HASHES_A_CHUNK, totals_of
from streams.engine.families import FAMILIES
from streams.engine.partition import Closed, Partition
from streams.engine.snapshots import Snapshotter
from streams.engine.windows import NOW
from streams.pipeline.topics import TOPICS

SITES, DAYS, ATTENDANCES = 12, 35, 20
"""Of one trust, each site with 20 attendances a day and quintile, no two waits alike for weeks."""
CODES = "ABCDEFGHJKLMNPRS"
KAFKA_DEFAULT = 1_048_588
"""`max.message.bytes` of a topic that does not say otherwise."""
OVER_DAYS = [one for one in FAMILIES.values() if one.windows != (NOW,)]
TODAY = day_number(MORNING.date())
TICK_MS = int((MORNING + timedelta(hours=1)).timestamp() * 1000)
POSITION = Position(AT[0], "t", AT[1], 0, TICK_MS)


def limit(topic: str) -> int:
    """Give how large a record a topic takes."""
    (found,) = (one for one in TOPICS if one.name == topic)
    return int(found.configs.get("max.message.bytes", KAFKA_DEFAULT))


@pytest.fixture(scope="module")
def largest() -> Partition:
    """A trust of twelve sites whose attendances differ as much as they can."""
    return trust(SITES, ATTENDANCES)


def trust(sites: int, attendances: int) -> Partition:
    """Make a trust whose sites have so many attendances a day and quintile, each of another wait."""
    partition = Partition()
    partition.today, partition.covered_from = TODAY, TODAY - DAYS
    for site in range(sites):
        for family in OVER_DAYS:
            series = partition.make_series(("RJ1", f"RJ1{site:02}", family.name, "operational"))
            for day in range(TODAY - DAYS, TODAY + 1):
                for quintile in range(6 if family.dimensions else 1):
                    for number in range(attendances):
                        person = (
                            ("imd_quintile", str(quintile)),
                            ("ethnic_group", CODES[(number + day) % 16]),
                            ("sex", ("female", "male", "indeterminate")[number % 3]),
                            ("age_band", str(number % 7)),
                        )
                        cell = person if family.dimensions else ()
                        wait = (day * 7 + quintile * 131 + number * 37) % 1440
                        series.add(day, cell, (60 * wait + 60,) * len(family.facts))
                series.touch(day, 1)
            assert DAYS - 14 == len(list(series.close_before(TODAY - 14, 0)))
            partition.restore_total(series.key, TODAY - 20, series.totals[TODAY - 20])  # readers see it
    return partition


def test_snapshots_of_the_largest_organisation_fit(largest: Partition) -> None:
    """All windows of all sites, and all closed periods, stay below half of what the topic takes."""
    assert len(largest.series) == SITES * len(OVER_DAYS)
    check_snapshots(largest)


def check_snapshots(partition: Partition) -> None:
    of = engine()
    of.partitions[AT] = partition
    (current,) = Snapshotter(of).current(AT, ["RJ1"], POSITION)
    (closed,) = Snapshotter(of).closed_periods(AT, ["RJ1"], POSITION)
    for snapshot in (current, closed):
        assert len(partition.series) == len(snapshot.series)
        assert len(encode(snapshot)) < limit("snapshots") / 2


def test_snapshots_of_as_many_series_as_there_may_be_fit() -> None:
    """Whatever fills `site`, the organisation's records stay below half of what the topic takes."""
    check_snapshots(trust(engine().settings.max_series_an_organisation // len(OVER_DAYS), 1))


def test_a_heartbeat_of_a_publisher_whose_source_changes_with_every_run_fits() -> None:
    """A thousand runs make no more than a hundred sources: its record stays small."""
    runs = [attendance(source=f"/ods/RJ1/{n:060}") for n in range(1000)]
    of, _ = run(*runs, append=MORNING + timedelta(hours=1))
    heartbeat = Snapshotter(of).heartbeat(AT, POSITION, 1)
    assert of.settings.max_sources_a_publisher == len(heartbeat.sources)
    assert len(encode(heartbeat)) < limit("snapshots") / 100


def test_totals_of_the_largest_series_fit(largest: Partition) -> None:
    """A day of a site, and a full chunk of closed identities, stay below half of what the topic takes."""
    days = [(series, TODAY - 20) for series in largest.series.values()]
    closed = Closed(TODAY - 15, days, {TODAY: [2**64 - 1] * (HASHES_A_CHUNK + 1)}, {})
    totals: list[Total] = totals_of(AT, largest, closed)
    assert SITES * len(OVER_DAYS) == sum(isinstance(one, DayTotal) for one in totals)
    assert 2 == sum(isinstance(one, ClosedIdentities) for one in totals)
    assert max(len(encode_total(one) or b"") for one in totals) < limit("day-totals") / 2
