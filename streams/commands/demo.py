"""The demonstration: everything on this machine, real figures beside simulated ones that say so.

The embedded broker gets a sample of one real month of A&E and some days of simulated trusts, then a
steady simulated feed; the worker turns them into the page and /metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import resources

from streams.assessment import Row
from streams.assessment.rows import shown
from streams.commands.publish import Publisher
from streams.commands.replay import Line
from streams.errors import DeliveryError
from streams.local import EmbeddedBroker, require_free
from streams.pipeline.app import Worker
from streams.pipeline.topics import prepare_topics
from streams.settings import Settings
from streams.sources.events import Event
from streams.sources.simulator import LiveFeed
from streams.sources.simulator import Settings as SimulationSettings

TRUSTS = 6
HISTORY_DAYS = 3
_FEED_SECONDS = 0.5
_FIRST_SECONDS = 60.0
"""How long the first indicators may take before the demonstration says that something is wrong."""

SHOWN = (
    ("ae_4h_all_types", "england", "month", "official"),
    ("ae_dta_12h", "england", "month", "official"),
    ("theatre_capped_utilisation", "england", "7d", "synthetic"),
    ("drd_delayed", "england", "7d", "synthetic"),
    ("drd_mean_delay", "england", "7d", "synthetic"),
    ("ga_bed_occupancy", "england", "7d", "synthetic"),
    ("amb_handover_over_45m", "england", "7d", "synthetic"),
    ("rtt_18w_imd_gap", "england", "month", "synthetic"),
    ("core20_recruitment", "england", "month", "synthetic"),
)
"""Indicator, organisation, window and basis of the lines that are printed first."""


async def demonstrate(port: int, seconds: float | None, rate: float, say: Callable[[str], None]) -> None:
    """Run the demonstration until Ctrl-C, or for some seconds.

    Args:
        port: of the page.
        seconds: how long; None for ever.
        rate: simulated events a second.
        say: where to write lines for the person who runs it.

    Raises:
        PortTakenError: the page's port is in use.
        LocalServerError: the embedded broker did not come up.
        DeliveryError: the service died, or no indicator came.
    """
    require_free(port, "the page and /metrics")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with EmbeddedBroker() as broker:
        settings = Settings(
            bootstrap_servers=broker.bootstrap,
            append_time="publisher",
            replication=1,
            partitions=4,
            port=port,
            session_timeout_seconds=6,
            tick_seconds=0.5,
        )
        say(f"embedded broker on {broker.bootstrap}")
        await prepare_topics(settings)
        worker = Worker(settings)
        running = asyncio.create_task(worker.run(stop))
        try:
            published: asyncio.Future[int] = loop.create_future()
            feeding = asyncio.create_task(_feed(settings, rate, stop, published, say))
            showing = asyncio.create_task(_show_first(worker, port, stop, published, say))
            everything = {running, feeding, showing}
            waiter = asyncio.create_task(_until(stop, seconds))
            done, _ = await asyncio.wait({*everything, waiter}, return_when=asyncio.FIRST_EXCEPTION)
            stop.set()
            for task in done:
                task.result()
        finally:
            stop.set()
            await asyncio.gather(*everything, waiter, return_exceptions=True)
    say("stopped; nothing was left behind")


async def _until(stop: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    stop.set()


async def _feed(
    settings: Settings,
    rate: float,
    stop: asyncio.Event,
    published: asyncio.Future[int],
    say: Callable[[str], None],
) -> None:
    """Publish the sample and the history, then go on at a steady rate."""
    sample = resources.files("streams.sources.sample").joinpath("ae-2025-09.jsonl").read_bytes()
    official = [Line("sample", line) for line in sample.splitlines()]
    start = datetime.now(UTC)
    simulated = SimulationSettings(trusts=TRUSTS, days=HISTORY_DAYS)
    feed = await asyncio.to_thread(LiveFeed, simulated, start, rate)
    async with Publisher(settings, stamp_recorded=True) as publisher:
        done = await publisher.publish([*official, *_lines(feed.history)])
        published.set_result(done.acknowledged.total())
        say(
            f"published {done.acknowledged.total():,} events: A&E of September 2025 as NHS England"
            f" published it, and {HISTORY_DAYS} days of {TRUSTS} simulated trusts"
        )
        while not stop.is_set():
            await publisher.publish(_lines(feed.next_events(datetime.now(UTC))))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _FEED_SECONDS)


def _lines(events: Iterable[Event]) -> list[Line]:
    return [Line(event["id"], json.dumps(event, separators=(",", ":")).encode()) for event in events]


async def _show_first(
    worker: Worker,
    port: int,
    stop: asyncio.Event,
    published: asyncio.Future[int],
    say: Callable[[str], None],
) -> None:
    """Print the first indicators once they hold everything that was published, and where to look."""
    started = time.monotonic()
    while not stop.is_set():
        complete = published.done() and worker.shows(published.result())
        rows = _found(worker) if complete else {}
        if len(rows) == len(SHOWN):
            break
        if time.monotonic() - started > _FIRST_SECONDS:
            missing = ", ".join(one[0] for one in SHOWN if one not in rows)
            raise DeliveryError(f"no value after {_FIRST_SECONDS:.0f} s for {missing}; see the lines above")
        await asyncio.sleep(0.2)
    if stop.is_set():
        return
    say(f"first indicators after {time.monotonic() - started:.0f} s, England:")
    for key in SHOWN:
        row = rows[key]
        title = worker.catalogue.indicators[row.indicator].title
        basis = "SIMULATED" if row.basis == "synthetic" else f"{row.basis}, {row.period_start:%B %Y}"
        say(f"  {shown(row):>15}  {title} ({row.window}, {basis})")
    say("")
    say(f"look at   http://127.0.0.1:{port}/          every indicator by purpose; choose an organisation")
    say(f"          http://127.0.0.1:{port}/metrics   what Prometheus scrapes")
    say(f"          http://127.0.0.1:{port}/readyz    whether it is ready, and if not, why")
    say("Ctrl-C stops.")


def _found(worker: Worker) -> dict[tuple[str, str, str, str], Row]:
    wanted = set(SHOWN)
    return {
        key: row
        for row in worker.board.rows()
        if not row.strata
        and row.value is not None
        and (key := (row.indicator, row.org, row.window, row.basis)) in wanted
    }
