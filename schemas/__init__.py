"""The contract: what publishers send and what the service puts on its topics.

Importable on its own. The pydantic models are the truth; `schemas.fast` derives a decoder from them
for the hot path, and `schemas.export` derives JSON Schema for publishers.
"""

from schemas.ambulance import AmbulanceHandover, AmbulanceResponse, AmbulanceState
from schemas.beds import BedState
from schemas.capacity import CapacityState
from schemas.ed import EdAttendance, EdState
from schemas.envelope import EVENT_MODELS, Envelope, family_of
from schemas.measure import MeasureReport, StratumAmount
from schemas.nhs111 import Nhs111Activity
from schemas.rtt import RttCensus, StratumBands
from schemas.spell import Spell
from schemas.theatre import TheatreCase, TheatreSession, TouchInterval

__all__ = [
    "EVENT_MODELS",
    "AmbulanceHandover",
    "AmbulanceResponse",
    "AmbulanceState",
    "BedState",
    "CapacityState",
    "EdAttendance",
    "EdState",
    "Envelope",
    "MeasureReport",
    "Nhs111Activity",
    "RttCensus",
    "Spell",
    "StratumAmount",
    "StratumBands",
    "TheatreCase",
    "TheatreSession",
    "TouchInterval",
    "family_of",
]
