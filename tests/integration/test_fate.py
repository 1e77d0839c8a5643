"""The fate of everything that is not a good event: counted by reason, and kept in the dead letters.

Whole, unless something could stand in it for which the contract has no field.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from broker import produce, raise_message_limit, records
from messages import attendance, encoded, report
from service import Metrics, Service

from streams.local import ApacheKafka
from streams.sources.events import Event, instant

PARTITION = 2
"""Where murmur2 puts RJ1 among four partitions."""
FIVE_MEGABYTES, NINE_MEGABYTES = 5_000_000, 9_000_000
BINARY = b"\0PK\3\4" + random.Random(7).randbytes(3_000)  # noqa: S311 - any bytes
TOMORROW = datetime.now(UTC) + timedelta(days=1)


def naive() -> Event:
    """An attendance whose arrival has no offset."""
    one = attendance(1)
    one["data"]["arrived_at"] = one["data"]["arrived_at"].removesuffix("Z")
    return one


def large(size: int) -> bytes:
    """A good event, but for its size."""
    return encoded({**attendance(10), "subject": "x" * size})


REFUSED: dict[str, tuple[str, str, bytes | None]] = {
    "malformed JSON": ("not_json", "events", b'{"specversion": "1.0", "id": '),
    "JSON that is no object": ("not_json", "events", b"[1, 2]"),
    "a binary file": ("not_json", "events", BINARY),
    "no bytes": ("not_json", "events", b""),
    "a naive time": ("invalid", "events", encoded(naive())),
    "a key of digits": ("identifier", "events", encoded(attendance(2, attendance_key="4857773456"))),
    "an unknown type": ("unknown_type", "events", encoded({**attendance(3), "type": "uk.nhs.other.v1"})),
    "a future time": (
        "future",
        "events",
        encoded({**attendance(4), "time": instant(TOMORROW), "recordedtime": instant(TOMORROW)}),
    ),
    "a return among events": ("wrong_topic", "events", encoded(report(1, 2))),
    "an event among returns": ("wrong_topic", "returns", encoded(attendance(5))),
    "an undeclared measure": ("unknown_measure", "returns", encoded(report(1, 2, measure="not_declared"))),
    "a publication of somebody else": (
        "not_an_official_source",
        "returns",
        encoded(report(1, 2, publication="ae_attendances_monthly")),
    ),
    "a report of what comes from events": ("official_only", "returns", encoded(report(1, 2))),
    "a period that is no month": ("wrong_period", "returns", encoded(report(1, 2, period_end="2025-04-20"))),
    "no value": ("empty", "events", None),
    "five megabytes": ("too_large", "events", large(FIVE_MEGABYTES)),
}
WITHHELD = {"a binary file", "a key of digits", "five megabytes"}
"""Of these nothing is copied: they could name a person, or nobody has looked."""
GOOD = [attendance(20), attendance(21, org="ZZZ9", source="/ods/RJ1/ed"), attendance(22, minutes=300)]
"""Two organisations, one of which nobody knows; two of three within four hours."""


@dataclass(frozen=True)
class Fates:
    """The worker after everything was sent, and where each record stands."""

    service: Service
    metrics: Metrics
    offsets: dict[str, int]
    dead: list[Any]

    def letters(self, name: str) -> list[Any]:
        """Give the dead letters of one record, by its place."""
        _, topic, _ = REFUSED[name]
        place = f"{self.service.topic(topic)}/{PARTITION}/{self.offsets[name]}".encode()
        return [one for one in self.dead if one.key == place]


async def send(service: Service) -> dict[str, int]:
    """Send everything with a producer that checks nothing, good events last; give each one's offset."""
    await raise_message_limit(service.bootstrap, service.topic("events"), 12_000_000)
    found = {}
    for name, (_, topic, value) in REFUSED.items():
        (found[name],) = await produce(
            service.bootstrap, service.topic(topic), value, key=b"RJ1", partition=PARTITION
        )
    await produce(
        service.bootstrap, service.topic("events"), *map(encoded, GOOD), key=b"RJ1", partition=PARTITION
    )
    return found


@pytest.fixture(scope="module")
def fates(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fates]:
    """One worker for all fates."""
    with Service(kafka.bootstrap, tmp_path_factory.mktemp("fates")) as service:
        offsets = asyncio.run(send(service))
        metrics = service.wait_consumed(len(REFUSED) + len(GOOD))
        dead = asyncio.run(records(service.bootstrap, service.topic("dead-letters")))
        yield Fates(service, metrics, offsets, dead)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_record_stands_in_the_dead_letters(fates: Fates, name: str) -> None:
    """Once, with its bytes unless they could name a person, its reason in words, and where it stood."""
    reason, topic, value = REFUSED[name]

    (letter,) = fates.letters(name)

    headers = {key: text.decode() for key, text in letter.headers}
    withheld = headers.pop("oversight_withheld", None)
    assert (name in WITHHELD) == (withheld == "true")
    assert headers.pop("oversight_cut_from_bytes", None) == (str(len(value or b"")) if withheld else None)
    assert (b"" if withheld else value or b"") == letter.value
    assert headers.pop("oversight_problems")
    assert int(headers.pop("oversight_append_ms")) > 1_700_000_000_000
    assert {
        "oversight_topic": fates.service.topic(topic),
        "oversight_partition": str(PARTITION),
        "oversight_offset": str(fates.offsets[name]),
        "oversight_reason": reason,
    } == headers


