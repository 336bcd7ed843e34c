"""From log records to messages that are known to be storable; the rest goes to dead letters."""

from __future__ import annotations

from typing import NamedTuple

from sentientiq.detection.v1.emotion_pb2 import Emotion
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1.intervention_pb2 import Decision, Outcome

from hotpath.frame import read_frame

# Partitions of analytics and folders of the archive are days: a wild clock must not make many.
_LATEST_MS = 4_102_444_800_000  # the year 2100


class MalformedMessage(ValueError):
    """A field without which the message has no place in analytics."""


class Frame(NamedTuple):
    """A batch of behaviour whose columns can be read, as `read_frame` returns it."""

    tenant_id: str
    session_id: str
    stream_id: str
    seq: int
    t0_ms: int
    page: str
    pointer: int
    received_at_ns: int
    events: int
    columns: bytes
    targets: list[str]
    flags: list[int]
    strings: list[str]


def decode_frame(value: bytes) -> Frame:
    """Parse a record of behavior.v1."""
    frame = Frame._make(read_frame(value))
    if not (frame.tenant_id and frame.session_id and frame.stream_id):
        require(tenant_id=frame.tenant_id, session_id=frame.session_id, stream_id=frame.stream_id)
    if not 0 <= frame.t0_ms < _LATEST_MS:
        require_moment(t0_ms=frame.t0_ms)
    return frame


def decode_emotion(value: bytes) -> Emotion:
    """Parse a record of emotion.v1."""
    emotion = Emotion.FromString(value)
    require(id=emotion.id, tenant_id=emotion.tenant_id)
    require_moment(occurred_at_ms=emotion.occurred_at_ms)
    return emotion


def decode_decision(value: bytes) -> Decision:
    """Parse a record of decision.v1."""
    decision = Decision.FromString(value)
    require(id=decision.id, tenant_id=decision.tenant_id)
    require_moment(
        decided_at_ms=decision.decided_at_ms, due_at_ms=decision.recommendation.due_at_ms
    )
    return decision


def decode_outcome(value: bytes) -> Outcome:
    """Parse a record of outcome.v1."""
    outcome = Outcome.FromString(value)
    require(id=outcome.id, tenant_id=outcome.tenant_id)
    require_moment(occurred_at_ms=outcome.occurred_at_ms)
    return outcome


def decode_identify(value: bytes) -> SealedIdentify:
    """Parse a record of identity.v1; what is sealed is not opened."""
    identify = SealedIdentify.FromString(value)
    require(tenant_id=identify.tenant_id, session_id=identify.session_id)
    require_moment(occurred_at_ms=identify.occurred_at_ms)
    return identify


def require(**texts: str) -> None:
    """Raise MalformedMessage naming the first field that is empty."""
    for name, text in texts.items():
        if not text:
            raise MalformedMessage(f"{name} is empty")


def require_moment(**moments_ms: int) -> None:
    """Raise MalformedMessage naming the first field that is no moment from 1970 to 2100."""
    for name, moment_ms in moments_ms.items():
        if not 0 <= moment_ms < _LATEST_MS:
            raise MalformedMessage(f"{name}={moment_ms} is no Unix epoch in milliseconds")
