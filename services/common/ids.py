"""Ids that are functions of what they name, so that doing a thing twice gives one id."""

from __future__ import annotations

from hashlib import blake2b


def stable_id(*parts: str | int) -> str:
    """32 hex digits over the parts, joined by NUL."""
    joined = "\x00".join(str(part) for part in parts)
    return blake2b(joined.encode(), digest_size=16).hexdigest()


def decision_id(emotion_id: str, rev: int, policy_version: str) -> str:
    """The idempotency key of a decision: both ways in (edge and log) compute the same."""
    return stable_id("decision", emotion_id, rev, policy_version)


def outcome_id(*parts: str | int) -> str:
    """The id of an outcome, over whatever makes it unique."""
    return stable_id("outcome", *parts)
