"""The body of /metrics: chunks that are joined and compressed once, and put together for each scrape.

    renderer      a metric family's chunks, each made anew once anything in it has changed
    scrape        the chunks of now, and the service's own metrics as the last
                    ├► plain: one after the other, in pieces of some size
                    └► gzip: their deflated forms between one header and one trailer

A chunk never changes, so that a thread may make its forms while the event loop goes on; what was made for
one scrape is there for the next.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

LEVEL = 3
"""Of deflate: as quick as 1 over this text, and a tenth smaller; from 4 on it takes twice as long."""
_RAW = -zlib.MAX_WBITS
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Of a gzip member without name and time (RFC 1952)."""
_LAST_BLOCK = b"\x03\x00"
"""Of deflate: nothing more, and the end (RFC 1951)."""
_TRAILER = struct.Struct("<LL")
_SIZE_MASK = 0xFFFF_FFFF
_PIECE_BYTES = 1 << 18


class Chunk:
    """A part of the body that never changes, as pieces of text.

    Args:
        pieces: one after the other, each of whole lines.
    """

    __slots__ = ("_deflated", "_pieces", "_plain")

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = tuple(pieces)
        self._plain: bytes | None = None
        self._deflated: bytes | None = None

    @property
    def plain(self) -> bytes:
        """Its text; joined when it is first asked for."""
        plain = self._plain
        if plain is None:  # two threads may both do it, and come to the same
            plain = self._plain = "".join(self._pieces).encode()
        return plain

    @property
    def deflated(self) -> bytes:
        """Its text as blocks of deflate, none of them the last; made when it is first asked for.

        It ends on a whole byte and needs nothing from before it, so that chunks can follow in any order.
        """
        deflated = self._deflated
        if deflated is None:
            squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
            deflated = squeeze.compress(self.plain) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            self._deflated = deflated
        return deflated


class Body:
    """Chunks in their order. What they come to compressed is kept for the next scrape that has the same.

    Args:
        chunks: those of a family one after the other.
    """

    __slots__ = ("_compressed", "chunks")

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self.chunks = tuple(chunks)
        self._compressed: _Compressed | None = None

    def plain(self, last: Chunk) -> list[bytes]:
        """Give the body with one more chunk at its end, as it is, in pieces."""
        return _pieces(chunk.plain for chunk in (*self.chunks, last))

    def gzip(self, last: Chunk) -> list[bytes]:
        """Give the same as one gzip member, which every client reads; of several some read only the first."""
        before = self._compressed
        if before is None:
            before = self._compressed = _compressed(self.chunks)
        size = before.size + len(last.plain)
        trailer = _TRAILER.pack(zlib.crc32(last.plain, before.crc), size & _SIZE_MASK)
        return [_HEADER, *before.blocks, last.deflated, _LAST_BLOCK + trailer]


class _Compressed(NamedTuple):
    """Blocks of deflate, with the checksum and the size of what they were made of."""

    blocks: list[bytes]
    crc: int
    size: int


def _compressed(chunks: Iterable[Chunk]) -> _Compressed:
    blocks, crc, size = [], 0, 0
    for chunk in chunks:
        blocks.append(chunk.deflated)
        crc = zlib.crc32(chunk.plain, crc)
        size += len(chunk.plain)
    return _Compressed(_pieces(blocks), crc, size)


def _pieces(parts: Iterable[bytes]) -> list[bytes]:
    """Join what is small, and leave it in pieces all the same.

    Joined to one, the text of England would hold every thread of the process while it is copied.
    """
    found, some, size = [], [], 0
    for part in parts:
        some.append(part)
        size += len(part)
        if size >= _PIECE_BYTES:
            found.append(b"".join(some))
            some, size = [], 0
    return [*found, b"".join(some)]
