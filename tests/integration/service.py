"""The service as people run it: a process of its own, asked over HTTP and stopped by signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families

from streams.local import ManagedProcess, free_port

Labels = tuple[tuple[str, str], ...]
Got = TypeVar("Got")

OVERSIGHT = shutil.which("oversight", path=str(Path(sys.executable).parent)) or "oversight"
"""The command of the environment that runs the tests."""
NUMBER_OF_PARTITIONS = 4


def eventually(ask: Callable[[], Got | None], *, within: float = 30, saying: object = "") -> Got:
    """Ask until the answer is neither None nor False, and give it; fail when the deadline has passed."""
    ends_at = time.monotonic() + within
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > ends_at:
            what = saying() if callable(saying) else saying
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.05)


class Metrics:
    """One answer of /metrics, read by the Prometheus client's own parser."""

    def __init__(self, text: str) -> None:
        self.samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                found = self.samples.setdefault(sample.name, {})
                assert labels not in found, f"{sample.name}{labels} stands twice in one exposition"
                found[labels] = sample.value

    def select(self, name: str, **labels: str) -> dict[Labels, float]:
        """Give the samples of a name that carry these labels."""
        wanted = set(labels.items())
        return {one: value for one, value in self.samples.get(name, {}).items() if wanted <= set(one)}

    def get(self, name: str, **labels: str) -> float | None:
        """Give the only sample of a name that carries these labels; None when there is none."""
        found = self.select(name, **labels)
        assert len(found) <= 1, f"{name}{labels} is not one series: {sorted(found)}"
        return next(iter(found.values()), None)

    def total(self, name: str, **labels: str) -> float:
        """Give the sum of a name's samples that carry these labels; 0 when there is none."""
        return sum(self.select(name, **labels).values())

    @property
    def indicators(self) -> dict[str, dict[Labels, float]]:
        """Give the values, numerators and denominators of every indicator."""
        return {
            name: samples
            for name, samples in self.samples.items()
            if any({"org", "basis", "window"} <= {key for key, _ in labels} for labels in samples)
            and not name.startswith("oversight_indicator_")
        }


class Service:
    """`oversight worker` with topics and groups of its own; several may share them as one service.

    Args:
        bootstrap: where Kafka is.
        directory: for the log.
        name: prefix of topics and group; a new one unless given.
        port: of its page; a free one unless given.
        **settings: more settings, as in `OVERSIGHT_<NAME>`.
    """

    def __init__(
        self,
        bootstrap: str,
        directory: Path,
        *,
        name: str | None = None,
        port: int | None = None,
        **settings: object,
    ) -> None:
        self.bootstrap = bootstrap
        self.name = name or f"t{uuid4().hex[:10]}"
        self.port = port or free_port()
        self.directory = directory
        given = {
            "bootstrap_servers": bootstrap,
            "group": self.name,
            "topic_prefix": self.name,
            "partitions": NUMBER_OF_PARTITIONS,
            "replication": 1,
            "session_timeout_seconds": 6,
            "tick_seconds": 0.3,
            "port": self.port,
        }
        self.environment = {
            f"OVERSIGHT_{key.upper()}": str(value) for key, value in {**given, **settings}.items()
        }
        self.process = ManagedProcess(
            f"worker-{self.port}", (OVERSIGHT, "worker"), directory=directory, environment=self.environment
        )

    def topic(self, name: str) -> str:
        """Give the full name of one of its topics."""
        return f"{self.name}.{name}"

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has said."""
        return self.process.log_path.read_text(encoding="utf-8")

    def start(self) -> Self:
        """Start it and wait until it says that it is ready."""
        self.process.start()

        def is_ready() -> bool:
            assert self.process.is_running, self.log
            return self.readyz()[0] == 200

        try:
            eventually(is_ready, within=45, saying=lambda: (self.readyz(), self.log[-3000:]))
        except BaseException:
            self.process.kill()
            raise
        return self

    def stop(self, *, within: float = 30) -> int:
        """Press Ctrl-C, wait, and give the exit code."""
        process = self.process._process
        assert process is not None
        self.process.signal(signal.SIGINT)
        return process.wait(within)

    def kill(self) -> None:
        """End it as a crash would: kill -9 of its pid."""
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.process.wait_ended()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.process.kill()

    def get(self, path: str) -> tuple[int, str]:
        """Give status and text of a page; status 0 while nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> Metrics:
        """Give what /metrics says."""
        return Metrics(self.get("/metrics")[1])

    def readyz(self) -> tuple[int, list[str]]:
        """Give the status of /readyz and the problems it names."""
        status, text = self.get("/readyz")
        return status, json.loads(text)["problems"] if text else []

    def wait_for(self, ask: Callable[[Metrics], bool], *, within: float = 30) -> Metrics:
        """Give the first answer of /metrics about which `ask` says yes."""

        def answer() -> Metrics | None:
            found = self.metrics()
            return found if ask(found) else None

        return eventually(answer, within=within, saying=lambda: self.log[-3000:])

    def wait_value(self, value: float, name: str, *, within: float = 30, **labels: str) -> Metrics:
        """Give the first answer of /metrics in which one series has this value."""

        def answer() -> Metrics | None:
            found = self.metrics()
            return found if found.get(name, **labels) == value else None

        return eventually(
            answer,
            within=within,
            saying=lambda: f"{name}{labels} is {self.metrics().get(name, **labels)}, not {value}",
        )

    def wait_consumed(self, count: int, *, within: float = 30) -> Metrics:
        """Give an answer of /metrics from after so many records were read, published and committed."""
        found = self.wait_for(
            lambda one: one.total("oversight_records_consumed_total") >= count, within=within
        )
        assert count == found.total("oversight_records_consumed_total")
        return self.wait_ticks(2)

    def wait_ticks(self, count: int) -> Metrics:
        """Give an answer of /metrics after so many more checkpoints."""
        name = "oversight_tick_duration_seconds_count"
        want = self.metrics().total(name) + count
        return self.wait_for(lambda one: one.total(name) >= want)

    def run(self, *arguments: str, lines: Iterable[bytes | Mapping[str, Any]] = ()) -> Finished:
        """Run another command of `oversight` against the same Kafka and topics."""
        return oversight(*arguments, environment=self.environment, lines=lines)

    def publish(self, lines: Iterable[bytes | Mapping[str, Any]]) -> Finished:
        """Run `oversight publish -` on these lines."""
        return self.run("publish", "-", lines=lines)


Finished = subprocess.CompletedProcess[str]


def oversight(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    lines: Iterable[bytes | Mapping[str, Any]] = (),
) -> Finished:
    """Run a command of `oversight` to its end."""
    text = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    done = subprocess.run(
        [OVERSIGHT, *arguments],
        check=False,
        capture_output=True,
        input=text,
        env={**os.environ, **(environment or {})},
        timeout=60,
    )
    return Finished(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
