"""Which totals of closed days are needed besides a log that was shortened."""

from datetime import UTC, date, datetime

from schemas.outputs import ClosedIdentities, ClosedThrough, DayTotal
from streams.engine import EngineSettings
from streams.pipeline.retained import before_the_log

FIRST = datetime(2026, 6, 10, 9, tzinfo=UTC)


def day_total(day: int) -> DayTotal:
    return DayTotal("t.events", 0, "RJ1", "", "spell", "operational", "d", date(2026, 6, day), [], 1)


def due(day: int) -> ClosedIdentities:
    return ClosedIdentities("t.events", 0, date(2026, 6, day), 0, b"12345678")


def test_days_that_the_log_holds_whole_are_summed_again() -> None:
    """The log begins on the 10th at 10:00: totals up to the 10th, and what closed with them 14 days later."""
    through = ClosedThrough("t.events", 0, date(2026, 7, 1), date(2025, 1, 1))
    totals = [day_total(9), day_total(10), day_total(11), due(24), due(25), through]
    assert [
        day_total(9),
        day_total(10),
        due(24),
        ClosedThrough("t.events", 0, date(2026, 6, 10), date(2025, 1, 1)),
    ] == before_the_log(totals, int(FIRST.timestamp() * 1000), EngineSettings())


def test_days_that_nobody_closed_are_not_said_to_be_closed() -> None:
    """Where the service stood still before the log was shortened, closing ended earlier."""
    through = ClosedThrough("t.events", 0, date(2026, 6, 1), date(2025, 1, 1))
    assert [through] == before_the_log([through], int(FIRST.timestamp() * 1000), EngineSettings())
