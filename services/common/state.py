"""Keys of the hot state (Valkey or Redis). All of it can be rebuilt; none of it is a record.

docs/state.md has them all, with type, life and owner; a test holds it against the code.
"""

from __future__ import annotations

import redis.asyncio as redis

from services.common import valkey


def where_key(tenant_id: str, session_id: str) -> str:
    """Where a session's live streams are."""
    return f"siq:where:{tenant_id}:{session_id}"


def left_key(tenant_id: str, session_id: str) -> str:
    """When a session's page closed last."""
    return f"siq:left:{tenant_id}:{session_id}"


def edge_channel(worker: str) -> str:
    """The channel on which an edge worker hears what to push."""
    return f"siq:edge:{worker}"


def connect(url: str) -> redis.Redis:
    """Open a lazy client of the state store."""
    return valkey.connect(url)
