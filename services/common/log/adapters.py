"""Which adapter serves which URL."""

from __future__ import annotations

from services.common.log.port import EventLog
from services.common.log.valkey import ValkeyLog


def open_log(url: str) -> EventLog:
    """Open the adapter for a URL: redis://, valkey:// or unix:// (Valkey Streams)."""
    scheme = url.partition(":")[0]
    if scheme in {"redis", "rediss", "unix", "valkey"}:
        return ValkeyLog(url)
    raise ValueError(f"SIQ_LOG_URL={url!r}: expected redis://host:port for Valkey Streams")
