"""The cache of states: a file is whole, ours and usable, or it is not used, and the service goes on."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import random
import struct
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from making import AT, MORNING, attendance, engine, log, report, run
from structlog.testing import capture_logs

from streams.engine.calendar import day_number
from streams.engine.held import Held
from streams.engine.partition import Partition
from streams.engine.saved import View
from streams.pipeline import cache as cache_module
from streams.pipeline.cache import Cache, open_partial

TOPIC, NUMBER = AT
IDENTITY = "i1"
OFFSET = 3


def partition() -> Partition:
    """Give a state of three records."""
    of, _ = run(attendance(), attendance("a2", source="/ods/RYJ/pas"), report(numerator=1, denominator=2))
    return of.partitions[AT]


async def saved(cache: Cache, view: View | None = None) -> Path:
    """Save a state, and give its file."""
    assert await cache.save(TOPIC, NUMBER, IDENTITY, view or View(partition()))
    return cache.path(TOPIC, NUMBER)


def files(directory: Path) -> list[Path]:
    """Give what is in a directory."""
    return sorted(directory.iterdir())


async def loaded(cache: Cache, **other: Any) -> tuple[Partition | None, list[str]]:
    """Load it; give the warnings' reasons too."""
    asked = {"topic": TOPIC, "number": NUMBER, "identity": IDENTITY, "committed": OFFSET} | other
    with capture_logs() as logs:
        found = await cache.load(**asked)
    return found, [entry["why"] for entry in logs if entry["log_level"] == "warning"]


async def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """The file is nobody else's to read, and nothing is left beside it."""
    counts: Counter[str] = Counter()
    cache = Cache(tmp_path / "new", "f", lambda outcome: counts.update([outcome]))
    path = await saved(cache)
    found, warnings = await loaded(cache)

    assert found is not None
    assert OFFSET == found.next_offset
    assert ["RJ1", "RYJ"] == sorted(found.organisations)
    assert [] == warnings
    assert [path] == files(path.parent)
    assert 0o600 == path.stat().st_mode & 0o777
    assert {"saved": 1, "loaded": 1} == counts


async def test_no_file_is_no_state_and_no_warning(tmp_path: Path) -> None:
    """A first start finds nothing, and that is nothing to warn of."""
    assert (None, []) == await loaded(Cache(tmp_path / "none", "f"))


async def test_a_newer_state_takes_the_place(tmp_path: Path) -> None:
    """The file holds the last state saved."""
    cache = Cache(tmp_path, "f")
    of = engine()
    of.process(AT, log(attendance()))
    await saved(cache, View(of.partitions[AT]))
    of.process(AT, log(attendance("a1"), attendance("a2"))[1:])
    await saved(cache, View(of.partitions[AT]))
    found, _ = await loaded(cache)

    assert found is not None
    assert 2 == len(found.held)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"identity": "i2"}, "another topic of this name"),
        ({"committed": OFFSET - 1}, "beyond the committed one, 2"),
        ({"earliest": OFFSET + 1}, "the topic begins at 4, after its offset 3"),
        ({"closed_through": day_number(MORNING.date())}, "other days have closed"),
    ],
)
async def test_a_state_of_something_else_is_not_used(tmp_path: Path, asked: dict[str, Any], why: str) -> None:
    """Another topic, an offset nobody committed, records that are gone, days that have closed since."""
    cache = Cache(tmp_path, "f")
    await saved(cache)
    found, warnings = await loaded(cache, **asked)

    assert found is None
    assert 1 == len(warnings)
    assert why in warnings[0]


async def test_the_same_closed_days_are_used(tmp_path: Path) -> None:
    """A state in which the same days have closed as the topic says is used."""
    of, _ = run(attendance(), attendance("a2", departed=MORNING + timedelta(days=20)))
    await saved(cache := Cache(tmp_path, "f"), View(of.partitions[AT]))
    closed_through = day_number((MORNING + timedelta(days=5)).date())

    found, warnings = await loaded(cache, closed_through=closed_through)
    assert (closed_through, []) == (found and found.closed_through, warnings)
    assert (None, ["other days have closed by now"]) == await loaded(cache)


