"""Records of a topic as they are shown: what a record says of itself, and its message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1.emotion_pb2 import Emotion
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1.intervention_pb2 import Decision, Outcome

from services.common.log import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    Entry,
    EventLog,
    Record,
)
from services.common.partition import PARTITIONS

DEAD = ".dead"
_AT_ONCE = 100
_MESSAGES: Mapping[str, type[Message]] = {
    BEHAVIOR: BehaviorBatch,
    IDENTITY: SealedIdentify,
    EMOTION: Emotion,
    DECISION: Decision,
    OUTCOME: Outcome,
}


def everything() -> dict[int, int]:
    """Before the first entry of every partition."""
    return dict.fromkeys(range(PARTITIONS), 0)


async def entries(log: EventLog, topic: str, after: Mapping[int, int]) -> AsyncIterator[Entry]:
    """What the topic has after a place, up to where it ends now."""
    place = dict(after)
    ends = await log.ends(topic)
    while behind := {key: place[key] for key in place if place[key] < ends[key]}:
        found = await log.read(topic, behind, limit=_AT_ONCE)
        if not found:  # trimmed meanwhile
            return
        for entry in found:
            place[entry.partition] = entry.offset
            if entry.offset <= ends[entry.partition]:
                yield entry


def tenant_of(record: Record) -> str:
    """Whose record it is; empty if it does not say."""
    return record.key.partition(b"\x00")[0].decode(errors="replace")


def described(topic: str, entry: Entry, record: Record) -> dict[str, Any]:
    """A record as JSON."""
    tenant, _, session = record.key.partition(b"\x00")
    shown: dict[str, Any] = {
        "topic": topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "tenant": tenant.decode(errors="replace"),
        "session": session.decode(errors="replace"),
        "headers": dict(record.headers),
        "bytes": len(record.value),
    }
    kind = _MESSAGES.get(topic.removesuffix(DEAD))
    if kind is not None:
        try:
            message = kind.FromString(record.value)
        except DecodeError:
            shown["message"] = None
        else:
            shown["message"] = MessageToDict(message, preserving_proto_field_name=True)
    return shown
