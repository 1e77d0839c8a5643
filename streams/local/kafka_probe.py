"""One question in Kafka's own protocol: which brokers does this one know? So "ready" means it answers.

A port that accepts a connection is no proof: a broker opens it before it serves. This is the Metadata request
(key 3, version 1), written by hand because this package may not know a Kafka client.
"""

from __future__ import annotations

import socket
import struct

from streams.local.processes import HOST

_METADATA_KEY, _METADATA_VERSION = 3, 1
_CLIENT = b"oversight-local"
_LARGEST_ANSWER_BYTES = 1_000_000


def known_brokers(port: int, *, timeout_seconds: float = 1.0) -> frozenset[int]:
    """Return the ids of the live brokers that the broker on `port` knows; none while it does not answer."""
    header = struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, 1, len(_CLIENT)) + _CLIENT
    request = header + struct.pack(">i", 0)  # about no topic
    try:
        with socket.create_connection((HOST, port), timeout=timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _receive(connection, 4))
            if not 0 <= size <= _LARGEST_ANSWER_BYTES:
                return frozenset()
            return _broker_ids(_receive(connection, size))
    except (OSError, struct.error):
        return frozenset()


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("the broker closed the connection")
        received += part
    return received


def _broker_ids(answer: bytes) -> frozenset[int]:
    """Read the brokers: correlation, count, then node id, host, port and nullable rack of each."""
    _, count = struct.unpack_from(">ii", answer, 0)
    position = 8
    found: set[int] = set()
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, position)
        position += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, position)
        position += 2 + max(0, rack_length)
        found.add(node)
    return frozenset(found)
