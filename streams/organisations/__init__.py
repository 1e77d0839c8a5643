"""The dated register of organisations: who belonged to which place, ICB, cluster and region, on which day."""

from __future__ import annotations

from streams.organisations._codes import is_area
from streams.organisations.register import (
    ENGLAND,
    ROLL_UPS,
    UNMAPPED,
    Organisation,
    Parents,
    Register,
    Succession,
)

__all__ = ["ENGLAND", "ROLL_UPS", "UNMAPPED", "Organisation", "Parents", "Register", "Succession", "is_area"]
