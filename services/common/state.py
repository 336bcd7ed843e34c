"""Keys of the hot state (Valkey or Redis). All of it can be rebuilt; none of it is a record.

| key | type | TTL | owner |
|---|---|---|---|
| siq:part:{n} | string "endpoint epoch" | 2 s | detection (lease of a partition) |
| siq:part:history | hash n -> "endpoint epoch" | – | detection (last holder) |
| siq:members | sorted set endpoint -> expiry ms | – | detection (who is there) |
| siq:snap:{n} | string (snapshot blob) | 1 h | detection |
| siq:where:{tenant}:{session} | hash stream -> "worker visible_at_ms" | 60 s | edge |
| siq:edge:{worker} | channel of serialized Intervention | – | intervention publishes |
"""

from __future__ import annotations

import redis.asyncio as redis

from services.common import valkey


def where_key(tenant_id: str, session_id: str) -> str:
    """Where a session's live streams are."""
    return f"siq:where:{tenant_id}:{session_id}"


def edge_channel(worker: str) -> str:
    """The channel on which an edge worker hears what to push."""
    return f"siq:edge:{worker}"


def connect(url: str) -> redis.Redis:
    """Open a lazy client of the state store."""
    return valkey.connect(url)
