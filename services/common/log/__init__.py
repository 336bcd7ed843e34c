"""The event log: one port, an adapter for each engine."""

from services.common.log.port import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    TOPICS,
    Append,
    Entry,
    EventLog,
    LogFull,
    LogUnavailable,
    Record,
    open_log,
)

__all__ = [
    "BEHAVIOR",
    "DECISION",
    "EMOTION",
    "IDENTITY",
    "OUTCOME",
    "TOPICS",
    "Append",
    "Entry",
    "EventLog",
    "LogFull",
    "LogUnavailable",
    "Record",
    "open_log",
]
