"""A real Apache Kafka on this machine: one or several KRaft nodes that can be killed, frozen and restarted.

    with ApacheKafka(directory, nodes=3) as kafka:
        kafka.kill(2)      # as a crash would
        kafka.restart(2)   # same data, same port

Every node is broker and controller at once. The configuration is Kafka's own, except where that would not do
on one machine: replication of the internal topics, and the waits that only make a test slow.
"""

from __future__ import annotations

import base64
import logging
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from streams.errors import LocalServerError
from streams.local.kafka_jars import fetch_kafka, find_java
from streams.local.kafka_probe import known_brokers
from streams.local.processes import HOST, ManagedProcess, Started, free_ports, require_free

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

_READY_SECONDS = 90.0
_FORMAT_SECONDS = 60.0

DEFAULT_JAVA_OPTIONS = ("-Xms256m", "-Xmx1g")

_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


@dataclass(frozen=True, slots=True)
class _Node:
    """One node: its number, its ports, where it keeps everything, and its process."""

    number: int
    port: int
    controller_port: int
    directory: Path
    process: ManagedProcess


class ApacheKafka(Started):
    """Apache Kafka on 127.0.0.1.

    Args:
        directory: where each node keeps its data, configuration and log; a second start finds them again.
        nodes: how many nodes, numbered from 1.
        port: where the first node listens, the others on the ports that follow; free ones when None.
        properties: broker settings over the ones chosen here.
        java_options: heap and the like, for each node.
        cache: where the jars are kept; see `streams.local.cache`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 1,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
        java_options: Sequence[str] = DEFAULT_JAVA_OPTIONS,
        cache: Path | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self._properties = dict(properties or {})
        self._java_options = tuple(java_options)
        self._cache = cache
        found = free_ports(2 * nodes)
        ports = found[:nodes] if port is None else tuple(range(port, port + nodes))
        controller_ports = [candidate for candidate in found if candidate not in ports][-nodes:]
        self._nodes = tuple(
            _Node(
                number=number,
                port=ports[number - 1],
                controller_port=controller_ports[number - 1],
                directory=self.directory / f"node-{number}",
                process=ManagedProcess("kafka", (), directory=self.directory / f"node-{number}"),
            )
            for number in range(1, nodes + 1)
        )

    @property
    def bootstrap(self) -> str:
        """What a Kafka client is told: `127.0.0.1:PORT`, one for each node, with commas between."""
        return ",".join(f"{HOST}:{node.port}" for node in self._nodes)

    @property
    def port(self) -> int:
        """The first node's port."""
        return self._nodes[0].port

    @property
    def log_path(self) -> Path:
        """Where the first node writes what it has to say; the others do in `node-2`, `node-3` …."""
        return self._nodes[0].process.log_path

    @property
    def pids(self) -> dict[int, int]:
        """The process id of each node that runs, by the node's number."""
        return {node.number: node.process.pid for node in self._nodes if node.process.pid is not None}

    def start(self) -> Self:
        """Start every node that does not run, and wait until each answers and knows all that run.

        The first start of all fetches the jars (a minute); later ones take about four seconds.

        Raises:
            LocalServerError: Java or Maven is missing, or a node did not come up.
            PortTakenError: another program listens on a node's port.
        """
        java = find_java()
        class_path = f"{fetch_kafka(self._cache)}/*"
        self._start(self._nodes, java, class_path)
        return self

    def stop(self, *, grace_seconds: float = 15) -> None:
        """Stop every node, frozen or not, all at once; the data stay. Harmless when repeated."""
        # One after the other would leave the last without a quorum, waiting for leave to go.
        for node in self._nodes:
            node.process.terminate()
        ends_at = time.monotonic() + grace_seconds
        for node in self._nodes:
            node.process.wait_ended(grace_seconds=max(0.1, ends_at - time.monotonic()))

    def kill(self, *numbers: int) -> None:
        """End these nodes (all when none is named) at once, as a crash would."""
        for node in self._chosen(numbers):
            node.process.kill()

    def freeze(self, *numbers: int) -> None:
        """Stop these nodes (all when none is named) in mid-air: connections stay open, nothing answers."""
        for node in self._chosen(numbers):
            node.process.signal(signal.SIGSTOP)

    def thaw(self, *numbers: int) -> None:
        """Let frozen nodes (all when none is named) go on."""
        for node in self._chosen(numbers):
            node.process.signal(signal.SIGCONT)

    def restart(self, *numbers: int) -> None:
        """Stop these nodes (all when none is named) where they run, and start them on the same data and port.

        Raises:
            LocalServerError: a node did not come up.
        """
        chosen = self._chosen(numbers)
        for node in chosen:
            node.process.terminate()
        for node in chosen:
            node.process.wait_ended()
        self._start(chosen, find_java(), f"{fetch_kafka(self._cache)}/*")

    def _chosen(self, numbers: tuple[int, ...]) -> tuple[_Node, ...]:
        unknown = set(numbers) - {node.number for node in self._nodes}
        if unknown:
            raise LocalServerError(f"there is no node {sorted(unknown)}; nodes are 1 to {len(self._nodes)}")
        return tuple(node for node in self._nodes if not numbers or node.number in numbers)

    def _start(self, nodes: Sequence[_Node], java: str, class_path: str) -> None:
        starting = [node for node in nodes if not node.process.is_running]
        for node in starting:
            require_free(node.port, "Apache Kafka")
            require_free(node.controller_port, "Apache Kafka's controller")
            self._prepare(node, java, class_path)
        try:
            for node in starting:
                node.process.command = (
                    *(java, *self._java_options, f"-Dlog4j2.configurationFile={self._logging_file(node)}"),
                    *("-cp", class_path, "kafka.Kafka", str(_configuration_file(node))),
                )
                node.process.start()
            for node in starting:
                self._wait_ready(node)
        except BaseException:
            for node in starting:
                node.process.kill()
            raise

    def _wait_ready(self, node: _Node) -> None:
        def is_ready() -> bool:
            return known_brokers(node.port) >= set(self.pids)

        node.process.wait_ready(is_ready, deadline_seconds=_READY_SECONDS)
        _log.info("Apache Kafka node %d answers on %s:%d", node.number, HOST, node.port)

    def _prepare(self, node: _Node, java: str, class_path: str) -> None:
        """Write the node's configuration and, the first time, format its storage."""
        node.directory.mkdir(parents=True, exist_ok=True)
        self._logging_file(node).write_text(_LOGGING, encoding="utf-8")
        lines = [f"{name}={value}" for name, value in self._settings(node).items()]
        _configuration_file(node).write_text("\n".join([*lines, ""]), encoding="utf-8")
        if (node.directory / "data" / "meta.properties").is_file():
            return
        command = (
            *(
                java,
                "-XX:TieredStopAtLevel=1",
                f"-Dlog4j2.configurationFile={self._logging_file(node)}",
                "-cp",
                class_path,
            ),
            *("kafka.tools.StorageTool", "format"),
            *("-t", self._cluster_id(), "-c", str(_configuration_file(node))),
        )
        finished = subprocess.run(  # noqa: S603 - Java by its full path, no shell
            command, check=False, capture_output=True, text=True, timeout=_FORMAT_SECONDS
        )
        if finished.returncode != 0:
            said = "\n    ".join((finished.stdout + finished.stderr).splitlines()[-15:])
            raise LocalServerError(f"Kafka could not format {node.directory}; it said:\n    {said}")

    def _cluster_id(self) -> str:
        """Return the cluster's identity, made once and kept in the directory."""
        path = self.directory / "cluster-id"
        if not path.is_file():
            # The tool would take an identity beginning with a dash for an option.
            made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            path.write_text(f"A{made[1:]}", encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def _settings(self, node: _Node) -> dict[str, str]:
        voters = ",".join(f"{each.number}@{HOST}:{each.controller_port}" for each in self._nodes)
        copies = min(3, len(self._nodes))
        return {
            "process.roles": "broker,controller",
            "node.id": str(node.number),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(node.directory / "data"),
            "offsets.topic.replication.factor": str(copies),
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": str(min(2, copies)),
            "share.coordinator.state.topic.replication.factor": str(copies),
            "share.coordinator.state.topic.min.isr": str(min(2, copies)),
            "group.initial.rebalance.delay.ms": "0",
            # A killed node may come back only when its session has run out: 9 s with Kafka's own figure.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            **self._properties,
        }

    @staticmethod
    def _logging_file(node: _Node) -> Path:
        return node.directory / "log4j2.properties"


def _configuration_file(node: _Node) -> Path:
    return node.directory / "server.properties"
