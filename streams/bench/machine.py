"""What a figure depends on: versions and the machine, without anything that names it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from streams.bench.peers import environment, jvm
from streams.local.kafka_jars import fetch_kafka, find_java

_GIBIBYTE = 1 << 30
_LIBRARIES = ("aiokafka", "msgspec", "pydantic", "uvloop")


def versions(*, kafka: bool) -> dict[str, str]:
    """Give the versions of Python and the libraries, and of Kafka and Java where they took part."""
    found = {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}
    if kafka:
        found["kafka"] = fetch_kafka().name.split("-")[1]
        said = subprocess.run((find_java(), "-version"), check=False, capture_output=True, text=True).stderr  # noqa: S603
        java = re.search(r'version "([^"]+)"', said)
        found["java"] = java[1] if java else "unknown"
    return found


def peer_versions(contenders: Iterable[str]) -> dict[str, str]:
    """Give the versions of those contenders that are other stream processors."""
    known = environment.versions() | jvm.versions()
    return {name: number for name, (peers, number) in known.items() if not peers.isdisjoint(contenders)}


def machine() -> dict[str, str | int | float]:
    """Give cores, memory, processor, system, and how busy the machine was in the last minute."""
    found: dict[str, str | int | float] = {
        "cores": os.cpu_count() or 0,
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "system": platform.system(),
        "load_average": round(os.getloadavg()[0], 1),
    }
    memory = _first("/proc/meminfo", "MemTotal")
    if memory is not None:
        found["memory_gib"] = round(int(memory.split()[0]) * 1024 / _GIBIBYTE)
    return found


def _first(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)
