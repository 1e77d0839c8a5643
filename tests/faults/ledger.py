"""What was acknowledged to the publisher, and the figures that must follow from it.

Plain Python over the newest version of every key, on purpose without anything of the service's own: the two
cannot be wrong together.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from traffic import ORGANISATIONS, Message

LONDON = ZoneInfo("Europe/London")
QUARTER_SECONDS = 900
KEPT = 20_000
"""Messages kept to be sent a second time."""

_SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
"""Enough for our own exposition, whose compared labels hold no quotes; the full parser takes a second."""

Place = tuple[str, int, int]
"""Topic without its prefix, partition, offset."""
Key = tuple[str, str, str, str]
"""Metric, organisation, window, stratum."""
Figures = dict[Key, float]

HOURS = {"1h": 1, "4h": 4, "24h": 24}
DAYS = ("since_midnight", "day", "7d", "28d", "month")
COUNTED_ONCE = ("since_midnight", "28d")
"""Windows that together hold every event of the traffic once."""

COUNTS = (
    "oversight_ae_4h_all_types_denominator",
    "oversight_amb_handover_over_45m_denominator",
    "oversight_drd_completeness_denominator",
)
"""Denominators that count one for each episode: what they lack is lost, what is over is counted twice."""

_IDENTITY = {
    "ed.attendance": "attendance_key",
    "spell": "spell_key",
    "ambulance.handover": "handover_key",
    "theatre.session": "session_key",
}


class Ledger:
    """Everything the broker acknowledged. Written by the publisher's thread, read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.offered = 0
        self.handovers = 0
        self.messages: list[Message] = []
        self.unwelcome: set[bytes] = set()
        self.refused: dict[Place, bytes] = {}
        self.late: dict[Place, bytes] = {}
        self._newest: dict[tuple[str, ...], dict[str, Any]] = {}

    def take(self, message: Message, place: Place) -> None:
        """Note an acknowledged message and where it stands."""
        with self._lock:
            self.offered += 1
            if len(self.messages) < KEPT:
                self.messages.append(message)
            if message.fate != "counted":
                self.unwelcome.add(message.value)
            if message.fate == "refused":
                self.refused[place] = message.value
            elif message.fate == "late":
                self.late[place] = message.value
            elif message.event is not None:
                self._count(message.event)

    def _count(self, event: dict[str, Any]) -> None:
        data, family = event["data"], _family(event)
        if family == "bed.state":
            identity = (family, event["source"], data["as_at"])
        elif family == "measure":
            identity = (family, event["source"], data["period_start"])
        else:
            identity = (family, event["source"], data[_IDENTITY[family]])
        known = self._newest.get(identity)
        if known is None or known["data"]["version"] < data["version"]:
            self._newest[identity] = event
            self.handovers += known is None and family == "ambulance.handover"

    def expected(self, now: datetime) -> Figures:
        """Recompute every compared figure from nothing, as it must be shown at `now`."""
        with self._lock:
            newest = list(self._newest.values())
        found: Figures = defaultdict(float)
        states: dict[tuple[str, date], tuple[datetime, dict[str, Any]]] = {}
        for event in newest:
            data, family = event["data"], _family(event)
            if data.get("retracted"):
                continue
            if family == "bed.state":
                at = _instant(data["as_at"])
                known = states.get((event["source"], _day(at)))
                if known is None or known[0] < at:
                    states[event["source"], _day(at)] = (at, data)
            elif family == "measure":
                _add(
                    found, "finance_ytd_variance", data, ["month"], "", data["numerator"], data["denominator"]
                )
            else:
                _FAMILIES[family](found, data, now)
        for at, data in states.values():
            beds = data["open_core"] + data["open_escalation"]
            windows = _windows(at, now, hours=False)
            _add(found, "ga_bed_occupancy", data, windows, "", data["occupied"], beds)
        return {key: value for key, value in found.items() if value}


