"""What is written of a refused record: its own bytes and headers, and ours."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from streams.pipeline.outputs import returned


def test_a_publishers_header_is_not_taken_for_ours() -> None:
    """A length that is no number, a reason without a value: `oversight dead-letters list` fails on them."""
    headers = (("oversight_cut_from_bytes", b"much"), ("oversight_x", None), ("ce_id", b"e-1"))
    record = ConsumerRecord("events", 0, 7, 1, 1, b"RJ1", b"{}", None, 3, 2, headers)
    made = returned("dead-letters", record, TopicPartition("events", 0), {"reason": "invalid"})
    assert {
        "ce_id": b"e-1",
        "oversight_topic": b"events",
        "oversight_partition": b"0",
        "oversight_offset": b"7",
        "oversight_append_ms": b"1",
        "oversight_reason": b"invalid",
    } == dict(made.headers)
