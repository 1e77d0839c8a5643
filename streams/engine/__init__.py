"""The engine: records in, window facts out. Pure and synchronous; live, in replay and in tests the same."""

from streams.engine.core import Engine, EngineSettings, LogRecord, Outputs

__all__ = ["Engine", "EngineSettings", "LogRecord", "Outputs"]
