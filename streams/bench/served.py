"""The service as people run it, to be measured: `oversight worker`, its pages and its processor time.

    with Worker(bootstrap, directory, Topics("bench.latency", partitions=4)) as worker:
        worker.process.wait_ready(worker.is_ready, deadline_seconds=60)
        figures(worker.metrics(), MEASURE, "since_midnight")     {("R00", "denominator"): 4312, …}

Settings are those that ship, but for what one machine asks: where Kafka is, one copy of each topic, a port.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from streams.errors import BenchmarkError
from streams.local import ManagedProcess, free_port
from streams.local.processes import Started
from streams.settings import Settings

MEASURE = "ae_4h_all_types"
"""The indicator that is looked at: every attendance but those of type 5 is in its denominator."""
ENGLAND = "england"
_ANSWER_SECONDS = 30.0
_HTTP_OK = 200
_USER_TICKS, _SYSTEM_TICKS = 11, 12
"""Places of `utime` and `stime` in /proc/PID/stat, counted from behind the command's name (proc(5))."""

Figures = dict[tuple[str, str], int]
"""(organisation or `england`, `numerator` or `denominator`) to the served figure."""


class Topics(NamedTuple):
    """Which topics and groups are the service's own, and how many partitions its inputs have."""

    prefix: str
    partitions: int

    def settings(self, bootstrap: str) -> Settings:
        """Give the settings under which the service makes these topics on one machine."""
        return Settings(
            bootstrap_servers=bootstrap,
            topic_prefix=self.prefix,
            group=self.prefix,
            partitions=self.partitions,
            replication=1,
        )


class Worker(Started):
    """One worker; several with the same topics share the work as one service.

    Args:
        bootstrap: where Kafka is.
        directory: for its log.
        topics: its topics and groups.
        number: tells workers of the same topics apart.
    """

    def __init__(self, bootstrap: str, directory: Path, topics: Topics, number: int = 1) -> None:
        self.port = free_port()
        told = topics.settings(bootstrap).model_dump(exclude_unset=True) | {"port": self.port}
        self.process = ManagedProcess(
            f"{topics.prefix}-{number}",
            (str(Path(sys.executable).with_name("oversight")), "worker"),
            directory=directory,
            environment={f"OVERSIGHT_{name.upper()}": str(value) for name, value in told.items()},
        )
        self._connection: http.client.HTTPConnection | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        self.process.start()

    def stop(self) -> None:
        """Stop it as Ctrl-C would, and hang up."""
        self._hang_up()
        self.process.stop()

    def kill(self) -> None:
        """End it at once, and hang up."""
        self._hang_up()
        self.process.kill()

    def get(self, path: str) -> tuple[int, bytes]:
        """Give status and content of a page, over one connection; status 0 while nothing answers."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return 0, b""

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    def is_ready(self) -> bool:
        """Whether /readyz says that it is."""
        return self.get("/readyz")[0] == _HTTP_OK

    def metrics(self, *names: str) -> bytes:
        """Give what /metrics says, of these families or of all; nothing while it does not answer."""
        return self.get("/metrics?" + urlencode([("name[]", one) for one in names]))[1]

    def cpu_seconds(self) -> float:
        """Give its processor time so far: user and system, all threads, from its start.

        Raises:
            BenchmarkError: it does not run, or this system has no /proc.
        """
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        except OSError as error:
            raise BenchmarkError(f"{self.process.name} has no processor time to read: {error}") from None
        fields = stat.rpartition(")")[2].split()
        return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / os.sysconf("SC_CLK_TCK")


def figures(text: bytes, measure: str, window: str) -> Figures:
    """Read unstratified, operational figures of organisations and of England from an answer of /metrics."""
    found: Figures = {}
    for part in ("numerator", "denominator"):
        name = f"oversight_{measure}_{part}".encode()
        _, _, rest = text.partition(b"# HELP " + name + b" ")
        block = rest.partition(b"\n# HELP ")[0]
        for org, value in _series(name, window).findall(block):
            found[org.decode(), part] = round(float(value))
    return found


def total(text: bytes, name: str) -> float:
    """Add up the samples of one of the service's own metrics in an answer of /metrics."""
    samples = re.findall(rb"^%b(?:\{[^}]*\})? (\S+)$" % name.encode(), text, re.MULTILINE)
    return sum(map(float, samples))


@cache
def _series(name: bytes, window: str) -> re.Pattern[bytes]:
    """Match the series of one family and window that are neither of sites nor of roll-ups below England."""
    organisation = rb'org="([^"]+)",level="(?:trust|provider|england)"'
    rest = b',window="%b",stratum="",basis="operational"' % window.encode()
    return re.compile(rb"^%b\{%b%b\} (\S+)$" % (name, organisation, rest), re.MULTILINE)