async def test_another_fingerprint_is_not_used(tmp_path: Path) -> None:
    """State that was made under other definitions has lost its meaning."""
    await saved(Cache(tmp_path, "before"))
    found, warnings = await loaded(Cache(tmp_path, "after"))

    assert (None, ["definitions, settings or the release have changed since"]) == (found, warnings)


async def test_a_file_of_another_partition_is_not_used(tmp_path: Path) -> None:
    """A file that was copied under another name says whose it is."""
    cache = Cache(tmp_path, "f")
    path = await saved(cache)
    path.rename(cache.path(TOPIC, 1))
    found, warnings = await loaded(cache, number=1)

    assert (None, [f"it is of partition {TOPIC}/0"]) == (found, warnings)


async def test_a_newer_format_is_not_used(tmp_path: Path) -> None:
    """After a downgrade the file says that it is too new."""
    cache = Cache(tmp_path, "f")
    path = await saved(cache)
    content = bytearray(path.read_bytes())
    content[8:10] = struct.pack("<H", 2)
    path.write_bytes(content)

    assert (None, ["its format is 2, this release reads 1"]) == await loaded(cache)


async def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Whichever bit of the file is wrong (every third is tried), it is not used, and one warning says so."""
    cache = Cache(tmp_path, "f")
    path = await saved(cache)
    content = path.read_bytes()
    for bit in range(0, len(content) * 8, 3):
        spoiled = bytearray(content)
        spoiled[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoiled)
        found, warnings = await loaded(cache)
        assert found is None
        assert 1 == len(warnings)


async def test_any_torn_file_is_noticed(tmp_path: Path) -> None:
    """Cut anywhere, empty, or with something after its end, it is not used."""
    cache = Cache(tmp_path, "f")
    path = await saved(cache)
    content = path.read_bytes()
    for spoiled in (*(content[:size] for size in range(len(content))), content + b"\0", content * 2):
        path.write_bytes(spoiled)
        found, warnings = await loaded(cache)
        assert found is None
        assert 1 == len(warnings)


async def test_whole_files_of_other_content_are_not_used(tmp_path: Path) -> None:
    """Even with a right checksum, pieces that make no state are refused without an error."""
    cache = Cache(tmp_path, "f")
    rng = random.Random(1)  # noqa: S311 - bytes that mean nothing
    others = [
        b"\x01",
        b"",
        b"[",
        rng.randbytes(50),
        msgspec.msgpack.encode(["held", [], ["x"], [1], [1], [9], [1], [0], [], []]),
    ]
    for other in others:
        view = View(partition())
        view._clocks = other
        await saved(cache, view)
        found, warnings = await loaded(cache)
        assert found is None
        assert 1 == len(warnings)


async def test_a_directory_in_the_file_s_place_is_not_used(tmp_path: Path) -> None:
    """What cannot be read at all is a reason like any other."""
    cache = Cache(tmp_path, "f")
    cache.path(TOPIC, NUMBER).mkdir()

    assert (None, ["it cannot be read: Is a directory"]) == await loaded(cache)


class _FullDisk(io.FileIO):
    """Takes some bytes to the real file, then none."""

    def write(self, block: Any) -> int:
        if self.tell():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(block[:10])


def _read_only(_path: Path) -> io.FileIO:
    raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize(
    ("opener", "said"),
    [
        (lambda path: _FullDisk(path, "w"), "No space left on device"),
        (lambda _path: io.FileIO("/dev/full", "w"), "No space left on device"),
        (_read_only, "Read-only file system"),
    ],
)
async def test_a_disk_that_takes_nothing_is_warned_of_once(tmp_path: Path, opener: Any, said: str) -> None:
    """A full or read-only disk: one warning, every failure counted, nothing left, the file before kept."""
    before = (await saved(Cache(tmp_path, "f"))).read_bytes()
    counts: Counter[str] = Counter()
    cache = Cache(tmp_path, "f", lambda outcome: counts.update([outcome]), opener)
    with capture_logs() as logs:
        for _ in range(3):
            assert not await cache.save(TOPIC, NUMBER, IDENTITY, View(partition()))

    assert {"not_saved": 3} == counts
    assert [cache.path(TOPIC, NUMBER)] == files(tmp_path)
    assert before == cache.path(TOPIC, NUMBER).read_bytes()
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (said, str(cache.path(TOPIC, NUMBER))) == (warning["error"], warning["path"])
    assert "free space there" in warning["do"]


async def test_a_directory_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    """A file in the place of the directory: nothing is saved, nothing is loaded, nothing is raised."""
    (tmp_path / "file").write_text("not a directory")
    cache = Cache(tmp_path / "file", "f")

    assert not await cache.save(TOPIC, NUMBER, IDENTITY, View(partition()))
    assert (await loaded(cache))[0] is None


async def test_a_warning_comes_back_after_a_success(tmp_path: Path) -> None:
    """Trouble that ended and came again is said again."""
    fails = iter([True, True, False, True])
    cache = Cache(tmp_path, "f", opener=lambda path: _read_only(path) if next(fails) else open_partial(path))
    with capture_logs() as logs:
        written = [await cache.save(TOPIC, NUMBER, IDENTITY, View(partition())) for _ in range(4)]

    assert [False, False, True, False] == written
    assert 2 == sum(entry["log_level"] == "warning" for entry in logs)


async def test_a_cancelled_save_leaves_the_file_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended between two blocks, as by a deadline: the torn file goes, and the one before it is used."""
    cache = Cache(tmp_path, "f")
    await saved(cache)
    whole = cache_module._blocks

    def interrupted(*of: Any) -> Iterator[bytes]:
        for number, block in enumerate(whole(*of)):
            if number == 2:
                saving.cancel()
            yield block

    with monkeypatch.context() as patched:
        patched.setattr(cache_module, "_blocks", interrupted)
        saving = asyncio.ensure_future(cache.save(TOPIC, NUMBER, IDENTITY, _large(20_000)))
        with pytest.raises(asyncio.CancelledError):
            await saving
    for _ in range(1_000):
        if [cache.path(TOPIC, NUMBER)] == files(tmp_path):
            break
        await asyncio.sleep(0.01)

    assert [cache.path(TOPIC, NUMBER)] == files(tmp_path)
    assert (await loaded(cache))[0] is not None
    assert await cache.save(TOPIC, NUMBER, IDENTITY, View(partition()))


