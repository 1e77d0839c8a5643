"""The errors this service raises, one tree; each says what was wrong, where, and what to do.

OversightError
├── ConfigurationError      settings, catalogue, thresholds or a register that cannot be used
├── SourceError             an input file that cannot be read as what it claims to be
├── TopicError              a topic is missing, or is not what the service needs
├── LocalServerError        a server this command wanted to start here did not come up
│   └── PortTakenError      … because its port is taken
├── DeliveryError           the broker did not acknowledge an output
└── BenchmarkError          a contender failed, or its result is wrong: there is no figure
"""

from __future__ import annotations


class OversightError(Exception):
    """Base of every error that is meant for a person to read."""


class ConfigurationError(OversightError):
    """Settings, catalogue, thresholds or register cannot be used as they are."""


class SourceError(OversightError):
    """An input file cannot be read as what it claims to be."""


class TopicError(OversightError):
    """A topic is missing or is not configured as the service needs it."""


class LocalServerError(OversightError):
    """A server that this command wanted to start on this machine did not come up."""


class PortTakenError(LocalServerError):
    """The port is already in use."""


class DeliveryError(OversightError):
    """The broker did not acknowledge an output inside the deadline."""


class BenchmarkError(OversightError):
    """A contender of the benchmark failed, or its result is wrong: there is no figure."""
