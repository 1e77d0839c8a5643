"""Child processes and ports on this machine: found, started, waited for, and never left behind."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streams.errors import LocalServerError, PortTakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

HOST = "127.0.0.1"

_LOWEST_PORT = 20_000
_POLL_SECONDS = 0.05
_LOG_LINES_QUOTED = 15
_LOG_BYTES_READ = 16_384

# Runs in the child before the real program takes its place (the pid stays). PR_SET_PDEATHSIG (1) has the
# kernel kill the child when the parent goes, even by SIGKILL. A preexec_fn would do the same, but may
# deadlock where the parent has threads. The parent may be gone before the call: hence the second look.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports of 127.0.0.1 that nobody listens on now.

    They lie below the range from which the kernel takes ports for outgoing connections: there, a client that
    retries while a server restarts could be given the server's own port and connect to itself.
    """
    highest = _first_ephemeral_port() - 1
    found: set[int] = set()
    for port in random.sample(range(_LOWEST_PORT, highest), k=min(2_000, highest - _LOWEST_PORT)):
        if len(found) == count:
            break
        if _is_free(port):
            found.add(port)
    if len(found) < count:
        raise LocalServerError(f"no {count} free ports between {_LOWEST_PORT} and {highest} on {HOST}")
    return tuple(found)


def require_free(port: int, purpose: str = "a local server") -> None:
    """Refuse a port that another program listens on.

    Raises:
        PortTakenError: says which port, what it was wanted for, and what to do.
    """
    if not _is_free(port):
        raise PortTakenError(
            f"port {port} on {HOST} is already in use, so {purpose} cannot start there; "
            f"choose another port, or stop the program that holds it "
            f"(find it with: ss -ltnp 'sport = :{port}')"
        )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        # As servers do: a port whose last connections are only fading away counts as free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    return lowest if lowest > _LOWEST_PORT + 1_000 else 32_768


class Started(ABC):
    """Something that a `with` block starts and stops."""

    @abstractmethod
    def start(self) -> Any:
        """Start it and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class ManagedProcess(Started):
    """A program started by us, its output in a log file, that cannot outlive us.

    It gets a session of its own, so that Ctrl-C in a terminal reaches us alone and we end it in order. On
    Linux the kernel kills it when the thread that called `start()` ends: start from a thread that stays.

    Args:
        name: what a person calls it; also the log file's name.
        command: the program and its arguments.
        directory: where its log file goes, and where it runs.
        environment: variables set besides the present ones.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.directory = directory
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        """Where its standard output and standard error go; a restart appends."""
        return self.directory / f"{self.name.lower().replace(' ', '-')}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the program; returns at once.

        Raises:
            LocalServerError: it is running already, or its program cannot be started.
        """
        if self.is_running:
            raise LocalServerError(f"{self.name} is already running (pid {self.pid})")
        self.directory.mkdir(parents=True, exist_ok=True)
        wrapped = (sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *self.command)
        with self.log_path.open("ab") as log:
            log.write(f"$ {shlex.join(self.command)}\n".encode())
            log.flush()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
                    wrapped,
                    cwd=self.directory,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise LocalServerError(f"{self.name} cannot be started: {error}") from error

    def wait_ready(self, is_ready: Callable[[], bool], *, deadline_seconds: float) -> None:
        """Wait until `is_ready` says so; a program that does not get there is ended.

        Args:
            is_ready: asked every twentieth of a second; says False, and does not raise, while it is not.
            deadline_seconds: how long to wait at most.

        Raises:
            LocalServerError: it ended early, or the deadline passed; quotes the end of its log.
        """
        ends_at = time.monotonic() + deadline_seconds
        while True:
            if not self.is_running:
                raise LocalServerError(f"{self.name} {self._ending()} before it was ready; {self._log_end()}")
            if is_ready():
                return
            if time.monotonic() > ends_at:
                self.stop(grace_seconds=1)
                raise LocalServerError(
                    f"{self.name} was not ready after {deadline_seconds:g} s; {self._log_end()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, *, grace_seconds: float = 10) -> None:
        """Ask the program to end, wait, and kill it when it has not ended in time; harmless when repeated."""
        self.terminate()
        self.wait_ended(grace_seconds=grace_seconds)

    def terminate(self) -> None:
        """Ask the program to end (SIGTERM), frozen or not; returns at once."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def wait_ended(self, *, grace_seconds: float = 10) -> None:
        """Wait until the program has ended, and kill it when it has not in time."""
        if self._process is None:
            return
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once (SIGKILL), as a crash would, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it runs."""
        # send_signal looks first whether the child has ended, so a pid used anew by another is never hit.
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _ending(self) -> str:
        code = None if self._process is None else self._process.returncode
        if code is None:
            return "was not started"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def _log_end(self) -> str:
        lines = _last_lines(self.log_path)
        if not lines:
            return f"its log {self.log_path} is empty"
        return "\n    ".join([f"its log {self.log_path} ends with:", *lines])


def _last_lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LOG_BYTES_READ))
        text = log.read().decode(errors="replace")
    return text.splitlines()[-_LOG_LINES_QUOTED:]
