"""The three fields of an attendance that the ratio is made of, read with msgspec: the same for every peer.

Decoding into a typed Struct parses only what is declared, dates included, in C. Imported as a sibling.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

_TYPE_5 = 5
_TARGET = timedelta(hours=4)


class Data(msgspec.Struct, gc=False):
    """The attendance.

    Attributes:
        department_type: type 5 (same day emergency care) is outside the ratio.
        arrived_at: with its offset from UTC.
        departed_at: with its offset from UTC.
    """

    department_type: int
    arrived_at: datetime
    departed_at: datetime

    @property
    def counts(self) -> bool:
        """Whether it is part of the ratio."""
        return self.department_type != _TYPE_5

    @property
    def within(self) -> bool:
        """Whether the patient stayed at most four hours."""
        return self.departed_at - self.arrived_at <= _TARGET


class Event(msgspec.Struct, gc=False):
    """The CloudEvent: organisation and attendance."""

    partitionkey: str
    data: Data


decode = msgspec.json.Decoder(Event).decode