def _attendance(found: Figures, data: dict[str, Any], now: datetime) -> None:
    if data["department_type"] == 5:
        return
    left = _instant(data["departed_at"])
    within = left - _instant(data["arrived_at"]) <= timedelta(hours=4)
    windows = _windows(left, now)
    for stratum in _strata(data):
        _add(found, "ae_4h_all_types", data, windows, stratum, within, 1)
    if data["outcome"] == "admitted" and "decision_to_admit_at" in data:
        waited = left - _instant(data["decision_to_admit_at"]) > timedelta(hours=12)
        _add(found, "ae_dta_12h", data, windows, "", waited, None)


def _handover(found: Figures, data: dict[str, Any], now: datetime) -> None:
    done = _instant(data["handover_at"])
    took = done - _instant(data["arrived_at"])
    windows = _windows(done, now)
    _add(found, "amb_handover_over_45m", data, windows, "", took > timedelta(minutes=45), 1)
    _add(found, "amb_handover_mean", data, windows, "", took.total_seconds() / 60, 1)


def _spell(found: Figures, data: dict[str, Any], now: datetime) -> None:
    left = _instant(data["discharged_at"])
    windows = _windows(left, now)
    if _day(left) == _day(_instant(data["admitted_at"])):
        return
    ready = data.get("discharge_ready_date")
    for stratum in _strata(data):
        _add(found, "drd_completeness", data, windows, stratum, ready is not None, 1)
    if ready is not None:
        delay = (_day(left) - date.fromisoformat(ready)).days
        for stratum in _strata(data):
            _add(found, "drd_delayed", data, windows, stratum, delay > 0, 1)
            _add(found, "drd_mean_delay", data, windows, stratum, delay, 1)


def _session(found: Figures, data: dict[str, Any], now: datetime) -> None:
    start, end = _instant(data["planned_start"]), _instant(data["planned_end"])
    (case,) = data["cases"]
    inside = min(end, _instant(case["touch_end"])) - max(start, _instant(case["touch_start"]))
    touched, planned = inside.total_seconds() / 60, (end - start).total_seconds() / 60
    _add(found, "theatre_capped_utilisation", data, _windows(start, now), "", touched, planned)


_FAMILIES = {
    "ed.attendance": _attendance,
    "ambulance.handover": _handover,
    "spell": _spell,
    "theatre.session": _session,
}
_WINDOWS_SHOWN = {
    "ae_4h_all_types": (*HOURS, *DAYS),
    "ae_dta_12h": (*HOURS, *DAYS),
    "amb_handover_over_45m": ("1h", "4h", "24h", "since_midnight", "day", "7d", "28d", "month"),
    "amb_handover_mean": ("1h", "4h", "24h", "since_midnight", "day", "7d", "28d", "month"),
    "drd_delayed": ("day", "7d", "28d", "month"),
    "drd_mean_delay": ("day", "7d", "28d", "month"),
    "drd_completeness": ("day", "7d", "28d", "month"),
    "theatre_capped_utilisation": ("since_midnight", "day", "7d", "28d", "month"),
    "ga_bed_occupancy": ("since_midnight", "day", "7d", "28d", "month"),
    "finance_ytd_variance": ("month",),
}
COMPARED = {
    f"oversight_{name}_{part}": windows
    for name, windows in _WINDOWS_SHOWN.items()
    for part in ("numerator", "denominator")
}
"""The metrics that are compared, and the windows of each."""


def _add(  # noqa: PLR0917 - a row of a table
    found: Figures,
    indicator: str,
    data: Mapping[str, Any],
    windows: Iterable[str],
    stratum: str,
    numerator: float,
    denominator: float | None,
) -> None:
    for window in windows:
        if window in _WINDOWS_SHOWN[indicator] and not (stratum and window in HOURS):
            for org in (data["org"], "england"):
                found[f"oversight_{indicator}_numerator", org, window, stratum] += numerator
                if denominator is not None:
                    found[f"oversight_{indicator}_denominator", org, window, stratum] += denominator


def _strata(data: Mapping[str, Any]) -> tuple[str, ...]:
    return "", f"imd_quintile={data.get('imd_quintile', 'unknown')}"


