"""The peers in Java: how they are built and started, and that what they count is right."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import have

from streams.bench import machine
from streams.bench.measured import Task
from streams.bench.oracle import Expected
from streams.bench.peers import environment, jvm
from streams.bench.report import DRAWN, TITLES
from streams.bench.rounds import PEERS, run_rounds
from streams.bench.topic import fill
from streams.bench.workload import Workload, messages
from streams.errors import BenchmarkError, LocalServerError
from streams.local import ApacheKafka
from streams.local.kafka_jars import find_java

_JAVA = Path(jvm.__file__).parent / "java"
_EVENTS = 3_000


def _program(directory: Path, name: str, script: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but a Java 17 on its PATH, and an empty cache."""
    programs = tmp_path / "bin"
    programs.mkdir()
    _program(programs, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("OVERSIGHT_CACHE", str(tmp_path / "cache"))
    return programs


def test_every_peer_has_its_class_and_its_place_in_the_report() -> None:
    """A contender that runs can be named in the table and in the plot."""
    assert set(PEERS) == set(environment.PEERS) | set(jvm.PEERS)
    assert set(PEERS) <= TITLES.keys() & DRAWN.keys()
    for name in jvm.PEERS.values():
        assert (_JAVA / "src" / "oversight" / "peers" / f"{name}.java").is_file()


def test_an_unknown_peer_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(
        BenchmarkError, match="quix is none of kafka_streams_memory, kafka_streams_rocksdb, flink"
    ):
        jvm.command("quix")


def test_only_peers_that_ran_are_named_with_their_versions() -> None:
    """Kafka Streams is one peer with two stores; ours and the raw consumer are none."""
    assert {"kafka-streams": "4.1.0"} == machine.peer_versions(["raw", "panes", "kafka_streams_rocksdb"])
    assert {"faust", "quixstreams", "bytewax", "kafka-streams", "flink"} == set(machine.peer_versions(PEERS))
    assert {} == machine.peer_versions(["raw", "panes"])


@pytest.mark.usefixtures("bare")
def test_missing_maven_says_what_to_install(tmp_path: Path) -> None:
    """And leaves no half-made cache."""
    with pytest.raises(LocalServerError, match=r"no mvn on the PATH; install it .* or leave them out"):
        jvm.command("flink")
    assert [] == list((tmp_path / "cache").iterdir())


def test_failed_maven_is_quoted(bare: Path, tmp_path: Path) -> None:
    """What failed, what to do and what was said; nothing is taken for a build."""
    _program(bare, "mvn", "echo 'Could not resolve dependencies'; exit 1")
    with pytest.raises(
        BenchmarkError, match=r"(?s)Maven failed .* central repository .* Could not resolve dependencies"
    ):
        jvm.build()
    assert [] == list((tmp_path / "cache").iterdir())


def test_a_list_without_the_compiler_says_so(bare: Path, tmp_path: Path) -> None:
    """A Maven that ends well and brings nothing is a failure too."""
    _program(bare, "mvn", "exit 0")
    with pytest.raises(BenchmarkError, match="brought no compiler"):
        jvm.build()
    assert [] == list((tmp_path / "cache").iterdir())


@pytest.mark.broker
def test_peers_in_java_count_what_the_oracle_counts(tmp_path: Path, kafka: ApacheKafka) -> None:
    """Each reads the whole topic, its sums are right (else there is an error) and it measures itself."""
    have(find_java)
    sent = messages(Workload("java", _EVENTS, 20), datetime(2026, 6, 15, 12, tzinfo=UTC))
    asyncio.run(fill(kafka.bootstrap, "bench.java", sent))
    task = Task(
        contender="",
        events=_EVENTS,
        values="",
        bootstrap=kafka.bootstrap,
        topic="bench.java",
        sums=str(tmp_path / "sums.json"),
        states=str(tmp_path / "states"),
    )
    want = Expected([one.value for one in sent])
    runs = run_rounds(task, tuple(jvm.PEERS), want=want, rounds=1, warm_up=0, say=lambda _text: None)

    for (one,) in runs.values():
        assert _EVENTS == one.events
        assert one.wall_seconds > 0
        assert one.cpu_seconds > 0
        assert one.peak_bytes > one.grown_bytes
    assert [] == list((tmp_path / "states").iterdir())
