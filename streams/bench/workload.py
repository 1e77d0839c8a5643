"""What is measured with: emergency attendances as publishers send them, organisations of unequal size."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from streams.sources.events import event, instant

_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_DEPARTMENTS, _DEPARTMENT_SHARES = (1, 2, 3, 5), (62, 64, 97, 100)
_OUTCOMES = ("discharged", "discharged", "discharged", "transferred", "left")
_QUINTILES = (1, 2, 3, 4, 5, None)
_SEXES = ("female", "male")
_AGES = ("0-17", "18-24", "25-44", "45-64", "65-74", "75-84", "85+")
_ETHNIC_GROUPS = ("A", "B", "C", "D", "H", "J", "M", "N", "Z")
_ADMITTED = 0.3
_EMERGENCY = "ed.attendance.recorded.v1"


@dataclass(frozen=True)
class Workload:
    """A stretch of days of attendances, in the order in which they are sent.

    Attributes:
        name: for reports.
        events: how many messages, all versions and repeats counted.
        organisations: how many publishers; the n-th sends 1/n as much as the first.
        days: how long the stretch is; it ends now, inside the correction horizon.
        corrections: share of messages that replace an earlier one (version 2, another departure).
        duplicates: share of messages that repeat an earlier one.
        disorder: share of attendances sent up to six hours late.
        seed: of every draw.
        mixed: whether all families send (`streams.bench.mix`), instead of attendances alone.
    """

    name: str
    events: int = 300_000
    organisations: int = 200
    days: float = 14
    corrections: float = 0.0
    duplicates: float = 0.0
    disorder: float = 0.0
    seed: int = 7
    mixed: bool = False


class Message(NamedTuple):
    """A record to be: its key, and the CloudEvent in structured mode."""

    key: bytes
    value: bytes


class Sent(NamedTuple):
    """A message, when it is sent, and its number among all."""

    at: datetime
    number: int
    message: Message


def codes(count: int) -> list[str]:
    """Give `count` organisation codes, R00, R01 and so on."""
    size = len(_LETTERS)
    if count > size * size:
        raise ValueError(f"at most {size * size} organisations, not {count}")
    return [f"R{_LETTERS[number // size]}{_LETTERS[number % size]}" for number in range(count)]


def messages(workload: Workload, until: datetime) -> list[Message]:
    """Give the messages of a workload in the order of sending; the last is sent before `until`.

    The same workload and `until` give the same bytes.
    """
    rng = random.Random(workload.seed)  # noqa: S311 - made-up attendances
    sent: list[Sent] = []
    for number, org, departed in occurrences(workload, rng, until):
        data = attendance(rng, org, f"a{number:07d}{rng.getrandbits(48):012x}", departed)
        recorded = departed + timedelta(seconds=rng.randint(0, 60))
        sent.append(Sent(departed, number, _message(org, number, data, departed, min(recorded, until))))
    return disturbed(workload, rng, sent, lambda original: _corrected(rng, original, until), until)


def occurrences(
    workload: Workload, rng: random.Random, until: datetime
) -> Iterator[tuple[int, str, datetime]]:
    """Give number, organisation and time of what happens once, evenly over the stretch up to `until`."""
    organisations = codes(workload.organisations)
    shares = list(accumulate(1 / rank for rank in range(1, len(organisations) + 1)))
    once = round(workload.events / (1 + workload.corrections + workload.duplicates))
    step = timedelta(days=workload.days) / max(once, 1)
    for number in range(once):
        (org,) = rng.choices(organisations, cum_weights=shares)
        at = until - timedelta(days=workload.days) + number * step
        yield number, org, at.replace(microsecond=0)


def disturbed(
    workload: Workload,
    rng: random.Random,
    once: list[Sent],
    correct: Callable[[Sent], tuple[datetime, Message]],
    until: datetime,
) -> list[Message]:
    """Send some late, some again, and correct some, in the shares of a workload; give the order of sending.

    Args:
        workload: the shares.
        rng: of every draw.
        once: each message once, as it would be sent undisturbed.
        correct: gives when a message is corrected, and by what.
        until: nothing is sent after it.
    """
    late = [
        one._replace(at=one.at + timedelta(seconds=rng.randint(600, 6 * 3600)))
        if rng.random() < workload.disorder
        else one
        for one in once
    ]
    sent = [(one.at, one.message) for one in late]
    again = rng.sample(late, round(len(once) * workload.duplicates))
    sent += [(one.at + timedelta(seconds=rng.randint(1, 3600)), one.message) for one in again]
    sent += [correct(one) for one in rng.sample(late, round(len(once) * workload.corrections))]
    in_order = sorted(range(len(sent)), key=lambda n: (min(sent[n][0], until), n))
    return [sent[n][1] for n in in_order]


def attendance(rng: random.Random, org: str, key: str, departed: datetime) -> dict[str, Any]:
    """Give the record of an attendance that ends at `departed`."""
    (department,) = rng.choices(_DEPARTMENTS, cum_weights=_DEPARTMENT_SHARES)
    stay = timedelta(minutes=min(1440, int(rng.lognormvariate(5.1, 0.7)) + 5), seconds=rng.randrange(60))
    arrived = departed - stay
    admitted = rng.random() < _ADMITTED
    data = {
        "org": org,
        "site": f"{org}0{department}",
        "version": 1,
        "attendance_key": key,
        "department_type": department,
        "arrived_at": instant(arrived),
        "treatment_started_at": instant(arrived + timedelta(seconds=int(stay.total_seconds()) // 3)),
        "departed_at": instant(departed),
        "outcome": "admitted" if admitted else rng.choice(_OUTCOMES),
        "sex": rng.choice(_SEXES),
        "age_band": rng.choice(_AGES),
        "ethnic_group": rng.choice(_ETHNIC_GROUPS),
    }
    if admitted:
        data["decision_to_admit_at"] = instant(arrived + timedelta(seconds=int(stay.total_seconds()) // 2))
    quintile = rng.choice(_QUINTILES)
    if quintile is not None:
        data["imd_quintile"] = quintile
    return data


def _message(org: str, number: int, data: dict[str, Any], at: datetime, recorded: datetime) -> Message:
    made = event(
        _EMERGENCY,
        source=f"/ods/{org}/ed",
        identifier=f"{number}-{data['version']}",
        time=at,
        recorded=recorded,
        data=data,
    )
    return Message(org.encode(), msgspec.json.encode(made))


def _corrected(rng: random.Random, original: Sent, until: datetime) -> tuple[datetime, Message]:
    """Give a correction, the patient left a little later, and when it is sent."""
    data = msgspec.json.decode(original.message.value)["data"]
    departed = datetime.fromisoformat(data["departed_at"]) + timedelta(seconds=rng.randint(1, 600))
    departed = min(departed, until.astimezone(UTC).replace(microsecond=0))
    recorded = min(until, max(departed, original.at) + timedelta(minutes=rng.randint(10, 3 * 1440)))
    data |= {"version": 2, "departed_at": instant(departed)}
    org = original.message.key.decode()
    return recorded, _message(org, original.number, data, departed, recorded)
