"""What is written of a refused record: its own bytes and attributes, and our headers."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from streams.pipeline.outputs import MAX_RETURNED_BYTES, returned

PLACE = {
    "oversight_topic": b"events",
    "oversight_partition": b"0",
    "oversight_offset": b"7",
    "oversight_append_ms": b"1",
    "oversight_reason": b"invalid",
}


def made(value: bytes, *headers: tuple[str, bytes | None]) -> tuple[bytes | None, dict[str, bytes]]:
    """Make a dead letter: its value and headers."""
    record = ConsumerRecord("events", 0, 7, 1, 1, b"RJ1", value, None, 3, 2, headers)
    letter = returned("dead-letters", record, TopicPartition("events", 0), {"reason": "invalid"})
    return letter.value, dict(letter.headers)


def test_a_publishers_header_is_not_taken_for_ours() -> None:
    """A length that is no number, a reason without a value: `oversight dead-letters list` fails on them."""
    headers = (("oversight_cut_from_bytes", b"much"), ("oversight_x", None))
    binary = (("ce_specversion", b"1.0"), ("ce_id", b"e-1"))

    assert (b"{}", {**dict(binary), **PLACE}) == made(b"{}", *headers, *binary)
    assert (b"{}", PLACE) == made(b"{}", *headers, ("ce_id", b"e-1"))


def test_what_would_not_fit_is_not_copied() -> None:
    """Its length and its place say where it is."""
    size = MAX_RETURNED_BYTES + 1

    assert (b"", {**PLACE, "oversight_withheld": b"true", "oversight_cut_from_bytes": b"%d" % size}) == made(
        b" " * size
    )
