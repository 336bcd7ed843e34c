"""How each topic of the log becomes rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sentientiq.detection.v1.emotion_pb2 import Emotion
from sentientiq.intervention.v1.intervention_pb2 import Decision, Outcome

from services.common.consumer import Delivery
from services.common.log import BEHAVIOR, DECISION, EMOTION, IDENTITY, OUTCOME
from services.pipeline import decode
from services.pipeline.event_rows import event_rows
from services.pipeline.message_rows import (
    decision_rows,
    emotion_rows,
    identify_rows,
    outcome_rows,
)
from services.pipeline.seen import Seen, SeenFrames, SeenIdentifies, SeenIds

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Topic(Generic[M]):
    """A topic, its table, and the way from one to the other.

    `rows` makes an Arrow table of messages with `stored_at` in Unix epoch milliseconds; `order`
    are the columns by which archive files are sorted, none if `rows` come so.
    """

    name: str
    table: str
    decode: Callable[[bytes], M]
    rows: Callable[[Sequence[Delivery[M]], int], Any]
    seen: Callable[[], Seen[M]]
    order: tuple[str, ...]


def _seen_emotions() -> Seen[Emotion]:
    return SeenIds(("tenant_id", "id", "rev"), lambda message: (*_id(message), message.rev))


def _seen_messages() -> Seen[Decision | Outcome]:
    return SeenIds(("tenant_id", "id"), _id)


def _id(message: Emotion | Decision | Outcome) -> tuple[str, str]:
    return (message.tenant_id, message.id)


TOPICS: tuple[Topic[Any], ...] = (
    Topic(
        BEHAVIOR,
        "events",
        decode.decode_frame,
        event_rows,
        SeenFrames,
        (),
    ),
    Topic(
        IDENTITY,
        "identifies",
        decode.decode_identify,
        identify_rows,
        SeenIdentifies,
        ("session_id", "stream_id", "seq"),
    ),
    Topic(
        EMOTION,
        "emotions",
        decode.decode_emotion,
        emotion_rows,
        _seen_emotions,
        ("session_id", "id", "rev"),
    ),
    Topic(
        DECISION,
        "decisions",
        decode.decode_decision,
        decision_rows,
        _seen_messages,
        ("session_id", "id"),
    ),
    Topic(
        OUTCOME,
        "outcomes",
        decode.decode_outcome,
        outcome_rows,
        _seen_messages,
        ("session_id", "id"),
    ),
)
