"""Tallies: sums of facts in one whole number, and the exact histograms that quantiles are read from.

    facts (3, 0, -2)   are held as   3 + 0·2⁹⁶ - 2·2¹⁹²

So two vectors are added by one addition, and a fact that is taken away again leaves nothing behind. A fact
may be anything below 2⁷⁰ (millionths of a large sum of money), of which 2²⁵ have room in a sum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cache

Buckets = dict[int, int]
"""A sparse histogram: bucket to how many."""

_BITS = 96
_MIDDLE = 1 << (_BITS - 64 - 1)
"""What the upper 32 bits of a fact are once it is raised by 2⁹⁵, if it lies between 0 and 2⁶⁴."""


@cache
def _writer(size: int) -> struct.Struct:
    return struct.Struct("<" + "Q4x" * size)


@cache
def _reader(size: int) -> tuple[struct.Struct, int]:
    """Give what reads the halves of `size` facts, and what each has to be raised by to be none below 0."""
    return struct.Struct("<" + "QI" * size), sum(1 << (_BITS * (n + 1) - 1) for n in range(size))


def packed(facts: Sequence[int]) -> int:
    """Give a vector of facts as one number."""
    try:
        return int.from_bytes(_writer(len(facts)).pack(*facts), "little")
    except struct.error:  # some below 0, or beyond 64 bits
        return sum(fact << (_BITS * n) for n, fact in enumerate(facts))


def packed_all(vectors: Sequence[Sequence[int]]) -> list[int]:
    """Give vectors of one size as numbers, each as `packed` does."""
    if not vectors:
        return []
    pack, as_number = _writer(len(vectors[0])).pack, int.from_bytes
    try:
        return [as_number(pack(*facts), "little") for facts in vectors]
    except struct.error:
        return [packed(facts) for facts in vectors]


def unpacked(vector: int, size: int) -> list[int]:
    """Give the `size` facts of a vector."""
    reader, raised = _reader(size)
    halves = iter(reader.unpack((vector + raised).to_bytes(reader.size, "little")))
    return [
        low if high == _MIDDLE else ((high - _MIDDLE) << 64) + low
        for low, high in zip(halves, halves, strict=True)
    ]


def count_in(mine: Buckets, theirs: Buckets, times: int = 1) -> None:
    """Add the counts of another histogram, so many times; a bucket that comes to nothing is dropped."""
    for bucket, count in theirs.items():
        left = mine.get(bucket, 0) + times * count
        if left:
            mine[bucket] = left
        else:
            del mine[bucket]


class Tally:
    """A sum of facts and its histograms. Both can be taken away again.

    Args:
        vector: the facts, as `packed` gives them.
        size: how many there are.
        histograms: bucket to how many, each.
    """

    __slots__ = ("histograms", "size", "vector")

    def __init__(self, vector: int, size: int, histograms: Iterable[Buckets] = ()) -> None:
        self.vector = vector
        self.size = size
        self.histograms = list(histograms)

    @classmethod
    def of(cls, facts: Sequence[int], histograms: Iterable[Buckets] = ()) -> Tally:
        """Make one of facts."""
        return cls(packed(facts), len(facts), histograms)

    @property
    def facts(self) -> list[int]:
        """The facts; read them once, since they are unpacked each time."""
        return unpacked(self.vector, self.size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and (self.vector, self.size, self.histograms) == (
            other.vector,
            other.size,
            other.histograms,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Tally({self.facts}, {self.histograms})"

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return self.vector != 0 or any(self.histograms)

    def copy(self) -> Tally:
        """Give another of the same content."""
        return Tally(self.vector, self.size, map(dict, self.histograms))

    def merge(self, other: Tally, times: int = 1, counted: int = 1) -> None:
        """Add another sum of the same definition, its facts so many times and its histograms so many."""
        self.vector += other.vector if times == 1 else times * other.vector
        if counted:
            for mine, theirs in zip(self.histograms, other.histograms, strict=True):
                count_in(mine, theirs, counted)
