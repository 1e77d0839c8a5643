"""What a user runs agrees with the boards: scrape interval, data source, paths."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.settings import Settings

if TYPE_CHECKING:
    from conftest import PrometheusFactory

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_PROMETHEUS = _DEPLOY / "prometheus" / "prometheus.yml"
_PROVISIONING = sorted((_DEPLOY / "grafana" / "provisioning").rglob("*.yaml"))


def _values(path: Path, key: str) -> list[str]:
    """Give the scalars under a key, wherever it stands; enough YAML for files of our own."""
    found = re.findall(rf"^[ -]*{key}: *(.+?) *$", path.read_text("utf-8"), re.MULTILINE)
    return [one.strip("\"'") for one in found]


def test_prometheus_accepts_its_configuration(prometheus_factory: PrometheusFactory) -> None:
    """Promtool finds no fault with what is shipped."""
    with prometheus_factory("global: {scrape_interval: 1s}\n") as prometheus:
        promtool = prometheus.tools.promtool
    if promtool is None:
        pytest.skip("there is no promtool beside this Prometheus")

    checked = subprocess.run(
        [promtool, "check", "config", str(_PROMETHEUS)], capture_output=True, text=True, check=False
    )

    assert 0 == checked.returncode, checked.stderr


def test_prometheus_scrapes_the_worker_where_it_listens() -> None:
    """The target is the worker's own default address."""
    settings = Settings()
    assert f'"{settings.host}:{settings.port}"' in _PROMETHEUS.read_text("utf-8")


def test_grafana_knows_the_scrape_interval() -> None:
    """`$__rate_interval` is made from it: a wrong one gives gaps or smears."""
    source = _DEPLOY / "grafana" / "provisioning" / "datasources" / "oversight.yaml"
    assert _values(_PROMETHEUS, "scrape_interval") == _values(source, "timeInterval") == ["15s"]


def test_provisioning_has_a_data_source_and_boards() -> None:
    """Both of Grafana's provisioning directories have one file."""
    assert ["dashboards", "datasources"] == [one.parent.name for one in _PROVISIONING]


@pytest.mark.parametrize("path", _PROVISIONING, ids=lambda path: path.parent.name)
def test_provisioning_is_plain_yaml(path: Path) -> None:
    """Grafana says little about a file that it cannot read: no tabs, even indents, the version first."""
    lines = [
        line for line in path.read_text("utf-8").splitlines() if line and not line.lstrip().startswith("#")
    ]
    assert "apiVersion: 1" == lines[0]
    for line in lines:
        assert "\t" not in line
        assert 0 == (len(line) - len(line.lstrip())) % 2
        assert re.fullmatch(r" *(- )?\w+:( \S.*)?", line), line


def test_boards_are_found_by_a_variable_that_the_documentation_names() -> None:
    """The path differs from machine to machine, so it is not written down here."""
    boards = _DEPLOY / "grafana" / "provisioning" / "dashboards" / "oversight.yaml"
    assert ["$OVERSIGHT_BOARDS"] == _values(boards, "path")
    assert "OVERSIGHT_BOARDS=" in (_DEPLOY.parent / "docs" / "boards.md").read_text("utf-8")