async def test_torn_files_of_a_dead_process_are_removed(tmp_path: Path) -> None:
    """At the start; what a living process is writing is left alone, and not written by another."""
    torn, busy = tmp_path / f"{TOPIC}-5.state.partial", tmp_path / f"{TOPIC}-0.state.partial"
    torn.write_bytes(b"torn")
    with open_partial(busy) as file:
        file.write(b"busy")
        cache = Cache(tmp_path, "f")
        assert [busy] == files(tmp_path)
        assert not await cache.save(TOPIC, NUMBER, IDENTITY, View(partition()))
        assert b"busy" == busy.read_bytes()
        fcntl.flock(file, fcntl.LOCK_UN)
    assert await cache.save(TOPIC, NUMBER, IDENTITY, View(partition()))


async def test_others_have_the_event_loop_while_a_state_is_saved_and_loaded(tmp_path: Path) -> None:
    """Twenty slices are written and read with at least as many turns for others in between."""
    cache = Cache(tmp_path, "f")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    assert await cache.save(TOPIC, NUMBER, IDENTITY, _large(40_000))
    after_save = turns
    found = await cache.load(TOPIC, NUMBER, IDENTITY, OFFSET)
    after_load = turns
    task.cancel()

    assert found is not None
    assert 40_000 == len(found.held)
    assert after_save >= 20
    assert after_load - after_save >= 20


def _large(count: int) -> View:
    """Give a view of so many held episodes that add nothing."""
    of = partition()
    series = next(iter(of.series.values()))
    of.held.clear()
    for n in range(count):
        of.upsert(
            f"ed_attendance /ods/RJ1/pas a{n}", Held(1, 20_700, series.number, -1, (), ()), of.append_ms
        )
    return View(of)
