"""A real Prometheus: it scrapes, answers, and quotes what it refuses."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from streams.errors import LocalServerError, PortTakenError
from streams.local import prometheus_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import PrometheusFactory

_EMPTY = "global: {scrape_interval: 1s}\n"
_APT_DEB822 = """\
# the machine's own
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
_APT_ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example/debian bookworm main contrib
"""


class _Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"# TYPE beds_open gauge\nbeds_open 42\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def target() -> Iterator[str]:
    """A page with one metric; its `host:port`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Target) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _until(ask: Callable[[], list[dict[str, Any]]], *, seconds: float = 20) -> list[dict[str, Any]]:
    ends_at = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < ends_at, "no answer in time"
        time.sleep(0.1)
    return answer


def test_target_is_scraped_and_a_query_answered(prometheus_factory: PrometheusFactory, target: str) -> None:
    """What the page shows is what the query gives."""
    config = f"{_EMPTY}scrape_configs: [{{job_name: ward, static_configs: [{{targets: ['{target}']}}]}}]\n"
    with prometheus_factory(config) as prometheus:
        (series,) = _until(lambda: prometheus.query("beds_open"))

        assert "42" == series["value"][1]
        assert {"__name__": "beds_open", "instance": target, "job": "ward"} == series["metric"]
        assert ["up"] == [each["health"] for each in prometheus.targets()]


def test_scalar_is_one_series_without_labels(prometheus_factory: PrometheusFactory) -> None:
    """A caller need not tell scalars from vectors."""
    with prometheus_factory(_EMPTY) as prometheus:
        assert [{"metric": {}, "value": [1_700_000_000, "3"]}] == prometheus.query("1 + 2", at=1_700_000_000)


def test_wrong_query_says_why(prometheus_factory: PrometheusFactory) -> None:
    """Prometheus's own words reach the caller."""
    with prometheus_factory(_EMPTY) as prometheus, pytest.raises(LocalServerError, match="parse error"):
        prometheus.query("sum(")


def test_wrong_configuration_is_quoted_from_the_log(prometheus_factory: PrometheusFactory) -> None:
    """A configuration that is refused says which field."""
    with pytest.raises(LocalServerError, match="no_such_field"):
        prometheus_factory("no_such_field: 1\n")


def test_configuration_can_be_a_file_with_rules_beside_it(
    prometheus_factory: PrometheusFactory, tmp_path: Path
) -> None:
    """Rule files are found relative to the configuration, as in deployment."""
    (tmp_path / "prometheus.yml").write_text(f"{_EMPTY}rule_files: [rules.yml]\n", encoding="utf-8")
    rules = "groups: [{name: one, rules: [{record: two, expr: vector(2)}]}]\n"
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")

    with prometheus_factory(tmp_path / "prometheus.yml") as prometheus:
        assert ["one"] == [group["name"] for group in prometheus.get("rules")["groups"]]


def test_taken_port_says_so(prometheus_factory: PrometheusFactory) -> None:
    """A second Prometheus on the first one's port is refused before it starts."""
    with prometheus_factory(_EMPTY) as prometheus, pytest.raises(PortTakenError, match=str(prometheus.port)):
        prometheus_factory(_EMPTY, port=prometheus.port)


@pytest.mark.parametrize(("name", "text"), [("a.sources", _APT_DEB822), ("a.list", _APT_ONE_LINE)])
def test_newer_suite_comes_from_the_machines_own_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """Address and keyring are the machine's, in either of apt's forms; only the suite differs."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / name).write_text(text, encoding="utf-8")
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n", encoding="utf-8")
    monkeypatch.setattr(prometheus_tools, "_APT_SOURCES", tmp_path)
    monkeypatch.setattr(prometheus_tools, "_OS_RELEASE", tmp_path / "os-release")

    sources = prometheus_tools._sources("forky")

    assert (
        "Types: deb\n"
        "URIs: http://mirror.example/debian\n"
        "Suites: forky\n"
        "Components: main\n"
        "Targets: Packages\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n" == sources
    )


def test_newest_of_the_cache_comes_before_the_path(tmp_path: Path) -> None:
    """3.10 is newer than 3.9, which a comparison of texts would get wrong."""
    for version in ("3.9.1", "3.10.0"):
        program = tmp_path / f"prometheus-{version}" / "prometheus"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho 'prometheus, version {version}+ds'\n", encoding="utf-8")
        program.chmod(0o755)

    tools = prometheus_tools.find_prometheus(tmp_path)

    assert ("3.10.0", 3) == (tools.version, tools.major)
    assert tools.promtool is None


def test_missing_prometheus_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the cache nor on the PATH: the message names the way."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalServerError, match="make servers"):
        prometheus_tools.find_prometheus(tmp_path)


def test_machine_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Debian nothing is tried."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalServerError, match="there is no apt-get here"):
        prometheus_tools.fetch_prometheus(tmp_path)
