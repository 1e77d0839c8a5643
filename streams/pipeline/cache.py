"""Snapshots of partitions as local files: a cache of what the log tells, whose loss loses nothing.

    prefix    magic, format, length of the header
    header    fingerprint, topic, partition, identity of the topic, next offset
    pieces    length and bytes, as `streams.engine.saved` makes them
    end       length of the whole file, CRC-32 of everything before it

A file is written beside its name, flushed to the disk and only then renamed, so that a name always holds
a whole file. Whatever is wrong with one, it is not used, a warning says why, and the log is read instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import struct
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import structlog

from streams.engine.partition import Partition
from streams.engine.saved import Restoring, View
from streams.pipeline.collector import collect_young

log = structlog.get_logger(__name__)

MAGIC = b"OVSTATE\n"
FORMAT = 1
"""Of the file; what is in the pieces is told by the fingerprint."""
BLOCK_BYTES = 1 << 20
"""Written and checked at once; writing happens off the event loop."""
_PREFIX = struct.Struct("<8sHI")
_LENGTH = struct.Struct("<I")
_END = struct.Struct("<QI")

Outcome = Literal["saved", "not_saved", "loaded", "ignored"]


class _Header(msgspec.Struct, frozen=True):
    """Whose state it is.

    Attributes:
        fingerprint: of everything that gives it its meaning (`streams.engine.saved.fingerprint`).
        topic: name of the input topic.
        partition: its number.
        identity: of the topic; one made anew under the same name has another.
        next_offset: the record to read next.
        closed_through: the last day that had closed (`streams.engine.calendar.day_number`).
    """

    fingerprint: str
    topic: str
    partition: int
    identity: str
    next_offset: int
    closed_through: int


class _Bounds(NamedTuple):
    """What a state must lie between; see `Cache.load`."""

    committed: int
    earliest: int
    closed_through: int | None

    def refuse(self, header: _Header) -> None:
        """Refuse a state outside."""
        offset = header.next_offset
        if offset > self.committed:
            raise _UnusableError(f"its offset {offset} lies beyond the committed one, {self.committed}")
        if offset < self.earliest:
            raise _UnusableError(f"the topic begins at {self.earliest}, after its offset {offset}")
        if (self.closed_through or 0) != header.closed_through:
            raise _UnusableError("other days have closed by now")


class _UnusableError(Exception):
    """A file that is not used; the text says why."""


def open_partial(path: Path) -> io.FileIO:
    """Open the file that is being written, as its only writer.

    Raises:
        OSError: it cannot be opened, or another process is writing it.
    """
    file = io.FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate()
    except OSError:
        file.close()
        raise
    return file


class Cache:
    """The saved states of one worker's partitions, a file each.

    Args:
        directory: where the files are; made when it is not there.
        fingerprint: what gives a state its meaning; files of another are not used.
        count: told the outcome of every save and load.
        opener: opens the file that is being written; another one in tests.
    """

    def __init__(
        self,
        directory: Path,
        fingerprint: str,
        count: Callable[[Outcome], None] = lambda _outcome: None,
        opener: Callable[[Path], io.FileIO] = open_partial,
    ) -> None:
        self._directory = directory
        self._fingerprint = fingerprint
        self._count = count
        self._opener = opener
        self._saving = asyncio.Lock()
        self._failing = False
        self._remove_torn()

    def path(self, topic: str, number: int) -> Path:
        """Give the file of a partition."""
        return self._directory / f"{topic}-{number}.state"

    async def save(self, topic: str, number: int, identity: str, view: View) -> bool:
        """Write a view; the event loop is held for milliseconds at a time, and no error is raised.

        A save that is cancelled, as under a deadline, leaves the file before it in place.

        Args:
            topic: input topic.
            number: the partition's number.
            identity: the topic's identity.
            view: taken when nothing before its offset was outstanding, so that the offset is committed
                before anybody loads it.

        Returns:
            Whether it is written.
        """
        header = _Header(self._fingerprint, topic, number, identity, view.next_offset, view.closed_through)
        path = self.path(topic, number)
        started = time.monotonic()
        async with self._saving:
            try:
                size = await self._write(path, _blocks(header, view))
            except OSError as error:
                self._warn(path, error)
                self._count("not_saved")
                return False
        self._failing = False
        self._count("saved")
        log.debug("state saved", path=str(path), bytes=size, seconds=round(time.monotonic() - started, 3))
        return True

    async def _write(self, path: Path, blocks: Iterator[bytes]) -> int:
        """Write blocks in a thread, make them between writes; give the size."""
        partial = _Partial(path, self._opener)
        # One thread does everything to the file in order, so that a cancelled save still ends tidily.
        thread = ThreadPoolExecutor(1, "oversight-cache")
        loop = asyncio.get_running_loop()
        size = 0
        try:
            await loop.run_in_executor(thread, partial.begin)
            for block in blocks:
                if block:
                    size += len(block)
                    await loop.run_in_executor(thread, partial.write, block)
                else:
                    await asyncio.sleep(0)
                collect_young()
            await loop.run_in_executor(thread, partial.finish)
        except OSError:
            await loop.run_in_executor(thread, partial.discard)
            raise
        finally:
            thread.submit(partial.discard)
            thread.shutdown(wait=False)
        return size

    def _warn(self, path: Path, error: OSError) -> None:
        """Warn once until a save succeeds again."""
        if not self._failing:
            self._failing = True
            log.warning(
                "the state cannot be saved; the service goes on, and its next start reads the log instead",
                path=str(path),
                error=error.strerror or str(error),
                do="free space there, make the directory writable, or configure another one",
            )

    def _remove_torn(self) -> None:
        """Remove what a process that is no more was writing."""
        with contextlib.suppress(OSError):
            for path in self._directory.glob("*.partial"):
                with contextlib.suppress(OSError), path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()

    async def load(
        self,
        topic: str,
        number: int,
        identity: str,
        committed: int,
        *,
        earliest: int = 0,
        closed_through: int | None = None,
    ) -> Partition | None:
        """Give the saved state of a partition, letting others have the event loop every few milliseconds.

        Args:
            topic: input topic.
            number: the partition's number.
            identity: the topic's identity now.
            committed: the committed offset; a state beyond it is not used.
            earliest: the partition's first offset; between an older state and it records are missing.
            closed_through: the last day that has closed, by the topic of day totals; None where none has.
                With a state in which other days have, some would be counted twice or not at all.

        Returns:
            The state, to be read on from its `next_offset`; None where there is none that can be used.
        """
        loading = self._loading(topic, number, identity, _Bounds(committed, earliest, closed_through))
        while True:
            try:
                next(loading)
            except StopIteration as end:
                partition: Partition | None = end.value
                return partition
            await asyncio.sleep(0)

    def _loading(
        self, topic: str, number: int, identity: str, bounds: _Bounds
    ) -> Generator[None, None, Partition | None]:
        """Read and restore, pausing between pieces; every reason against a file ends here."""
        path = self.path(topic, number)
        try:
            with path.open("rb") as file:
                header, pieces = yield from _verified(file)
                self._refuse_foreign(header, topic, number, identity)
                bounds.refuse(header)
                restoring = Restoring()
                for piece in pieces:
                    restoring.take(piece)
                    yield
                partition = restoring.done()
        except FileNotFoundError:
            return None
        except _UnusableError as error:
            why = str(error)
        except OSError as error:
            why = f"it cannot be read: {error.strerror or error}"
        except (msgspec.MsgspecError, struct.error, ValueError, LookupError, TypeError) as error:
            why = f"its content is not what this release writes: {error}"
        else:
            self._count("loaded")
            return partition
        self._count("ignored")
        log.warning("a saved state is not used, the log is read instead", path=str(path), why=why)
        return None

    def _refuse_foreign(self, header: _Header, topic: str, number: int, identity: str) -> None:
        if (header.topic, header.partition) != (topic, number):
            raise _UnusableError(f"it is of partition {header.topic}/{header.partition}")
        if header.identity != identity:
            raise _UnusableError("it is of another topic of this name, since deleted")
        if header.fingerprint != self._fingerprint:
            raise _UnusableError("definitions, settings or the release have changed since")


class _Partial:
    """A file on its way; every method runs in the writing thread."""

    def __init__(self, path: Path, opener: Callable[[Path], io.FileIO]) -> None:
        self._final = path
        self._path = path.with_name(path.name + ".partial")
        self._opener = opener
        self._file: io.FileIO | None = None

    def begin(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._opener(self._path)

    def write(self, block: bytes) -> None:
        assert self._file is not None  # noqa: S101 - `begin` comes first
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def finish(self) -> None:
        assert self._file is not None  # noqa: S101 - `begin` comes first
        os.fsync(self._file)
        self._path.rename(self._final)
        self._file.close()
        self._file = None

    def discard(self) -> None:
        """Remove what is not finished; nothing otherwise."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def _blocks(header: _Header, view: View) -> Iterator[bytes]:
    """Give the bytes of a file in blocks; an empty one after each piece that does not fill one."""
    head = msgspec.msgpack.encode(header)
    block = bytearray(_PREFIX.pack(MAGIC, FORMAT, len(head)) + head)
    size = check = 0
    for piece in view.slices():
        block += _LENGTH.pack(len(piece))
        block += piece
        if len(block) < BLOCK_BYTES:
            yield b""
            continue
        size, check = size + len(block), zlib.crc32(block, check)
        yield bytes(block)
        block.clear()
    size, check = size + len(block), zlib.crc32(block, check)
    yield bytes(block) + _END.pack(size + _END.size, check)


def _verified(file: io.BufferedReader) -> Generator[None, None, tuple[_Header, Iterator[bytes]]]:
    """Check a whole file, pausing between blocks; give its header and, not yet read, its pieces."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size or not prefix.startswith(MAGIC):
        raise _UnusableError("it is empty, cut short or no saved state")
    _, version, length = _PREFIX.unpack(prefix)
    if version != FORMAT:
        raise _UnusableError(f"its format is {version}, this release reads {FORMAT}")
    check, left = zlib.crc32(prefix), size - _PREFIX.size - _END.size
    while left > 0 and (block := file.read(min(left, BLOCK_BYTES))):
        check, left = zlib.crc32(block, check), left - len(block)
        yield
    end = file.read(_END.size)
    if left or len(end) < _END.size or _END.unpack(end) != (size, check):
        raise _UnusableError("it is cut short or corrupted: length and checksum are not those of its content")
    file.seek(_PREFIX.size)
    header = msgspec.msgpack.decode(file.read(length), type=_Header)
    return header, _pieces(file, size - _END.size)


def _pieces(file: io.BufferedReader, end: int) -> Iterator[bytes]:
    while file.tell() < end:
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        yield file.read(length)
