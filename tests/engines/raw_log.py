"""What no port of ours would write: an entry of the log that is none."""

from __future__ import annotations

from typing import Any

from services.common import state


async def append_garbage(url: str, topic: str, partition: int, blob: bytes) -> None:
    """Append bytes that are no LogEntry to a Valkey log, numbered as its own entries are."""
    client: Any = state.connect(url)
    try:
        name = f"siq:log:{topic}:{partition}"
        offset = await client.hincrby("siq:log:next", name, 1)
        await client.xadd(name, {"e": blob}, id=f"{offset}-0")
    finally:
        await client.aclose()