def test_every_refusal_is_counted_by_its_reason(fates: Fates) -> None:
    """On /metrics, and nothing else is there."""
    expected: dict[str, float] = {}
    for reason, _, _ in REFUSED.values():
        expected[reason] = expected.get(reason, 0) + 1

    found = fates.metrics.select("oversight_records_refused_total")
    assert expected == {dict(labels)["reason"]: value for labels, value in found.items() if value}
    assert len(REFUSED) == len(fates.dead)


def test_good_events_behind_bad_ones_count(fates: Fates) -> None:
    """Two of three within four hours in England."""
    name, of = "oversight_ae_4h_all_types_{}", {"org": "england", "window": "28d", "stratum": ""}

    assert 2 == fates.metrics.get(name.format("numerator"), **of)
    assert 3 == fates.metrics.get(name.format("denominator"), **of)


def test_an_unknown_organisation_is_a_provider_in_the_unmapped(fates: Fates) -> None:
    """Accepted, visible, and counted on the way up."""
    found = fates.metrics.select("oversight_ae_4h_all_types_denominator", window="28d", stratum="")

    shown = {
        (dict(labels)["level"], dict(labels)["org"]): value
        for labels, value in found.items()
        if dict(labels)["org"] in ("ZZZ9", "unmapped")
    }
    assert {("provider", "ZZZ9"): 1, ("icb", "unmapped"): 1, ("region", "unmapped"): 1} == shown


def test_an_event_too_large_is_refused_by_publish(fates: Fates) -> None:
    """With line, size and limit, exit code 1, and the good line beside it is sent."""
    done = fates.service.publish([large(FIVE_MEGABYTES), GOOD[0]])

    assert 1 == done.returncode
    assert f"-:1: too_large: {len(large(FIVE_MEGABYTES))} bytes, more than 262144" in done.stderr
    assert f"{fates.service.topic('events')}: 1 acknowledged" in done.stderr
    assert "refused, not sent: 1 too_large" in done.stderr


async def test_a_topic_of_ordinary_limits_does_not_take_five_megabytes(fates: Fates) -> None:
    """The broker itself refuses it, so it never comes to us."""
    with pytest.raises(MessageSizeTooLargeError):
        await produce(
            fates.service.bootstrap, fates.service.topic("returns"), large(FIVE_MEGABYTES), key=b"RJ1"
        )


async def test_a_record_larger_than_a_dead_letter_does_not_stop_the_service(fates: Fates) -> None:
    """Its dead letter says how large it was and where it stands; what comes behind it counts."""
    service, value = fates.service, large(NINE_MEGABYTES)
    before = service.metrics().total("oversight_events_total", outcome="applied")
    topic = service.topic("events")

    (offset,) = await produce(service.bootstrap, topic, value, key=b"RJ1", partition=PARTITION)
    await produce(service.bootstrap, topic, encoded(attendance(30)), key=b"RJ1", partition=PARTITION)

    service.wait_for(lambda one: one.total("oversight_events_total", outcome="applied") == before + 1)
    assert 0 == service.wait_ticks(2).get("oversight_checkpoints_failed_total")
    place = f"{topic}/{PARTITION}/{offset}".encode()
    dead = await records(service.bootstrap, service.topic("dead-letters"))
    (letter,) = [one for one in dead if one.key == place]
    headers = {key: text.decode() for key, text in letter.headers}
    assert "too_large" == headers["oversight_reason"]
    assert str(len(value)) == headers["oversight_cut_from_bytes"]
    assert b"" == letter.value


async def test_a_restart_writes_no_dead_letter_again(fates: Fates) -> None:
    """Neither after Ctrl-C nor after kill -9, and the counters do not count them anew."""
    topic = fates.service.topic("dead-letters")
    before = [one.key for one in await records(fates.service.bootstrap, topic)]

    for end in (fates.service.stop, fates.service.kill):
        end()
        fates.service.start()
        metrics = fates.service.wait_for(lambda one: one.total("oversight_events_total") >= len(GOOD))
        metrics = fates.service.wait_ticks(2)

        assert 0 == metrics.total("oversight_records_refused_total")
        assert before == [one.key for one in await records(fates.service.bootstrap, topic)]
    assert len(set(before)) == len(before)
