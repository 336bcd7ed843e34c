"""The event log: one port, an adapter for each engine."""

from services.common.log.adapters import open_log
from services.common.log.port import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    TOPICS,
    Append,
    Entry,
    EntryTooLarge,
    EventLog,
    LogFull,
    LogUnavailable,
    Record,
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
    "EntryTooLarge",
    "EventLog",
    "LogFull",
    "LogUnavailable",
    "Record",
    "open_log",
]
