"""Which trusts are simulated, and how large and how hard pressed each of them is.

Codes, ICBs and regions are real and come from the register; every figure is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from streams.organisations import Register

CODES = (
    *("RL4", "RKB", "RNA", "RLT", "RBK", "RXK"),  # Black Country; Coventry and Warwickshire
    *("RJC", "RRK", "RJE", "RXW", "RWP", "RLQ", "RWE", "RX1", "RK5", "RTG", "RFS", "RNQ", "RNS", "RWD"),
    *("RM3", "RMC", "RWJ", "RMP", "RRF", "R0A", "REM", "RBL", "RWW", "RBT", "RJR", "RXL", "RXR", "RXN"),
    *("RR8", "RAE", "RWY", "RXF", "RCF", "RFF", "RFR", "RP5", "RHQ", "RCB", "RWA", "RJL", "RTD", "RTF"),
    *("RJZ", "RJ1", "RJ2", "RJ7", "RJ6", "RAX", "RVR", "R1H", "RF4", "RQX", "RAL", "RAS", "RYJ", "RQM"),
    *("RHM", "RHU", "RN5", "RYR", "RXC", "RTP", "RDU", "RA2", "RTK", "RN7", "RVV", "RWF", "RPA"),
    *("RH8", "RA9", "RK9", "REF", "RH5", "RA7", "RVJ", "RTE", "RN3", "RD1", "RNZ", "RBD", "R0D"),
    *("RGT", "RGN", "RWH", "RWG", "RC9", "RD8", "RDE", "RAJ", "RQW", "RM1", "RGP", "RCX", "RGR"),
)
"""Acute trusts with a major A&E department, in the order in which a larger simulation takes them."""

_AMBULANCE = {
    "Y56": "RRU",
    "Y58": "RYF",
    "Y59": "RYD",
    "Y60": "RYA",
    "Y61": "RYC",
    "Y62": "RX7",
    "Y63": "RX8",
}
"""An ambulance service of each region; some regions have two, of which one is enough here."""

_EAST_MIDLANDS = ("QT1", "QJ2", "QPM", "QJM", "QK1")


def random_for(*parts: object) -> Random:
    """Give a generator of its own for a subject, so that no other subject's draws change it."""
    return Random("/".join(str(part) for part in parts))


@dataclass(frozen=True)
class Trust:
    """One simulated trust; volumes are means a day.

    Attributes:
        slowness: factor on stays in the emergency department, about 1.
        handover_minutes: median of a handover.
        deprivation: weights of IMD quintiles 1 to 5 among its patients.
        waiting_list: incomplete pathways.
        turnover_pounds: planned, a month.
    """

    seed: int
    code: str
    icb: str
    sites: tuple[str, ...]
    ambulance: str
    attendances: float
    slowness: float
    handovers: float
    handover_minutes: float
    theatres: int
    discharges: float
    core_beds: int
    occupancy: float
    no_criteria_to_reside: float
    waiting_list: int
    turnover_pounds: int
    deprivation: tuple[float, ...]

    @property
    def source(self) -> str:
        """The publisher: the trust's simulator."""
        return f"/ods/{self.code}/simulator"

    def random(self, *subject: object) -> Random:
        """Give the generator of one subject of this trust."""
        return random_for(self.seed, self.code, *subject)


def make_trusts(seed: int, count: int, day: date) -> tuple[Trust, ...]:
    """Give the first `count` trusts; a trust is the same whatever the count."""
    register = Register.shipped()
    return tuple(_trust(seed, code, register, day) for code in CODES[:count])


def _trust(seed: int, code: str, register: Register, day: date) -> Trust:
    rng = random_for(seed, code, "trust")
    parents = register.parents(code, day)
    size = rng.uniform(0.8, 1.25)
    most = rng.uniform(0.18, 0.40)
    rest = [rng.uniform(0.8, 1.2) * weight for weight in (0.24, 0.20, 0.18, 0.14)]
    return Trust(
        seed=seed,
        code=code,
        icb=parents.icb,
        sites=(f"{code}01", f"{code}02"),
        ambulance="RX9" if parents.icb in _EAST_MIDLANDS else _AMBULANCE.get(parents.region, "RYA"),
        attendances=340 * size,
        slowness=rng.uniform(0.92, 1.08),
        handovers=82 * size * rng.uniform(0.9, 1.1),
        handover_minutes=rng.uniform(22, 25),
        theatres=round(11 * size),
        discharges=88 * size,
        core_beds=round(680 * size),
        occupancy=rng.uniform(0.925, 0.955),
        no_criteria_to_reside=rng.uniform(0.13, 0.19),
        waiting_list=round(52_000 * size),
        turnover_pounds=round(540 * size) * 100_000,
        deprivation=(most, *rest),
    )
