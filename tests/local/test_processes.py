"""Ports and child processes: what is taken says so, what dies says why, nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.errors import LocalServerError, PortTakenError
from streams.local import ManagedProcess, free_port, free_ports, require_free

if TYPE_CHECKING:
    from collections.abc import Callable

_PARENT = """
import pathlib, sys, time
from streams.local import ManagedProcess

child = ManagedProcess("child", ("sleep", "60"), directory=pathlib.Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def _wait_until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about in time"
        time.sleep(0.02)


def _state(pid: int | None) -> str:
    """Return the state letter of a process, Z for one that ended and was not fetched, X for none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def test_free_ports_are_different_and_outside_the_kernels_own_range() -> None:
    """A client's outgoing connection can never be given a server's port."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="utf-8").split()[0])

    ports = free_ports(20)

    assert 20 == len(set(ports))
    assert max(ports) < lowest


def test_taken_port_says_which_and_what_to_do() -> None:
    """The message names the port, what it was wanted for, and a way out."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTakenError) as raised:
        require_free(port, "the test server")

    message = str(raised.value)

    assert (
        f"port {port} on 127.0.0.1 is already in use, so the test server cannot start there; choose another "
        f"port, or stop the program that holds it (find it with: ss -ltnp 'sport = :{port}')" == message
    )


def test_port_is_free_again_when_its_holder_has_gone() -> None:
    """Nothing lingers after the listener is closed."""
    port = free_port()
    socket.create_server(("127.0.0.1", port)).close()

    require_free(port)


def test_child_that_dies_early_is_quoted(tmp_path: Path) -> None:
    """The error carries the exit status and the last words of the log."""
    child = ManagedProcess("teller", ("sh", "-c", "echo no such setting; exit 3"), directory=tmp_path)
    child.start()

    with pytest.raises(LocalServerError, match="teller ended with status 3 before it was ready") as raised:
        child.wait_ready(lambda: False, deadline_seconds=5)

    assert "no such setting" == str(raised.value).splitlines()[-1].strip()


def test_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A missing program is no silent hang."""
    child = ManagedProcess("ghost", ("/no/such/program",), directory=tmp_path)
    child.start()

    with pytest.raises(LocalServerError, match="/no/such/program"):
        child.wait_ready(lambda: False, deadline_seconds=5)


def test_child_that_is_never_ready_is_ended_at_the_deadline(tmp_path: Path) -> None:
    """A deadline leaves no process behind."""
    child = ManagedProcess("sleeper", ("sleep", "60"), directory=tmp_path)
    child.start()

    with pytest.raises(LocalServerError, match=r"sleeper was not ready after 0\.2 s"):
        child.wait_ready(lambda: False, deadline_seconds=0.2)

    assert not child.is_running


def test_child_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    """Stopping always comes to an end."""
    stubborn = (
        "from signal import *; import time; signal(SIGTERM, SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    child = ManagedProcess("stubborn", (sys.executable, "-c", stubborn), directory=tmp_path)
    child.start()
    child.wait_ready(lambda: child.log_path.read_text().endswith("\n1\n"), deadline_seconds=5)

    child.stop(grace_seconds=0.2)

    assert not child.is_running
    assert child.pid is None


def test_frozen_child_can_be_stopped(tmp_path: Path) -> None:
    """A process in mid-air is thawed so that it can end in order."""
    with ManagedProcess("frozen", ("sleep", "60"), directory=tmp_path) as child:
        _wait_until(lambda: "S" == _state(child.pid))
        child.signal(signal.SIGSTOP)
        _wait_until(lambda: "T" == _state(child.pid))

        child.stop(grace_seconds=5)

        assert not child.is_running


def test_stop_is_harmless_before_the_start_and_when_repeated(tmp_path: Path) -> None:
    """Cleaning up needs no knowledge of how far things got."""
    child = ManagedProcess("idle", ("sleep", "60"), directory=tmp_path)

    child.stop()
    child.start()
    child.stop()
    child.stop()

    assert not child.is_running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Even kill -9 of the one who started it leaves nothing behind."""
    with subprocess.Popen(
        (sys.executable, "-c", _PARENT, str(tmp_path)), stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _state(pid) in "RS"

        os.kill(parent.pid, signal.SIGKILL)

        _wait_until(lambda: _state(pid) in "ZX")
