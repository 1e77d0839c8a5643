"""The HTTP side: /metrics, /healthz, /readyz and a plain page, as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streams.assessment import Row
from streams.exposition.body import Body, Chunk
from streams.exposition.page import page

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class View:
    """What the HTTP side may ask of the service.

    Attributes:
        indicators: indicators as Prometheus text, nothing while another worker serves them; of the families
            that are named only, if any are.
        own: the service's own metrics.
        rows: current rows, for the page.
        names: (code, name) of every organisation with rows.
        problems: what keeps the service from being ready; empty when it is.
        warnings: what makes figures doubtful although it is ready.
        title_of: title of an indicator.
    """

    indicators: Callable[[Collection[str]], Awaitable[Sequence[Chunk]]]
    own: CollectorRegistry
    rows: Callable[[], Iterable[Row]]
    names: Callable[[], Sequence[tuple[str, str]]]
    problems: Callable[[], Sequence[str]]
    warnings: Callable[[], Sequence[str]]
    title_of: Mapping[str, str]


async def _one_by_one(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Give pieces as the client takes them; a plain iterator would be asked in a thread each time."""
    for one in pieces:
        yield one


def create_web(view: View) -> Starlette:
    """Make the ASGI application."""
    body = Body(())

    async def metrics(request: Request) -> Response:
        nonlocal body
        names = frozenset(request.query_params.getlist("name[]"))  # as the Prometheus client's own pages do
        own: Any = view.own.restricted_registry(names) if names else view.own
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        chunks = tuple(await view.indicators(names))
        asked = Body(chunks) if names or chunks != body.chunks else body  # a chunk equals only itself
        if not names:
            body = asked
        generate = generate_openmetrics if openmetrics else generate_latest
        headers = {"content-type": OPENMETRICS if openmetrics else TEXT}
        encode = asked.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}  # else the middleware says so
            encode = asked.gzip

        def written() -> list[bytes]:
            return encode(Chunk([generate(own).decode()]))

        # Off the event loop: much text takes long, and the library that compresses lets others run.
        pieces = await asyncio.to_thread(written)
        headers["content-length"] = str(sum(map(len, pieces)))
        return StreamingResponse(_one_by_one(pieces), headers=headers)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        problems, warnings = list(view.problems()), list(view.warnings())
        status = "ready" if not problems else "not ready"
        return JSONResponse(
            {"status": status, "problems": problems, "warnings": warnings},
            status_code=503 if problems else 200,
        )

    async def glance(request: Request) -> Response:
        org = request.query_params.get("org", "england")
        return HTMLResponse(
            page(view.rows(), view.names(), view.title_of, org, (*view.problems(), *view.warnings()))
        )

    return Starlette(
        routes=[
            Route("/", glance),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1024, compresslevel=1)],
    )
