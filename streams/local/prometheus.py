"""A real Prometheus on this machine, over a configuration of the caller's, that can be asked."""

from __future__ import annotations

import json
import logging
import signal
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streams.errors import LocalServerError
from streams.local.processes import HOST, ManagedProcess, Started, free_port, require_free
from streams.local.prometheus_tools import PrometheusTools, find_prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)

_READY_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


class Prometheus(Started):
    """Prometheus on 127.0.0.1.

    Args:
        config: the configuration's text, or the path of a file (rule files then are found beside it).
        directory: where it keeps its data, its log and a configuration given as text.
        port: where it listens; a free one when None.
        tools: which Prometheus; by default `find_prometheus()`, so 3.x from the cache before the PATH's.
        arguments: more of Prometheus's own, such as `--enable-feature=…`.
    """

    def __init__(
        self,
        config: str | Path,
        directory: Path,
        *,
        port: int | None = None,
        tools: PrometheusTools | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.directory = directory.resolve()
        self.port = port or free_port()
        self._config = config
        self._tools = tools
        self._arguments = tuple(arguments)
        self._process = ManagedProcess("prometheus", (), directory=self.directory)

    @property
    def url(self) -> str:
        """Where it is: `http://127.0.0.1:PORT`."""
        return f"http://{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where it writes what it has to say."""
        return self._process.log_path

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid

    @property
    def tools(self) -> PrometheusTools:
        """The programs it is run from, their version among them.

        Raises:
            LocalServerError: there is no Prometheus on this machine.
        """
        if self._tools is None:
            self._tools = find_prometheus()
        return self._tools

    @property
    def config_path(self) -> Path:
        """The configuration it reads."""
        return self._config if isinstance(self._config, Path) else self.directory / "prometheus.yml"

    def start(self) -> Self:
        """Start Prometheus, if it does not run, and wait until it is ready: about a second.

        Raises:
            LocalServerError: there is no Prometheus on this machine, or it did not come up; a configuration
                it refuses is quoted from its log.
            PortTakenError: another program listens on the port.
        """
        if self.pid is not None:
            return self
        program = self.tools.prometheus
        require_free(self.port, "Prometheus")
        self.directory.mkdir(parents=True, exist_ok=True)
        if isinstance(self._config, str):
            self.config_path.write_text(self._config, encoding="utf-8")
        self._process.command = (
            str(program),
            f"--config.file={self.config_path.resolve()}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            *self._arguments,
        )
        self._process.start()
        try:
            self.wait_ready()
        except BaseException:
            self._process.kill()
            raise
        _log.info("Prometheus %s answers on %s", self.tools.version, self.url)
        return self

    def wait_ready(self, *, deadline_seconds: float = _READY_SECONDS) -> None:
        """Wait until Prometheus serves queries.

        Raises:
            LocalServerError: it ended early, or the deadline passed.
        """
        self._process.wait_ready(self._is_ready, deadline_seconds=deadline_seconds)

    def reload(self) -> None:
        """Have Prometheus read its configuration and rules again; returns at once."""
        self._process.signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop Prometheus; its data stay. Harmless when repeated."""
        self._process.stop()

    def query(self, promql: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Return the answer to a query: of each series its `metric` (labels) and `value` (time, text).

        Args:
            promql: the query; one that gives a scalar gives one series without labels.
            at: the moment it is asked for, in seconds since 1970; now when None.

        Raises:
            LocalServerError: Prometheus refuses the query; says why.
        """
        parameters = {"query": promql} | ({} if at is None else {"time": f"{at:.3f}"})
        data = self.get("query", **parameters)
        if data["resultType"] in {"scalar", "string"}:
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])

    def targets(self) -> list[dict[str, Any]]:
        """Return the targets it scrapes, each with `scrapeUrl`, `health` and `lastError`."""
        return list(self.get("targets", state="active")["activeTargets"])

    def get(self, path: str, **parameters: str) -> Any:
        """Return the `data` of a request to Prometheus's HTTP API, such as `get("rules")`.

        Raises:
            LocalServerError: Prometheus refuses, or does not answer; says why.
        """
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - our own
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            raise LocalServerError(f"Prometheus refused {path} {parameters}: {said}") from error
        except OSError as error:
            raise LocalServerError(
                f"Prometheus on {self.url} does not answer ({error}); see {self.log_path}"
            ) from error

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's word for yes
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False
