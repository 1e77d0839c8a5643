"""The topics: how each is created, and what is checked before the service starts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from streams.engine.core import RETURN_FAMILIES
from streams.engine.families import FAMILIES
from streams.errors import TopicError
from streams.settings import Settings

_DAY_MS = 86_400_000
_MEBIBYTE = 1 << 20
_POLL_SECONDS = 0.05

ACCEPTS = {"events": frozenset(FAMILIES), "returns": RETURN_FAMILIES}
"""Which families each input topic carries: their retention differs."""


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: without the prefix.
        key: what its records are keyed by.
        purpose: what it holds.
        partitions: None for as many as configured.
        configs: at creation; those in `required` are checked at every start.
    """

    name: str
    key: str
    purpose: str
    configs: dict[str, str]
    partitions: int | None = 1
    required: tuple[str, ...] = field(default=("cleanup.policy",))


def _kept(days: int, **extra: str) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS)} | {
        name.replace("_", "."): value for name, value in extra.items()
    }


TOPICS = (
    Topic(
        "events",
        "the publisher's ODS code",
        "episodes and states as CloudEvents",
        _kept(60, message_timestamp_type="LogAppendTime"),
        partitions=None,
        required=("cleanup.policy", "message.timestamp.type"),
    ),
    Topic(
        "returns",
        "the publisher's ODS code",
        "reported measures and censuses as CloudEvents",
        _kept(800, message_timestamp_type="LogAppendTime"),
        partitions=None,
        required=("cleanup.policy", "message.timestamp.type"),
    ),
    Topic(
        "snapshots",
        "input topic / partition / organisation",
        "window facts of every organisation; one partition, so that one assessment owns it",
        {"cleanup.policy": "compact", "max.message.bytes": str(8 * _MEBIBYTE), "segment.ms": "600000"},
    ),
    Topic(
        "day-totals",
        "input topic / partition / day, organisation, site, stream and basis",
        "what each closed day came to, kept for ever; that of an input partition is in the same partition",
        {"cleanup.policy": "compact", "max.message.bytes": str(8 * _MEBIBYTE)},
        partitions=None,
    ),
    Topic(
        "finals",
        "organisation / level / indicator / window / stratum / basis / period end / revision",
        "figures of periods that have ended, each revision of them, kept for ever; one partition, one writer",
        {"cleanup.policy": "delete", "retention.ms": "-1", "message.timestamp.type": "LogAppendTime"},
        required=("cleanup.policy", "retention.ms", "message.timestamp.type"),
    ),
    Topic(
        "dead-letters",
        "input topic / partition / offset",
        "refused records: reason and position in headers, and the original bytes unless they are withheld",
        _kept(60, max_message_bytes=str(8 * _MEBIBYTE)),
    ),
    Topic(
        "late",
        "input topic / partition / offset",
        "records whose day had closed when they arrived: the original bytes, with lateness in headers",
        _kept(60, max_message_bytes=str(8 * _MEBIBYTE)),
    ),
)


async def prepare_topics(settings: Settings, *, create: bool = True) -> dict[str, int]:
    """Create the topics that are missing and check all of them.

    Args:
        settings: where, and how many partitions and copies.
        create: False to report a missing topic instead.

    Returns:
        Full topic name to its number of partitions.

    Raises:
        TopicError: naming the topic, what is wrong and what to do; or that Kafka cannot be reached.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    try:
        try:
            with _one_voice():
                await admin.start()
        except (KafkaError, OSError) as error:
            raise TopicError(
                f"Kafka cannot be reached at {settings.bootstrap_servers} ({error}):"
                " is it running? Set OVERSIGHT_BOOTSTRAP_SERVERS to its address"
            ) from None
        existing = set(await admin.list_topics())
        missing = [one for one in TOPICS if settings.topic(one.name) not in existing]
        if missing and not create:
            names = ", ".join(settings.topic(one.name) for one in missing)
            raise TopicError(f"missing topics: {names}; `oversight worker` creates them at its start")
        await _create(admin, settings, missing)
        partitions = await _partitions(admin, settings)
        _check_totals(settings, partitions)
        await _check_configs(admin, settings)
        return partitions
    finally:
        await admin.close()


@contextlib.contextmanager
def _one_voice() -> Iterator[None]:
    """Keep aiokafka from reporting beside the error that we raise from its own."""
    theirs = logging.getLogger("aiokafka")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        theirs.setLevel(before)


async def _create(admin: Any, settings: Settings, missing: list[Topic]) -> None:
    if not missing:
        return
    configs = {one.name: dict(one.configs) for one in missing}
    if settings.append_time == "publisher":
        for config in configs.values():
            config.pop("message.timestamp.type", None)
    answer = await admin.create_topics(
        [
            NewTopic(
                settings.topic(one.name),
                one.partitions or settings.partitions,
                settings.replication,
                topic_configs=configs[one.name],
            )
            for one in missing
        ]
    )
    for name, code, *message in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise TopicError(
                f"topic {name} could not be created: {message[0] if message else for_code(code).__name__};"
                " on a single broker set OVERSIGHT_REPLICATION=1"
            )


async def _partitions(admin: Any, settings: Settings) -> dict[str, int]:
    """Give the partitions of every topic, once the broker knows all of them: it answers creation earlier."""
    names = [settings.topic(one.name) for one in TOPICS]
    ends_at = time.monotonic() + settings.deadline_seconds
    while True:
        described = await admin.describe_topics(names)
        found = {
            one["topic"]: len(one["partitions"])
            for one in described
            if not one["error_code"] and one["partitions"]
        }
        unknown = [name for name in names if name not in found]
        if not unknown:
            return found
        if time.monotonic() > ends_at:
            raise TopicError(
                f"the broker does not know {', '.join(unknown)} after {settings.deadline_seconds:g} s:"
                " look at the broker's log, and start again"
            )
        await asyncio.sleep(_POLL_SECONDS)


def _check_totals(settings: Settings, partitions: dict[str, int]) -> None:
    """Every partition of events has its totals in the partition of the same number."""
    name = settings.topic("day-totals")
    want = partitions[settings.topic("events")]
    if partitions[name] < want:
        raise TopicError(
            f"topic {name} has {partitions[name]} partitions, the service needs {want}, as many as events:"
            f" kafka-topics --alter --topic {name} --partitions {want}"
        )


async def _check_configs(admin: Any, settings: Settings) -> None:
    resources = [ConfigResource(ConfigResourceType.TOPIC, settings.topic(one.name)) for one in TOPICS]
    answers = await admin.describe_configs(resources)
    actual = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
    for one in TOPICS:
        name = settings.topic(one.name)
        for key in one.required:
            if key == "message.timestamp.type" and settings.append_time == "publisher":
                continue
            want, found = one.configs[key], actual.get(name, {}).get(key)
            if found != want:
                raise TopicError(
                    f"topic {name} has {key}={found}, the service needs {want}: kafka-configs --alter"
                    f" --entity-type topics --entity-name {name} --add-config {key}={want}"
                )
