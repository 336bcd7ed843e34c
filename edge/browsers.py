"""What the edge tells identity of a browser that was here before."""

from __future__ import annotations

from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify

from edge.tokens import Visitor

_STREAM = "browser"
"""In place of a stream: it is true of the whole session."""


def recognized(tenant: str, session: str, visitor: Visitor, now_ms: float) -> bytes:
    """The record that says in which browser a session is.

    `since_ms` of 0: the visitor's id is not that of a first session.
    """
    return SealedIdentify(
        tenant_id=tenant,
        session_id=session,
        stream_id=_STREAM,
        occurred_at_ms=max(1, round(now_ms)),
        visitor_id=visitor.visitor_id,
        visitor_since_ms=visitor.since_ms,
    ).SerializeToString()
