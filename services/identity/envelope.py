"""SealedIdentify, checked: the same for the RPC and the log."""

from __future__ import annotations

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.model import Envelope
from services.identity.sealing import KEY_ID_BYTES

MOST_ID = 128
_MOST_SEALED = 64 * 1024
_MOST_SEQ = 2**63 - 1
_LATEST_MS = 4_102_444_800_000  # the year 2100


def read_envelope(message: pb.SealedIdentify) -> Envelope:
    """Check a message.

    Raises:
        InvalidArgument: naming the field.
    """
    # What only tells of the browser is the edge's own, and has no place among a page's messages.
    least = 0 if message.visitor_id and not message.sealed else 1
    if not least <= message.seq <= _MOST_SEQ:
        raise InvalidArgument(f"identify.seq: expected {least} or more")
    if not 0 < message.occurred_at_ms <= _LATEST_MS:
        raise InvalidArgument("identify.occurred_at_ms: expected Unix epoch milliseconds")
    if not 0 <= message.visitor_since_ms <= _LATEST_MS:
        raise InvalidArgument("identify.visitor_since_ms: expected Unix epoch milliseconds, or 0")
    if not least <= len(message.sealed) <= _MOST_SEALED:
        raise InvalidArgument(
            f"identify.sealed: expected 1 to {_MOST_SEALED} bytes, was {len(message.sealed)}"
        )
    if len(message.key_id) not in (0, KEY_ID_BYTES):
        raise InvalidArgument(f"identify.key_id: expected {KEY_ID_BYTES} bytes of the public key")
    return Envelope(
        tenant_id=validate.tenant_id("identify.tenant_id", message.tenant_id),
        session_id=validate.text("identify.session_id", message.session_id, most=MOST_ID),
        stream_id=validate.text("identify.stream_id", message.stream_id, most=MOST_ID),
        seq=message.seq,
        occurred_at_ms=message.occurred_at_ms,
        sealed=message.sealed,
        key_id=message.key_id,
        visitor_id=validate.text("identify.visitor_id", message.visitor_id, most=MOST_ID, least=0),
        visitor_since_ms=message.visitor_since_ms,
    )
