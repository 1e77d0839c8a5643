"""The HTTP side: negotiation, readiness, and a page that says how far a figure may be trusted."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from streams.assessment import Row
from streams.exposition.body import Chunk
from streams.exposition.web import OPENMETRICS, TEXT, View, create_web

ROW = Row(
    indicator="x",
    purpose="inequalities",
    org="england",
    level="england",
    window="7d",
    period_start=date(2026, 6, 8),
    period_end=date(2026, 6, 15),
    strata={},
    basis="synthetic",
    numerator=1,
    denominator=4,
    value=0.25,
    unit="ratio",
    status="breach",
    flags=("partial",),
    threshold=0.5,
    as_at_ms=0,
    restated_at_ms=None,
)


def client(problems: Sequence[str] = (), name: str = "England") -> httpx.AsyncClient:
    registry = CollectorRegistry()
    Counter("oversight_own", "Own.", registry=registry).inc()

    async def indicators(names: Collection[str]) -> list[Chunk]:
        x = Chunk(["# TYPE oversight_x_ratio gauge\n", "oversight_x_ratio 0.25\n"])
        return [] if names and "oversight_x_ratio" not in names else [x]

    view = View(
        indicators=indicators,
        own=registry,
        rows=lambda: [ROW],
        names=lambda: [("england", name)],
        problems=lambda: problems,
        warnings=lambda: ["a publisher stands on two partitions"],
        title_of={"x": "An indicator"},
    )
    transport: Any = httpx.ASGITransport(app=create_web(view))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        (TEXT, "*/*"),
        (TEXT, "text/plain;version=0.0.4;q=0.5"),
        (OPENMETRICS, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
    ],
)
async def test_the_format_is_negotiated(expected: str, accept: str) -> None:
    """Prometheus gets OpenMetrics when it asks for it, and the right content type always."""
    async with client() as web:
        answer = await web.get("/metrics", headers={"accept": accept})
    assert expected == answer.headers["content-type"]
    assert ("# EOF\n" == answer.text[-6:]) == (expected == OPENMETRICS)


async def test_indicators_and_own_metrics_are_one_exposition() -> None:
    """The whole answer parses as OpenMetrics."""
    async with client() as web:
        answer = await web.get("/metrics", headers={"accept": "application/openmetrics-text"})
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"oversight_x_ratio", "oversight_own"} <= names


@pytest.mark.parametrize("accept", ["*/*", "application/openmetrics-text"])
@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        ({"oversight_x_ratio"}, ["oversight_x_ratio"]),
        ({"oversight_own"}, ["oversight_own_total"]),
        ({"oversight_x_ratio", "oversight_own"}, ["oversight_x_ratio", "oversight_own_total"]),
        (set(), ["oversight_y_ratio"]),
    ],
)
async def test_families_can_be_asked_for_by_name(expected: set[str], asked: list[str], accept: str) -> None:
    """`name[]` once or several times, as the Prometheus client's own pages take it."""
    async with client() as web:
        answer = await web.get("/metrics", params={"name[]": asked}, headers={"accept": accept})
    lines = [line.split("{")[0].split()[0] for line in answer.text.splitlines() if line[0] != "#"]
    assert expected == {name.removesuffix("_total").removesuffix("_created") for name in lines}


async def test_a_scrape_may_be_compressed() -> None:
    """With and without gzip the answer says the same, and caches are told that there are two."""
    async with client() as web:
        zipped = await web.get("/metrics", headers={"accept-encoding": "gzip"})
        plain = await web.get("/metrics", headers={"accept-encoding": "identity"})
    assert ("gzip", None) == tuple(one.headers.get("content-encoding") for one in (zipped, plain))
    assert plain.text == zipped.text
    assert {"Accept-Encoding"} == {one.headers["vary"] for one in (zipped, plain)}


@pytest.mark.parametrize(("expected", "problems"), [(200, []), (503, ["state is being rebuilt"])])
async def test_readiness_says_why_not(expected: int, problems: list[str]) -> None:
    """Alive is not ready: /healthz answers either way."""
    async with client(problems) as web:
        ready, alive = await web.get("/readyz"), await web.get("/healthz")
    assert (expected, 200) == (ready.status_code, alive.status_code)
    assert problems == ready.json()["problems"]
    assert ["a publisher stands on two partitions"] == ready.json()["warnings"]


async def test_the_page_says_simulated_and_partial() -> None:
    """A simulated figure is marked in words, with its flags, and names are escaped."""
    async with client(name="<b>England</b>") as web:
        text = (await web.get("/")).text
    assert all(word in text for word in ("SIMULATED", "25.0 %", "misses", "50.0 %", "partial", "2026-06-14"))
    assert "<b>England" not in text
