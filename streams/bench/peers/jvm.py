"""How a peer in Java is started: jars fetched and sources compiled once, into the cache of `streams.local`.

The directory there is named by a hash of what it is made of, the sources and the list of jars in `java/`.
The compiler is one of the jars, so that a Java runtime is enough.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
from pathlib import Path

from streams.errors import BenchmarkError, LocalServerError
from streams.local.cache import cache_directory, install_once
from streams.local.kafka_jars import find_java

PEERS = {
    "kafka_streams_memory": "KafkaStreamsPeer",
    "kafka_streams_rocksdb": "KafkaStreamsPeer",
    "flink": "FlinkPeer",
}
"""Contender to its class; the task's `contender` tells the two of Kafka Streams apart."""

_log = logging.getLogger(__name__)

_SOURCES = Path(__file__).parent / "java"
_POM = _SOURCES / "pom.xml"
_PACKAGE = "oversight.peers"
_STEP_SECONDS = 900
_LEAVE_OUT = "or leave them out with --no-peers"

# The serial collector cost least processor time and memory of serial, parallel and G1: one thread makes
# nearly all garbage, and little of it stays. A larger young generation gained nothing; the compiler's levels
# are as by default. Without -Xlog:disable warnings of the virtual machine go to stdout, the result's.
_OPTIONS = (
    "-XX:+UseSerialGC",
    "-Xlog:disable",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_HEAP = {"KafkaStreamsPeer": "-Xmx512m", "FlinkPeer": "-Xmx1g"}


def command(contender: str) -> list[str]:
    """Give the command that starts a contender, without its task.

    Raises:
        BenchmarkError: it is unknown, or cannot be built.
        LocalServerError: there is no Java of 17 or newer, or no Maven.
    """
    if contender not in PEERS:
        raise BenchmarkError(f"{contender} is none of {', '.join(PEERS)}")
    java, built, peer = find_java(), build(), PEERS[contender]
    return [
        java,
        *_OPTIONS,
        _HEAP[peer],
        "-cp",
        f"{built / 'classes'}:{built / 'lib'}/*",
        f"{_PACKAGE}.{peer}",
    ]


def build() -> Path:
    """Give the directory that holds the peers' classes and jars (160 MB); make it the first time.

    Raises:
        BenchmarkError: Maven or the compiler failed, or the cache cannot be written.
        LocalServerError: there is no Java of 17 or newer, or no Maven.
    """
    digest = hashlib.sha256()
    for path in (_POM, *_source_files()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    directory = cache_directory() / f"peers-java-{digest.hexdigest()[:12]}"
    try:
        return install_once(directory, _make)
    except OSError as error:
        raise BenchmarkError(
            f"the peers in Java cannot be written to {directory} ({error.strerror}):"
            " make room, or choose another place with OVERSIGHT_CACHE"
        ) from None


def versions() -> dict[str, tuple[set[str], str]]:
    """Give each stream processor's contenders and its version, by name, as the list of jars has it."""
    pins = dict(re.findall(r"<([\w-]+)\.version>([^<]+)<", _POM.read_text(encoding="utf-8")))
    return {
        "kafka-streams": ({"kafka_streams_memory", "kafka_streams_rocksdb"}, pins["kafka-streams"]),
        "flink": ({"flink"}, pins["flink"]),
    }


def _source_files() -> list[Path]:
    return sorted((_SOURCES / "src").rglob("*.java"))


def _make(directory: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalServerError(
            "Maven fetches the jars of the peers in Java, and there is no mvn on the PATH; "
            f"install it (on Debian: apt-get install maven), {_LEAVE_OUT}"
        )
    java = find_java()
    _log.info("fetching the jars of the peers in Java and compiling them, once")
    # Maven writes beside its list, and the sources may stand in an installed wheel.
    copied = directory / "pom.xml"
    shutil.copyfile(_POM, copied)
    lib = directory / "lib"
    _run(
        "Maven",
        f"see that its central repository can be reached from here, {_LEAVE_OUT}",
        *(maven, "-q", "-B", "-f", str(copied), "dependency:copy-dependencies"),
        *(f"-DoutputDirectory={lib}", "-DincludeScope=runtime"),
    )
    jars = sorted(map(str, lib.glob("*.jar")))
    compiler = next(lib.glob("ecj-*.jar"), None)
    if compiler is None:
        raise BenchmarkError(f"Maven brought no compiler (ecj) for the peers in Java; restore {_POM.name}")
    _run(
        "the compiler",
        f"restore {_SOURCES.name}/ beside {Path(__file__).name}, {_LEAVE_OUT}",
        *(java, "-jar", str(compiler), "-17", "-proc:none", "-nowarn", "-encoding", "UTF-8"),
        *("-cp", ":".join(jars), "-d", str(directory / "classes")),
        *map(str, _source_files()),
    )


def _run(what: str, advice: str, *arguments: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - Maven and Java by their full paths, no shell
            arguments,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=_STEP_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(
            f"{what} did not end in {_STEP_SECONDS} s for the peers in Java; {advice}"
        ) from None
    if done.returncode != 0:
        said = "\n    ".join(done.stdout.decode(errors="replace").splitlines()[-15:])
        raise BenchmarkError(
            f"{what} failed for the peers in Java (status {done.returncode}); {advice}."
            f" It said:\n    {said or 'nothing'}"
        )
