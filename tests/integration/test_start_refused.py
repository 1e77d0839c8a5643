"""A worker that cannot start says why in one sentence and what to do, and ends with exit code 1."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from broker import create_topic
from service import Service

from streams.local import ApacheKafka, free_port


def refusal(service: Service) -> str:
    """Start a worker that must not start, and give the one sentence it says."""
    done = service.run("worker")
    assert 1 == done.returncode, done.stderr
    assert "" == done.stdout
    lines = done.stderr.splitlines()
    assert 1 == len(lines), done.stderr
    return lines[0]


@pytest.mark.parametrize("name", ["events", "returns"])
async def test_a_topic_with_the_producers_time(kafka: ApacheKafka, tmp_path: Path, name: str) -> None:
    """The sentence names topic, setting and the command that changes it."""
    service = Service(kafka.bootstrap, tmp_path)
    topic = service.topic(name)
    await create_topic(kafka.bootstrap, topic, 4, **{"message.timestamp.type": "CreateTime"})

    assert refusal(service) == (
        f"oversight: topic {topic} has message.timestamp.type=CreateTime, the service needs LogAppendTime:"
        f" kafka-configs --alter --entity-type topics --entity-name {topic}"
        " --add-config message.timestamp.type=LogAppendTime"
    )


async def test_snapshots_that_are_not_compacted(kafka: ApacheKafka, tmp_path: Path) -> None:
    """A topic that Kafka made by itself would lose what a standby needs."""
    service = Service(kafka.bootstrap, tmp_path)
    topic = service.topic("snapshots")
    await create_topic(kafka.bootstrap, topic)

    assert f"oversight: topic {topic} has cleanup.policy=delete, the service needs compact" in refusal(
        service
    )


def test_too_few_brokers_for_the_copies(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Three copies on one broker: says which setting to change."""
    service = Service(kafka.bootstrap, tmp_path, replication=3)

    assert re.fullmatch(
        r"oversight: topic \S+ could not be created: .*; on a single broker set OVERSIGHT_REPLICATION=1",
        refusal(service),
    )


def test_no_kafka(tmp_path: Path) -> None:
    """Nobody listens there."""
    address = f"127.0.0.1:{free_port()}"
    service = Service(address, tmp_path)

    said = refusal(service)

    assert said.startswith(f"oversight: Kafka cannot be reached at {address} ")
    assert said.endswith("is it running? Set OVERSIGHT_BOOTSTRAP_SERVERS to its address")


def test_no_kafka_for_publish(tmp_path: Path) -> None:
    """The same for a publisher."""
    service = Service(f"127.0.0.1:{free_port()}", tmp_path)

    done = service.publish([b"{}"])

    assert 1 == done.returncode
    assert "oversight: Kafka cannot be reached at" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port(kafka: ApacheKafka, tmp_path: Path) -> None:
    """Says which, and how to choose another."""
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        service = Service(kafka.bootstrap, tmp_path, port=port)

        assert refusal(service) == (
            f"oversight: port {port} on 127.0.0.1 cannot be used (Address already in use):"
            " stop the program that has it, or choose another with --port or OVERSIGHT_PORT"
        )


def test_a_setting_that_is_no_number(tmp_path: Path) -> None:
    """Names the variable."""
    service = Service("127.0.0.1:1", tmp_path, tick_seconds="often")

    assert "OVERSIGHT_TICK_SECONDS" in refusal(service)


def test_ctrl_c_before_kafka_answers(tmp_path: Path) -> None:
    """A Kafka that takes the connection and says nothing: Ctrl-C still ends the worker, quietly."""
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        service = Service(f"127.0.0.1:{silent.getsockname()[1]}", tmp_path)
        service.process.start()
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            assert 0 == service.stop(within=15)
        assert "Traceback" not in service.log
