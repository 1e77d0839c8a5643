"""The board against the whole way: trusts through Kafka, a worker, a real Prometheus, every query."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from service import Service, eventually

from grafana.boards.four_purposes import shown
from grafana.queries import queries
from streams.catalogue import Catalogue
from streams.local import ApacheKafka
from streams.sources.events import Event, instant
from streams.sources.simulator import Settings, history

if TYPE_CHECKING:
    from conftest import PrometheusFactory

BOARD = json.loads(
    (Path(__file__).parents[2] / "grafana" / "dashboards" / "four-purposes.json").read_text("utf-8")
)
CHOSEN = {"level": "icb", "organisation": "QUA", "basis": ["synthetic"]}
SHOWN = [one for one in shown(Catalogue.shipped()) if "icb" in one.levels]
TITLES = {one.title for one in SHOWN}
WINDOWS = sorted({window for one in SHOWN for window in one.windows})
_HISTORY_DAYS = 2


def waiting_outside(events: list[Event], now: datetime) -> list[Event]:
    """Give an ambulance outside each hospital: at night nobody may wait, and then no wait is the longest."""
    of_hospital = {one["data"]["org"]: one for one in events if "handover_key" in one["data"]}
    arrived = instant(now - timedelta(minutes=10))
    found = []
    for org, like in of_hospital.items():
        data = {name: like["data"][name] for name in ("org", "site", "ambulance_trust")}
        data |= {"handover_key": f"waits-{org}", "version": 1, "arrived_at": arrived}
        found.append(like | {"id": f"waits-{org}", "time": arrived, "recordedtime": arrived, "data": data})
    return found


def test_every_query_of_the_board_works_on_the_service(
    kafka: ApacheKafka, prometheus_factory: PrometheusFactory, tmp_path: Path
) -> None:
    """No query fails in any window, and every card with a meaning for an ICB shows a figure of QUA.

    It shows it in the window `month`, but on the first days of a month, which may hold nothing yet, in any.
    """
    now = datetime.now(UTC)
    events = history(Settings(trusts=6, days=_HISTORY_DAYS), now)
    events += waiting_outside(events, now)
    every = {window: queries(BOARD, CHOSEN | {"window": window}) for window in WINDOWS}
    assert min(map(len, every.values())) > 100
    asked = list(dict.fromkeys(one for some in every.values() for one in some))
    cards = [one for one in (every["month"] if now.day > _HISTORY_DAYS else asked) if not one.ranged]
    with Service(kafka.bootstrap, tmp_path, smallest_count=1) as service:  # two days of few trusts are small
        assert 0 == service.publish(events).returncode
        service.wait_consumed(len(events), within=60)
        scrape = {
            "job_name": "oversight",
            "scrape_interval": "5s",  # a busy machine may need more than a second for 30,000 series
            "static_configs": [{"targets": [f"127.0.0.1:{service.port}"]}],
        }
        prometheus = prometheus_factory(json.dumps({"scrape_configs": [scrape]}))

        def answered() -> set[str]:
            found: set[str] = set()
            for one in cards:
                if one.panel in TITLES - found and prometheus.query(one.expr):
                    found.add(one.panel)
            return found

        eventually(lambda: answered() == TITLES, within=60, saying=lambda: TITLES - answered())
        for one in asked:
            prometheus.query(one.expr)
        prometheus.stop()
