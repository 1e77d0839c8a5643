"""The body of /metrics: chunks that are joined and compressed once, and put together for each scrape.

    renderer      a chunk a metric family, a new one once anything in it has changed
    scrape        the chunks of now ─► plain: one after the other
                                    └► gzip: their deflated forms between one header and one trailer

A chunk never changes, so that a thread may make its forms while the event loop goes on; what was made for
one scrape is there for the next.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

LEVEL = 3
"""Of deflate: as quick as 1 over this text, and a tenth smaller; from 4 on it takes twice as long."""
_RAW = -zlib.MAX_WBITS
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Of a gzip member without name and time (RFC 1952)."""
_LAST_BLOCK = b"\x03\x00"
"""Of deflate: nothing more, and the end (RFC 1951)."""
_TRAILER = struct.Struct("<LL")
_SIZE_MASK = 0xFFFF_FFFF


class Chunk:
    """A part of the body that never changes: whole metric families, as pieces of text.

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


def plain(chunks: Sequence[Chunk]) -> bytes:
    """Give the body as it is."""
    return b"".join(chunk.plain for chunk in chunks)


def gzipped(chunks: Sequence[Chunk]) -> bytes:
    """Give the body as one gzip member, which every client reads; of several some read only the first."""
    crc = size = 0
    parts = [_HEADER]
    for chunk in chunks:
        crc = zlib.crc32(chunk.plain, crc)
        size += len(chunk.plain)
        parts.append(chunk.deflated)
    return b"".join((*parts, _LAST_BLOCK, _TRAILER.pack(crc, size & _SIZE_MASK)))
