"""Snapshots: one blob a partition, so that a new owner replays seconds of log, not hours.

The blob covers every entry up to its offset and nothing after it. It is written only once the
emotions of those entries are in the log: whoever starts from it need not emit them again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import redis.asyncio as redis

VERSION = 1
_HEADER = struct.Struct("<HQ")
_TTL_S = 3_600


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State through an offset."""

    offset: int
    state: bytes


def encode(snapshot: Snapshot) -> bytes:
    """Version, covered offset, state."""
    return _HEADER.pack(VERSION, snapshot.offset) + snapshot.state


def decode(blob: bytes) -> Snapshot | None:
    """The snapshot, or None if another version wrote it: then the log is the source."""
    if len(blob) < _HEADER.size:
        return None
    version, offset = _HEADER.unpack_from(blob)
    if version != VERSION:
        return None
    return Snapshot(offset, blob[_HEADER.size :])


class SnapshotStore:
    """Snapshots in the state store."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    async def save(self, partition: int, snapshot: Snapshot) -> None:
        """Replace the partition's snapshot."""
        await self._client.set(f"siq:snap:{partition}", encode(snapshot), ex=_TTL_S)

    async def load(self, partition: int) -> Snapshot | None:
        """The newest usable snapshot, or None."""
        blob = await self._client.get(f"siq:snap:{partition}")
        return decode(blob) if isinstance(blob, bytes) else None
