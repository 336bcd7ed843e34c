"""Names that every replay computes alike."""

from __future__ import annotations

import hashlib


def emission_id(tenant: str, session: str, stream: str, emotion: str, episode: int) -> str:
    """Return the id of an episode: 32 hex digits, the same in every replay."""
    parts = (tenant, session, stream, emotion, str(episode))
    text = "\x00".join(parts).encode()
    return hashlib.blake2b(text).digest()[:16].hex()
