"""How a peer in Python is started: Faust in the project's environment, the others in one of their own.

That one is made once, in the cache of `streams.local`, under the name of a hash of its requirements.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from streams.errors import BenchmarkError
from streams.local.cache import cache_directory, install_once

PEERS = {"faust": "faust_table.py", "quix": "quix_windows.py", "bytewax": "bytewax_fold.py"}
"""Contender to its script, beside this file."""

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"
_INSTALL_SECONDS = 600


def command(contender: str) -> list[str]:
    """Give the command that starts a contender, without its task.

    Raises:
        BenchmarkError: it is unknown, or its environment cannot be made.
    """
    if contender not in PEERS:
        raise BenchmarkError(f"{contender} is none of {', '.join(PEERS)}")
    python = sys.executable if contender == "faust" else str(python_of_peers())
    return [python, str(_HERE / PEERS[contender])]


def versions() -> dict[str, tuple[set[str], str]]:
    """Give each stream processor's contenders and its version, by name: installed, or as it is required."""
    pins = dict(re.findall(r"^(\w+)==(\S+)", _REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))
    return {
        "faust": ({"faust"}, version("faust-streaming")),
        "quixstreams": ({"quix"}, pins["quixstreams"]),
        "bytewax": ({"bytewax"}, pins["bytewax"]),
    }


def python_of_peers() -> Path:
    """Give the Python that has Quix Streams and Bytewax; make its environment the first time.

    Raises:
        BenchmarkError: it cannot be made here.
    """
    python_version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    directory = cache_directory() / f"peers-python{python_version}-{digest}"
    try:
        python = _python(install_once(directory, _make))
    except OSError as error:
        raise BenchmarkError(
            f"the peers' environment {directory} cannot be written ({error.strerror}):"
            " make room, or choose another place with OVERSIGHT_CACHE"
        ) from None
    if not python.exists():  # the Python it was made of has gone
        raise BenchmarkError(f"the peers' environment {directory} is broken: remove it and run this again")
    return python


def _python(directory: Path) -> Path:
    return directory / "bin" / "python"


def _make(directory: Path) -> None:
    try:
        venv.create(directory, symlinks=True, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise _failed("making a virtual environment", directory, error.output) from None
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
    try:
        done = subprocess.run(  # noqa: S603 - our own requirements
            (str(_python(directory)), *install, "--requirement", str(_REQUIREMENTS)),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _failed(f"pip, after {_INSTALL_SECONDS} s,", directory, b"") from None
    if done.returncode != 0:
        raise _failed("pip", directory, done.stdout)


def _failed(what: str, directory: Path, said: bytes | None) -> BenchmarkError:
    lines = "\n    ".join((said or b"").decode(errors="replace").splitlines()[-10:])
    return BenchmarkError(
        f"{what} failed for {_REQUIREMENTS.name} of the peers in {directory.parent};"
        " see that python3-venv and the package index can be had here, or leave the peers out."
        f" It said:\n    {lines or 'nothing'}"
    )
