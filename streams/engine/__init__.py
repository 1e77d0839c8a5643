"""The engine: records in, window facts out. Pure and synchronous; live, in replay and in tests the same."""

from streams.engine.core import Engine, EngineSettings
from streams.engine.records import LogRecord, Outputs

__all__ = ["Engine", "EngineSettings", "LogRecord", "Outputs"]
