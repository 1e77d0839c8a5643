"""The dated register of organisations: who belonged to which ICB and region, on which day."""

from __future__ import annotations

from streams.organisations.register import (
    ENGLAND,
    UNMAPPED,
    Organisation,
    Parents,
    Register,
    Succession,
)

__all__ = ["ENGLAND", "UNMAPPED", "Organisation", "Parents", "Register", "Succession"]
