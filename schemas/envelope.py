"""The CloudEvents 1.0 envelope, its event types, and the two ways Kafka carries it.

Structured mode: the record's value is the whole event (`application/cloudevents+json`).
Binary mode: attributes are `ce_*` headers and the value is `data` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, create_model, model_validator

from schemas.ambulance import AmbulanceHandover, AmbulanceResponse, AmbulanceState
from schemas.beds import BedState
from schemas.capacity import CapacityState
from schemas.common import SKEW_SECONDS, Instant, OdsCode, Record, Strict
from schemas.ed import EdAttendance, EdState
from schemas.measure import MeasureReport
from schemas.nhs111 import Nhs111Activity
from schemas.rtt import RttCensus
from schemas.spell import Spell
from schemas.theatre import TheatreCase, TheatreSession

Headers = Sequence[tuple[str, bytes]]

_SKEW = timedelta(seconds=SKEW_SECONDS)

TYPE_PREFIX = "uk.nhs.oversight."

Printable = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$(?!\n)")]


class Envelope(Strict):
    """Attributes that every event carries. No attribute beyond these is accepted."""

    specversion: Literal["1.0"]
    id: Printable = Field(description="unique within the source")
    source: Annotated[
        str, StringConstraints(pattern=r"^/ods/[A-Z0-9]{3,10}/[a-z0-9][a-z0-9._-]{0,63}$(?!\n)")
    ]
    """`/ods/<code>/<system>`: the publisher and its system; half of every identity."""
    time: Instant = Field(description="when the message's fact occurred")
    recordedtime: Instant = Field(description="when the publisher wrote it down")
    partitionkey: OdsCode = Field(description="the publisher's ODS code, and the key of the Kafka record")
    subject: Printable | None = None
    dataschema: (
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:[!-~]{1,255}$(?!\n)")] | None
    ) = None
    datacontenttype: Literal["application/json"] = "application/json"
    synthetic: bool = Field(default=False, description="made up: never added to real figures")
    sequence: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,64}$(?!\n)")] | None = None
    traceparent: (
        Annotated[
            str, StringConstraints(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$(?!\n)")
        ]
        | None
    ) = None

    @staticmethod
    def violation(event: Any) -> str | None:
        """Say which rule between attributes `event` breaks, or None; judges model and struct alike."""
        if event.source.split("/", 3)[2] != event.partitionkey:
            return "partitionkey: is not the organisation code in source"
        return Envelope.wrong_times(event)

    @staticmethod
    def wrong_times(event: Any) -> str | None:
        """The part of `violation` that does not hang on source and key alone."""
        if event.recordedtime - event.time < -_SKEW:
            return f"recordedtime: more than {SKEW_SECONDS} s before time"
        return None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (problem := Envelope.violation(self)) is not None:
            raise ValueError(problem)
        return self


RECORDS: dict[str, type[Record]] = {
    "theatre.session.recorded.v1": TheatreSession,
    "theatre.case.recorded.v1": TheatreCase,
    "spell.recorded.v1": Spell,
    "ed.attendance.recorded.v1": EdAttendance,
    "ambulance.handover.recorded.v1": AmbulanceHandover,
    "ambulance.response.recorded.v1": AmbulanceResponse,
    "bed.state.observed.v1": BedState,
    "ed.state.observed.v1": EdState,
    "capacity.state.observed.v1": CapacityState,
    "ambulance.state.observed.v1": AmbulanceState,
    "nhs111.activity.recorded.v1": Nhs111Activity,
    "rtt.census.reported.v1": RttCensus,
    "measure.reported.v1": MeasureReport,
}
"""Suffix of the event type to the model of its `data`."""


def _event_model(suffix: str, record: type[Record]) -> type[Envelope]:
    name = "".join(part.capitalize() for part in suffix.split(".")[:-1])
    type_name = TYPE_PREFIX + suffix
    model: type[Envelope] = create_model(
        name,
        __base__=Envelope,
        __module__=__name__,
        __doc__=f"CloudEvent {type_name}: {(record.__doc__ or '').splitlines()[0]}",
        type=(Literal[type_name], ...),  # type: ignore[arg-type]
        data=(record, ...),
    )
    return model


EVENT_MODELS: dict[str, type[Envelope]] = {
    TYPE_PREFIX + suffix: _event_model(suffix, record) for suffix, record in RECORDS.items()
}
"""Full event type to the model of the whole event."""


def family_of(event_type: str) -> str:
    """Give the family of an event type: `uk.nhs.oversight.ed.attendance.recorded.v1` is `ed_attendance`."""
    return "_".join(event_type.removeprefix(TYPE_PREFIX).split(".")[:-2])


def structured(value: bytes, headers: Headers) -> bytes:
    """Give the event in structured form, whichever mode the record came in.

    Args:
        value: the Kafka record's value.
        headers: its headers; `ce_specversion` marks binary mode.

    Raises:
        ValueError: when a header is not text or stands twice, or the value of a binary-mode record is not one
            JSON value.
    """
    if not _is_binary(headers):
        return value
    attributes: dict[str, Any] = {}
    for number, (name, text) in enumerate(attribute_headers(headers), 1):
        attribute = name.removeprefix("ce_") if name.startswith("ce_") else "datacontenttype"
        where = f"header {name}" if attribute in _ATTRIBUTES else f"attribute {number}"
        if attribute == "data":
            raise ValueError(f"{where}: the data of an event in binary mode is the value")
        if attribute in attributes:
            raise ValueError(f"{where}: stands twice")
        attributes[attribute] = _attribute(where, attribute, text)
    data = msgspec.json.decode(value, type=msgspec.Raw)
    return msgspec.json.encode({**attributes, "data": data})


_ATTRIBUTES = {*Envelope.model_fields, "type"}


def _is_binary(headers: Headers) -> bool:
    return any(name == "ce_specversion" for name, _ in headers)


def attribute_headers(headers: Headers) -> Headers:
    """Give those headers of a record that are attributes of its event: none in structured mode."""
    if not _is_binary(headers):
        return ()
    return tuple(one for one in headers if one[0].startswith("ce_") or one[0].lower() == "content-type")


def _attribute(where: str, attribute: str, value: bytes | None) -> Any:
    """Read a header; Kafka allows one without a value, and any bytes."""
    try:
        text = (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{where}: is not UTF-8 text") from None
    if attribute == "datacontenttype":
        return text.split(";")[0].strip()
    boolean = {"true": True, "false": False}.get(text) if attribute == "synthetic" else None
    return text if boolean is None else boolean
