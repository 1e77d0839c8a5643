"""What can happen to the directory of saved states: a disk full or read-only, files torn, foreign or damaged.

The states are a cache of the log. Whatever becomes of them, a start must give the same figures.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from world import World

_MOMENT_SECONDS = 3.0


@cache
def lacks_mounts() -> str | None:
    """Say why no file system can be mounted here; None where it can."""
    with tempfile.TemporaryDirectory() as directory:
        if os.geteuid() or _run("mount", "-t", "tmpfs", "-o", "size=64k", "oversight", directory):
            return "leave to mount a file system (run it as root)"
        _run("umount", "-l", directory)
    return None


def disk_full(world: World) -> None:
    """The directory lies on a disk of 16 KiB; the worker is killed, started, and the disk has room again."""
    _with_disk(world, lambda at: (("mount", "-t", "tmpfs", "-o", "size=16k", "oversight", at),))


def read_only(world: World) -> None:
    """The directory turns read-only under a running worker, which is killed and started on it."""
    _with_disk(
        world,
        lambda at: (
            ("mount", "--bind", at, at),
            ("mount", "-o", "remount,bind,ro", at),
        ),
    )


def _with_disk(world: World, commands: Callable[[str], tuple[tuple[str, ...], ...]]) -> None:
    _wait_saved(world)
    world.begin()
    with _mounted(str(world.state_directory(0)), commands):
        time.sleep(_MOMENT_SECONDS)
        if world.random.random() < 0.5:
            world.worker.process.terminate()
            world.worker.process.wait_ended(grace_seconds=30)
        else:
            world.worker.kill()
        world.worker.process.start()
        world.removed()
        world.wait_shown()
    world.worker.kill()
    world.worker.process.start()
    world.removed()
    world.wait_shown()


@contextlib.contextmanager
def _mounted(at: str, commands: Callable[[str], tuple[tuple[str, ...], ...]]) -> Iterator[None]:
    done = 0
    try:
        for command in commands(at):
            assert not _run(*command), f"could not {command}"
            done = 1
        yield
    finally:
        if done:
            _run("umount", "-l", at)


def corrupted(world: World) -> None:
    """The worker ends; every saved state is cut, damaged, emptied, swapped with another or made up."""
    _wait_saved(world)
    world.begin()
    if world.random.random() < 0.5:
        world.worker.process.terminate()
        world.worker.process.wait_ended(grace_seconds=30)
    else:
        world.worker.kill()
    files = sorted(world.state_directory(0).glob("*.state"))
    assert files, "there is no saved state to damage"
    for path in files:
        _damage(world, path, files)
    world.worker.process.start()
    world.removed()
    world.wait_shown()


def _damage(world: World, path: Path, others: list[Path]) -> None:
    content = bytearray(path.read_bytes())
    how = world.random.randrange(6) if content else 2  # one that was emptied before
    if how == 0:
        content = content[: world.random.randrange(len(content))]
    elif how == 1:
        content[world.random.randrange(len(content))] ^= 1 << world.random.randrange(8)
    elif how == 2:
        content = bytearray()
    elif how == 3:
        content = bytearray(world.random.randbytes(len(content)))
    elif how == 4:
        shutil.copyfile(world.random.choice([one for one in others if one != path]), path)
        return
    else:
        content = content * 2
    path.write_bytes(content)


def kill_while_saving(world: World) -> None:
    """Kill -9 while the files are written: some are caught half way, the others just before or after."""
    world.wait_ready(world.worker)
    directory = world.state_directory(0)
    world.publisher.burst(300)
    time.sleep(world.random.uniform(0, 0.5))
    if world.random.random() < 0.7:  # it saves when it is asked to end
        world.worker.process.signal(signal.SIGTERM)
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at and world.worker.process.is_running:
        if any(directory.glob("*.partial")):
            break
        time.sleep(0.0005)
    world.begin()
    if world.worker.process.is_running:
        world.worker.kill()
    world.notes["torn files"] = world.notes.get("torn files", 0) + len(list(directory.glob("*.partial")))
    world.worker.process.start()
    world.removed()
    world.wait_shown()


def _wait_saved(world: World) -> None:
    """Wait for saved states; a worker that has none yet is ended in order, which saves."""
    world.wait_ready(world.worker)
    directory = world.state_directory(0)
    if not any(directory.glob("*.state")):
        world.worker.process.terminate()
        world.worker.process.wait_ended(grace_seconds=30)
        world.worker.process.start()
        world.wait_ready(world.worker)
    assert any(directory.glob("*.state")), "the worker saves no state"


def _run(*command: str) -> int:
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode
