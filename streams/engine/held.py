"""What is held of an identity, packed: millions are held, and a packed one takes a quarter of the memory."""

from __future__ import annotations

import msgspec

OPEN = -1
"""Quarter of an episode that has no attribution instant yet."""


class Held(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The newest version of one identity and what it added.

    Attributes:
        version: its version.
        closes: the day on which it is let go.
        series: number of its series in the partition.
        quarter: the quarter of an hour that it belongs to, or `OPEN`.
        cells: numbers of the cells, in the partition, to which it added; none where it added nothing.
        facts: what it added to each of them, one vector after the other.
    """

    version: int
    closes: int
    series: int
    quarter: int
    cells: tuple[int, ...]
    facts: tuple[int, ...]

    def vectors(self) -> list[tuple[int, tuple[int, ...]]]:
        """Give (number of a cell, the facts added to it)."""
        if len(self.cells) == 1:
            return [(self.cells[0], self.facts)]
        size = len(self.facts) // max(len(self.cells), 1)
        return [(cell, self.facts[n * size : (n + 1) * size]) for n, cell in enumerate(self.cells)]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Held).decode
_decode_json = msgspec.json.Decoder(Held).decode
_JSON = ord("[")


def pack(held: Held) -> bytes:
    """Give it as bytes, some thirty for an attendance."""
    try:
        return _encode(held)
    except OverflowError:  # millionths of a large sum of money do not fit the 64 bits of MessagePack
        return msgspec.json.encode(held)


def pack_parts(parts: tuple[int, int, int, int, tuple[int, ...], tuple[int, ...]]) -> bytes:
    """Give the attributes of one that holds whole numbers of 64 bits, in their order, as `pack` does."""
    return _encode(parts)


def unpack(packed: bytes) -> Held:
    """Give what was packed."""
    return _decode_json(packed) if packed[0] == _JSON else _decode(packed)
