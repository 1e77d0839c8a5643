"""Events as many publishers would send them, the unwelcome ones included; made from a seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from streams.sources.events import Event, event

LONDON = ZoneInfo("Europe/London")
ORGANISATIONS = ("RJ1", "RX1", "RH8", "ZZZ9")
"""Three trusts of different regions, and a code that no map knows; one of them with sites."""
DAYS_BACK = 9
"""How far events lie back at most, days: inside every correction horizon."""
TOO_OLD_DAYS = 100
"""Age of what comes too late, days: beyond every horizon."""
REMEMBERED = 4_000
"""Episodes that a correction may still hit."""


@dataclass(frozen=True)
class Message:
    """One record to be sent, and what ought to become of it.

    Attributes:
        topic: without the prefix.
        key: of the record.
        value: its bytes.
        event: the event, when it is a good one; None for poison.
        fate: `counted`, `refused` (a dead letter) or `late`.
    """

    topic: str
    key: str
    value: bytes
    event: Event | None
    fate: str = "counted"


@dataclass
class _Episode:
    """An episode that may be corrected: how to make its record anew, and the versions given out."""

    kind: str
    key: str
    org: str
    version: int = 1
    waiting: list[Message] = field(default_factory=list)


class Traffic:
    """Makes messages without end.

    Of a hundred about 20 are new handovers (never corrected: their number can only grow, which the
    timeline watches), 45 new episodes of other kinds, 20 corrections (retractions, resurrections, moves
    to another day or site, versions that overtake each other), 10 repeats, 2 poison, 1 too late.

    Args:
        seed: of everything random.
        pool: how many episodes there are at most: once there are so many, what comes corrects them, and
            handovers become few. None for no end of new ones.
    """

    def __init__(self, seed: int = 1, *, pool: int | None = None) -> None:
        self._pool = pool
        self.random = random.Random(seed)  # noqa: S311 - traffic, not secrets
        self._number = 0
        self._episodes: list[_Episode] = []
        self._late_versions: list[Message] = []
        self._sent: list[Message] = []

    def next(self) -> Message:
        """Make the next message."""
        roll = self.random.random()
        full = self._pool is not None and len(self._episodes) >= self._pool
        if full and (roll < 0.64 or 0.98 <= roll < 0.99):
            message = self._correction() if roll > 0.01 else self._handover()
        elif roll < 0.20:
            message = self._handover()
        elif roll < 0.65:
            message = self._new()
        elif roll < 0.85 and self._episodes:
            message = self._correction()
        elif roll < 0.90 and self._late_versions:
            return self._late_versions.pop(self.random.randrange(len(self._late_versions)))
        elif roll < 0.96 and self._sent:
            return self.random.choice(self._sent)
        elif roll < 0.98:
            return self.poison()
        elif roll < 0.99:
            return self._too_late()
        else:
            message = self._state_or_return()
        self._sent.append(message)
        if len(self._sent) > REMEMBERED:
            del self._sent[: REMEMBERED // 2]
        return message

    def poison(self) -> Message:
        """Make a record that nobody can count; its bytes are like no other's."""
        self._number += 1
        org = self._org()
        now = datetime.now(UTC)
        good = self._attendance(f"poison{self._number}", org, 1, now)
        text = json.dumps(good)
        value = self.random.choice(
            (
                b'{"cut short": %d' % self._number,
                b"\0\1\2 not JSON %d" % self._number,
                text.replace('"version": 1', '"version": -1').encode(),
                text.replace("ed.attendance", "ed.unheard_of").encode(),
                text.replace('"attendance_key"', '"attendance"').encode(),
                json.dumps({**good, "colour": "blue"}).encode(),
            )
        )
        return Message("events", org, value, None, "refused")

    def _org(self) -> str:
        return self.random.choice(ORGANISATIONS)

    def _past(self) -> datetime:
        """Give an instant of one of the last complete days."""
        days = self.random.randint(1, DAYS_BACK)
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        return noon - timedelta(days=days, minutes=self.random.randint(-600, 600))

    def _when(self) -> datetime:
        """Give an instant of the last hour, or of one of the last days."""
        if self.random.random() < 0.3:
            now = datetime.now(UTC).replace(microsecond=0)
            return now - timedelta(seconds=self.random.randint(0, 3600))
        return self._past()

    def _handover(self) -> Message:
        self._number += 1
        done = self._past()
        org = self._org()
        data = {
            "handover_key": f"h{self._number}",
            "arrived_at": _text(done - timedelta(minutes=self.random.randint(5, 90))),
            "handover_at": _text(done),
        }
        return self._message("ambulance.handover", org, 1, done, data)

    def _new(self) -> Message:
        self._number += 1
        kind = self.random.choices(("attendance", "spell", "session"), (6, 3, 1))[0]
        episode = _Episode(kind, f"{kind[0]}{self._number}", self._org())
        self._episodes.append(episode)
        if self._pool is None and len(self._episodes) > REMEMBERED:
            del self._episodes[: REMEMBERED // 2]
        return self._version(episode)

    def _correction(self) -> Message:
        episode = self.random.choice(self._episodes)
        episode.version += 1
        retracted = self.random.random() < 0.2
        message = self._version(episode, retracted=retracted)
        if self.random.random() < 0.25:  # a newer one overtakes it
            self._late_versions.append(message)
            episode.version += 1
            return self._version(episode)
        return message

    def _version(self, episode: _Episode, *, retracted: bool = False) -> Message:
        make = getattr(self, f"_{episode.kind}")
        one = make(episode.key, episode.org, episode.version, self._when())
        if retracted:
            one["data"]["retracted"] = True
        elif episode.org == ORGANISATIONS[0] and self.random.random() < 0.3:
            one["data"]["site"] = f"{episode.org}0{self.random.randint(1, 2)}"
        return Message("events", episode.org, _bytes(one), one)

    def _attendance(self, key: str, org: str, version: int, left: datetime) -> Event:
        minutes = self.random.randint(10, 900)
        arrived = left - timedelta(minutes=minutes)
        data: dict[str, Any] = {
            "attendance_key": key,
            "department_type": self.random.choice((1, 1, 1, 2, 3, 5)),
            "arrived_at": _text(arrived),
            "departed_at": _text(left),
            "outcome": "discharged",
        }
        if self.random.random() < 0.5:
            data["imd_quintile"] = self.random.choice((1, 5))
        if self.random.random() < 0.3:
            data["outcome"] = "admitted"
            data["decision_to_admit_at"] = _text(arrived + timedelta(minutes=self.random.randint(0, minutes)))
        return self._event("ed.attendance", org, version, left, data)

    def _spell(self, key: str, org: str, version: int, left: datetime) -> Event:
        nights = self.random.randint(0, 6)
        data: dict[str, Any] = {
            "spell_key": key,
            "admitted_at": _text(left - timedelta(days=nights)),
            "discharged_at": _text(left),
        }
        if self.random.random() < 0.8:
            ready = left.astimezone(LONDON).date() - timedelta(days=self.random.randint(0, nights))
            data["discharge_ready_date"] = ready.isoformat()
        if self.random.random() < 0.5:
            data["imd_quintile"] = self.random.choice((1, 5))
        return self._event("spell", org, version, left, data)

    def _session(self, key: str, org: str, version: int, start: datetime) -> Event:
        start = start - timedelta(hours=4)
        first = start + timedelta(minutes=self.random.randint(-20, 60))
        last = first + timedelta(minutes=self.random.randint(60, 240))
        data = {
            "session_key": key,
            "list_type": "elective",
            "status": "held",
            "planned_start": _text(start),
            "planned_end": _text(start + timedelta(hours=4)),
            "ended_at": _text(min(last, datetime.now(UTC).replace(microsecond=0))),
            "cases": [{"touch_start": _text(first), "touch_end": _text(last)}],
        }
        return self._event("theatre.session", org, version, start, data)

    def _state_or_return(self) -> Message:
        self._number += 1
        org = self._org()
        if self.random.random() < 0.5:
            return self.report(org, self._number)
        day = datetime.now(LONDON).date() - timedelta(days=self.random.randint(1, DAYS_BACK))
        at = datetime.combine(day, time(7, self.random.randint(1, 59)), LONDON)
        beds = self.random.randint(200, 900)
        data = {
            "as_at": _text(at),
            "bed_group": "adult_general_acute",
            "open_core": beds,
            "open_escalation": self.random.randint(0, 20),
            "occupied": self.random.randint(100, beds),
        }
        return self._message("bed.state", org, self._number, at, data, verb="observed")

    def report(self, org: str, version: int) -> Message:
        """Make a finance report for the last complete month; every version replaces the one before."""
        first = date.today().replace(day=1)  # noqa: DTZ011 - the month before is the same in every zone
        start = (first - timedelta(days=1)).replace(day=1)
        data = {
            "measure": "finance_variance",
            "period_start": start.isoformat(),
            "period_end": first.isoformat(),
            "numerator": self.random.randint(-5_000, 5_000),
            "denominator": self.random.randint(100_000, 900_000),
        }
        at = datetime.combine(first, time(6), LONDON)
        return self._message("measure", org, version, at, data, verb="reported", topic="returns")

    def _too_late(self) -> Message:
        self._number += 1
        org = self._org()
        left = datetime.now(UTC).replace(microsecond=0) - timedelta(days=TOO_OLD_DAYS)
        one = self._attendance(f"old{self._number}", org, 1, left)
        return Message("events", org, _bytes(one), one, "late")

    def _event(
        self,
        family: str,
        org: str,
        version: int,
        at: datetime,
        data: dict[str, Any],
        *,
        verb: str = "recorded",
    ) -> Event:
        self._number += 1
        return event(
            f"{family}.{verb}.v1",
            source=f"/ods/{org}/{family.split('.', maxsplit=1)[0]}",
            identifier=f"e{self._number}",
            time=at,
            recorded=at,
            data={"org": org, "version": version, **data},
        )

    def _message(
        self,
        family: str,
        org: str,
        version: int,
        at: datetime,
        data: dict[str, Any],
        *,
        verb: str = "recorded",
        topic: str = "events",
    ) -> Message:
        one = self._event(family, org, version, at, data, verb=verb)
        return Message(topic, org, _bytes(one), one)


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _bytes(one: Event) -> bytes:
    return json.dumps(one, separators=(",", ":")).encode()
