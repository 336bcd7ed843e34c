"""A message to a person as the channels see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One claimed row, opened."""

    id: str
    """Function of decision, person and address; the same over all attempts."""
    tenant_id: str
    session_id: str
    decision_id: str
    channel: str
    endpoint_hash: str
    address: str
    secret: str
    body: str
    attempts: int
    """Including the one under way."""
    uncertain: bool
    """An earlier attempt may have reached the person: look before sending."""
    created_at_ms: int
    expires_at_ms: int
