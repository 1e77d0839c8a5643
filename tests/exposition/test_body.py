"""The body: one gzip member of chunks that were compressed apart, each made once."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.exposition.body import Body, Chunk

LAST = Chunk(["oversight_own 1\n"])


@given(st.lists(st.lists(st.text(max_size=200), max_size=4), max_size=6))
def test_compressed_is_what_it_is_made_of(pieces: list[list[str]]) -> None:
    """Whatever the pieces, the gzip form gives back the plain one: checksum, size and text."""
    body = Body(Chunk(of) for of in pieces)
    want = "".join("".join(of) for of in pieces).encode() + LAST.plain

    assert want == b"".join(body.plain(LAST))
    assert want == gzip.decompress(b"".join(body.gzip(LAST)))


def test_it_is_one_member() -> None:
    """A reader that stops after the first gzip member has read everything."""
    body = Body([Chunk(["a 1\n"] * 5_000), Chunk(["b 2\n"])])
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)

    assert b"".join(body.plain(LAST)) == reader.decompress(b"".join(body.gzip(LAST)))
    assert reader.eof
    assert b"" == reader.unused_data


def test_a_large_body_is_given_in_pieces() -> None:
    """Each is copied at once, which no other thread can interrupt; so none is large."""
    line = "oversight_something 1\n"
    body = Body([Chunk([line] * 5_000) for _ in range(20)])
    assert 2 < len(body.plain(LAST)) < 20
    assert max(map(len, body.plain(LAST))) < 500_000


def test_a_chunk_is_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body with one new chunk compresses that one; the same body again nothing but its end."""
    made: list[int] = []
    compress = zlib.compressobj

    def count(*how: int) -> object:
        made.append(1)
        return compress(*how)

    monkeypatch.setattr("streams.exposition.body.zlib.compressobj", count)
    one, two, three = (Chunk([f"{name} 1\n"]) for name in "abc")
    first = Body([one, two])
    for body in (first, first, Body([one, three])):
        body.gzip(Chunk(["oversight_own 1\n"]))

    assert 3 + 3 == len(made)  # a, b and c; and the end of each
