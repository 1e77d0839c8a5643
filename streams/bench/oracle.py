"""What the result must be: plain Python and the standard library, the newest version of each attendance.

Shares no code with the engine, so that they cannot be wrong together. Slow on purpose.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from streams.bench.mix_oracle import expected_of_mix
from streams.bench.sums import Sums

_LONDON = ZoneInfo("Europe/London")
_TYPE_1, _TYPE_5 = 1, 5


def expected(values: Iterable[bytes]) -> Sums:
    """Recompute the sums of a log of attendances from nothing.

    Args:
        values: structured CloudEvents in any order; every attendance has left.
    """
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for value in values:
        event = json.loads(value)
        data = event["data"]
        identity = (event["source"], data["attendance_key"])
        held = newest.get(identity)
        if held is None or data["version"] > held["version"]:
            newest[identity] = data
    sums: Sums = {}
    for data in newest.values():
        cell = sums.setdefault(_place(data), {})
        for fact, amount in _facts(data).items():
            cell[fact] = cell.get(fact, 0) + int(amount)
    return {
        place: {fact: amount for fact, amount in cell.items() if amount}
        for place, cell in sums.items()
        if any(cell.values())
    }


class Expected:
    """What contenders must give over one log of attendances, worked out when it is asked for.

    Args:
        values: structured CloudEvents in the order in which they were sent.
    """

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values = values
        self._days: dict[int, Sums] = {}

    @cached_property
    def cells(self) -> Sums:
        """All facts by organisation, site, local day and quintile."""
        return expected(self._values)

    @cached_property
    def mix(self) -> Sums:
        """A few facts of every family by stream, organisation and local day, of a log of all families."""
        return expected_of_mix(self._values)

    @cached_property
    def episodes(self) -> int:
        """How many attendances there are."""
        return len({(event["source"], event["data"]["attendance_key"]) for event in self._events()})

    @cached_property
    def ratio(self) -> Sums:
        """The two facts of the four-hour standard by organisation, site and local day."""
        found: Sums = {}
        for place, facts in self.cells.items():
            day = found.setdefault(place.rpartition("/")[0], {})
            for name in ("attended", "within_4h"):
                if facts.get(name):
                    day[name] = day.get(name, 0) + facts[name]
        return {place: facts for place, facts in found.items() if facts}

    def days(self, events: int) -> Sums:
        """Give those two by organisation and UTC day, over the first so many records, each counted."""
        if events not in self._days:
            found: dict[str, Counter[str]] = defaultdict(Counter)
            for event in islice(self._events(), events):
                data = event["data"]
                if data["department_type"] != _TYPE_5:
                    departed = datetime.fromisoformat(data["departed_at"])
                    day = found[f"{event['partitionkey']}/{departed.astimezone(UTC).date()}"]
                    day["attended"] += 1
                    if departed - datetime.fromisoformat(data["arrived_at"]) <= timedelta(hours=4):
                        day["within_4h"] += 1
            self._days[events] = {place: dict(facts) for place, facts in found.items()}
        return self._days[events]

    def _events(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self._values)


def _place(data: dict[str, Any]) -> str:
    day = datetime.fromisoformat(data["departed_at"]).astimezone(_LONDON).date()
    return f"{data['org']}/{data['site']}/{day}/{data.get('imd_quintile', 'unknown')}"


def _facts(data: dict[str, Any]) -> dict[str, float]:
    department = data["department_type"]
    if department == _TYPE_5:
        return {"attended_type5": 1}
    departed = datetime.fromisoformat(data["departed_at"])
    stay = departed - datetime.fromisoformat(data["arrived_at"])
    admitted = data["outcome"] == "admitted" and "decision_to_admit_at" in data
    waited = departed - datetime.fromisoformat(data["decision_to_admit_at"]) if admitted else timedelta()
    within = stay <= timedelta(hours=4)
    started = data.get("treatment_started_at")
    wait = datetime.fromisoformat(started or data["arrived_at"]) - datetime.fromisoformat(data["arrived_at"])
    return {
        "attended": 1,
        "within_4h": within,
        "over_12h": stay > timedelta(hours=12),
        "seconds": stay.total_seconds(),
        "dta_admissions": admitted,
        "dta_over_12h": waited > timedelta(hours=12),
        "attended_type1": department == _TYPE_1,
        "within_4h_type1": within and department == _TYPE_1,
        "treated": started is not None,
        "seconds_to_treatment": wait.total_seconds(),
    }
