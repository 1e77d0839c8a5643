"""What a simulation is asked for: which trusts, how many days, and which faults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from streams.errors import ConfigurationError
from streams.sources.simulator.trusts import CODES

FAMILY_NAMES = (
    "ed_attendance",
    "ambulance_handover",
    "ambulance_response",
    "theatre_session",
    "theatre_case",
    "spell",
    "bed_state",
    "ed_state",
    "capacity_state",
    "ambulance_state",
    "nhs111_activity",
    "rtt_census",
    "measure",
)
DEFAULT_UNTIL = datetime(2026, 6, 15, 8, 30, tzinfo=UTC)
"""Fixed, so that the output depends on the arguments alone: a Monday morning in an operations centre."""

MAX_DAYS = 400
_SILENCE = re.compile(r"^([A-Z0-9]{3,10})@([0-9]+(?:\.[0-9]+)?)$")


@dataclass(frozen=True)
class Silence:
    """A trust from which nothing arrives any more, from `hours` before the end on."""

    code: str
    hours: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `RL4@6`.

        Raises:
            ConfigurationError: when it is not of that form.
        """
        found = _SILENCE.match(text)
        if found is None:
            raise ConfigurationError(f"silence {text!r}: write the trust's code and the hours, such as RL4@6")
        return cls(found[1], float(found[2]))


@dataclass(frozen=True)
class Settings:
    """One simulation; equal settings give equal bytes.

    Attributes:
        seed: of every draw.
        trusts: how many acute trusts; the first six belong to two ICBs.
        days: length of the stretch before `until`.
        until: the last instant of arrival.
        duplicates: share of events that arrive twice.
        disorder: share of messages sent late, by up to six hours.
        corrections: share of records that a higher version changes later.
        retractions: share of records that a higher version withdraws later.
        silences: trusts that fall silent.
        families: which families to send.

    Raises:
        ConfigurationError: when a value is outside its bounds; names the value and the bounds.
    """

    seed: int = 7
    trusts: int = 6
    days: int = 12
    until: datetime = DEFAULT_UNTIL
    duplicates: float = 0.02
    disorder: float = 0.1
    corrections: float = 0.05
    retractions: float = 0.005
    silences: tuple[Silence, ...] = ()
    families: tuple[str, ...] = FAMILY_NAMES

    def __post_init__(self) -> None:
        if not 1 <= self.trusts <= len(CODES):
            raise ConfigurationError(f"trusts {self.trusts}: from 1 to {len(CODES)}")
        if not 1 <= self.days <= MAX_DAYS:
            raise ConfigurationError(f"days {self.days}: from 1 to {MAX_DAYS}")
        if self.until.tzinfo is None:
            raise ConfigurationError("until: has no offset; write Z for UTC or +01:00")
        for name in ("duplicates", "disorder", "corrections", "retractions"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} {getattr(self, name)}: a share, from 0 to 1")
        for family in self.families:
            if family not in FAMILY_NAMES:
                raise ConfigurationError(f"family {family!r}: is none of {', '.join(FAMILY_NAMES)}")
        for silence in self.silences:
            if silence.code not in CODES[: self.trusts]:
                known = ", ".join(CODES[: self.trusts])
                raise ConfigurationError(f"silence {silence.code}: is not simulated; these are: {known}")
