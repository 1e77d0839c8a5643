"""The contract: what publishers send and what the service puts on its topics.

Importable on its own. The pydantic models are the truth; `schemas.fast` derives a decoder from them
for the hot path, and `schemas.export` derives JSON Schema for publishers.
"""

from schemas.ambulance import AmbulanceHandover, AmbulanceResponse
from schemas.beds import BedState
from schemas.ed import EdAttendance
from schemas.envelope import EVENT_MODELS, Envelope, family_of
from schemas.measure import MeasureReport, StratumAmount
from schemas.rtt import RttCensus, StratumBands
from schemas.spell import Spell
from schemas.theatre import TheatreCase, TheatreSession, TouchInterval

__all__ = [
    "EVENT_MODELS",
    "AmbulanceHandover",
    "AmbulanceResponse",
    "BedState",
    "EdAttendance",
    "Envelope",
    "MeasureReport",
    "RttCensus",
    "Spell",
    "StratumAmount",
    "StratumBands",
    "TheatreCase",
    "TheatreSession",
    "TouchInterval",
    "family_of",
]
