"""Producers that share no code with ours: kcat, by either partitioner, in structured and in binary mode."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from broker import kcat, produce
from messages import attendance, encoded
from service import Metrics, Service, eventually

from streams.local import ApacheKafka

MURMUR2, OTHER = "RJ1", "R0A"
"""Both stand elsewhere by CRC32, librdkafka's own choice, than by murmur2 among four partitions."""
SPLIT = "RM3"


@pytest.fixture(scope="module")
def service(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One worker for all."""
    with Service(kafka.bootstrap, tmp_path_factory.mktemp("others")) as one:
        yield one


def misrouted(metrics: Metrics, org: str) -> float | None:
    """Give whether a publisher is marked as misrouted."""
    return metrics.get("oversight_source_misrouted", source=f"/ods/{org}/ed")


def attended(metrics: Metrics, org: str) -> float | None:
    """Give how many attendances count for an organisation."""
    return metrics.get("oversight_ae_4h_all_types_denominator", org=org, window="28d", stratum="")


def counted_and_placed(metrics: Metrics, org: str) -> bool:
    """Whether an organisation's one attendance counts, and its publisher's place is told: within a tick."""
    return attended(metrics, org) == 1 and misrouted(metrics, org) is not None


def test_the_partitioner_we_use_is_not_misrouted(service: Service) -> None:
    """`partitioner=murmur2_random`, as Java's client has it."""
    value = encoded(attendance(1, org=MURMUR2))

    kcat(
        *(service.bootstrap, service.topic("events"), value, "-k", MURMUR2),
        *("-X", "topic.partitioner=murmur2_random"),
    )

    metrics = service.wait_for(lambda one: counted_and_placed(one, MURMUR2))
    assert 0 == misrouted(metrics, MURMUR2)
    assert 0 == metrics.total("oversight_records_misrouted_total")
    assert (200, []) == service.readyz()


def test_librdkafkas_own_partitioner_is_accepted_and_said(service: Service) -> None:
    """The record counts; the counter and the publisher's mark say that it stands elsewhere."""
    value = encoded(attendance(1, org=OTHER))

    kcat(service.bootstrap, service.topic("events"), value, "-k", OTHER)

    metrics = service.wait_for(lambda one: counted_and_placed(one, OTHER))
    assert 1 == misrouted(metrics, OTHER)
    assert 1 == metrics.total("oversight_records_misrouted_total", topic=service.topic("events"))
    assert 0 == metrics.get("oversight_sources_on_two_partitions")


def test_binary_mode_is_accepted(service: Service) -> None:
    """Attributes as ce_ headers, the value is `data` alone."""
    one = attendance(1, org="RXL")
    data = one.pop("data")
    one.pop("datacontenttype")
    headers = [f"ce_{name}={text}" for name, text in one.items()] + ["content-type=application/json"]

    kcat(
        *(service.bootstrap, service.topic("events"), encoded(data), "-k", "RXL"),
        *("-X", "topic.partitioner=murmur2"),
        *(part for header in headers for part in ("-H", header)),
    )

    metrics = service.wait_for(lambda one: counted_and_placed(one, "RXL"))
    assert 0 == metrics.total("oversight_records_refused_total")
    assert 0 == misrouted(metrics, "RXL")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_compression_is_read(service: Service, codec: str) -> None:
    """Whatever a publisher's client compresses with."""
    org = {"gzip": "RAL", "snappy": "RBD", "lz4": "RBK", "zstd": "RBL"}[codec]
    value = encoded(attendance(1, org=org))

    kcat(
        *(service.bootstrap, service.topic("events"), value, "-k", org, "-z", codec),
        *("-X", "topic.partitioner=murmur2"),
    )

    service.wait_for(lambda one: attended(one, org) == 1)


async def test_a_publisher_on_two_partitions_is_said_by_readiness(service: Service) -> None:
    """Versions on two partitions cannot replace each other: a warning that names who; others stay served."""
    topic = service.topic("events")
    for partition, number in ((0, 1), (1, 2)):
        value = encoded(attendance(number, org=SPLIT))
        await produce(service.bootstrap, topic, value, key=SPLIT.encode(), partition=partition)

    metrics = service.wait_for(lambda one: attended(one, SPLIT) == 2)
    metrics = service.wait_value(1, "oversight_sources_on_two_partitions")
    assert 1 == metrics.get("oversight_sources_on_two_partitions")
    status, text = service.get("/readyz")
    assert 200 == status
    assert [f"1 publishers stand on two partitions: /ods/{SPLIT}/ed"] == json.loads(text)["warnings"]


def test_a_header_whose_name_is_no_text_does_not_stop_the_service(service: Service) -> None:
    """Kafka takes any bytes for a name; the record is reported by its place, and what comes behind counts."""
    topic, murmur2 = service.topic("events"), ("-X", "topic.partitioner=murmur2")
    kcat(service.bootstrap, topic, encoded(attendance(1, org="RCB")), "-k", "RCB", *murmur2, "-H", b"\xff=1")
    kcat(service.bootstrap, topic, encoded(attendance(2, org="RCB")), "-k", "RCB", *murmur2)
    eventually(lambda: attended(service.metrics(), "RCB") == 1, saying=lambda: service.log)
    assert 1 == service.metrics().total("oversight_records_refused_total", reason="unreadable")