def _windows(at: datetime, now: datetime, *, hours: bool = True) -> list[str]:
    """Say which windows hold an instant, when it is `now`."""
    found = []
    day, today = _day(at), _day(now)
    ago = (today - day).days
    if ago == 0:
        found.append("since_midnight")
    if ago == 1:
        found.append("day")
    found += [name for name, length in (("7d", 7), ("28d", 28)) if 1 <= ago <= length]
    if (day.year, day.month) == (today.year, today.month):
        found.append("month")
    if hours:
        end = int(now.timestamp()) // QUARTER_SECONDS * QUARTER_SECONDS
        found += [name for name, n in HOURS.items() if end - n * 3600 <= at.timestamp() < end]
    return found


def _family(event: Mapping[str, Any]) -> str:
    return ".".join(event["type"].removeprefix("uk.nhs.oversight.").split(".")[:-2])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(when: datetime) -> date:
    return when.astimezone(LONDON).date()


@dataclass
class Verdict:
    """How what the service shows differs from what it must show."""

    lost: int = 0
    double_counted: int = 0
    wrong: list[str] = field(default_factory=list)
    repeated_outputs: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing differs; outputs repeated under one identity are allowed, and told."""
        return not (self.lost or self.double_counted or self.wrong)


def compare_figures(want: Figures, got: Figures) -> Verdict:
    """Compare figures; a series that is absent counts as 0."""
    verdict = Verdict()
    for key in sorted(want.keys() | got.keys()):
        expected, found = want.get(key, 0.0), got.get(key, 0.0)
        if abs(expected - found) < 1e-6 * max(1.0, abs(expected)):
            continue
        verdict.wrong.append(f"{'/'.join(key)}: {found:g}, not {expected:g}")
        name, org, window, stratum = key
        if name in COUNTS and org != "england" and not stratum and window in COUNTED_ONCE:
            if found < expected:
                verdict.lost += round(expected - found)
            else:
                verdict.double_counted += round(found - expected)
    return verdict


def compare_places(
    what: str,
    want: Mapping[Place, bytes],
    got: Iterable[tuple[Place, bytes]],
    sent: set[bytes],
    into: Verdict,
    *,
    once: bool = False,
) -> None:
    """Compare dead letters or late records by their identity.

    With `once` a repeat of the same bytes may be taken for the duplicate it is, and needs no second record.

    One whose place was never acknowledged is right when its bytes were sent: the broker had taken it, and
    the acknowledgement was lost.
    """
    seen: dict[Place, int] = defaultdict(int)
    records = list(got)
    for place, value in records:
        seen[place] += 1
        if place not in want and value not in sent:
            into.double_counted += 1
            into.wrong.append(f"{what} of {place}, which was never sent: {value[:80]!r}")
    written = {value for _, value in records}
    missing = sorted(
        place for place, value in want.items() if place not in seen and not (once and value in written)
    )
    into.lost += len(missing)
    into.wrong += [f"no {what} of {place}" for place in missing]
    into.repeated_outputs += sum(count - 1 for count in seen.values())


def withheld(length: int) -> bytes:
    """Stand for a record of which a dead letter says only how long it was."""
    return b"withheld, %d bytes" % length


def shown(text: str) -> Figures:
    """Pick the compared figures out of what `/metrics` says; those that are 0 are left out."""
    orgs = {*ORGANISATIONS, "england"}
    found: Figures = {}
    for name, written, value in _SAMPLE.findall(text):
        windows = COMPARED.get(name)
        if windows is None:
            continue
        labels = dict(_LABEL.findall(written))
        wanted = labels["org"] in orgs and labels["window"] in windows
        broken_down = labels["stratum"].partition("=")[0]
        wanted = wanted and broken_down in ("", "imd_quintile")  # of all others everybody is unknown
        if wanted and labels["basis"] == "operational" and labels["level"] != "site":
            key = (name, labels["org"], labels["window"], labels["stratum"])
            assert key not in found, f"{key} is served twice"
            found[key] = float(value)
    return {key: value for key, value in found.items() if value}


def midnight_is_near(now: datetime) -> bool:
    """Whether windows may move while they are compared."""
    local = now.astimezone(LONDON)
    return local.time() > time(23, 59, 30) or local.time() < time(0, 0, 30)


def utc_now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)
