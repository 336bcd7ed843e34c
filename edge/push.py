"""Server frames that carry emotions and interventions."""

from __future__ import annotations

import msgspec
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from edge.protocol import frame


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()


def intervention_frame(intervention: pb.Intervention) -> str:
    """The frame that makes a page show an intervention.

    Raises:
        ValueError: it is of a newer version, or not well formed.
    """
    return frame(
        "intervention",
        id=intervention.id,
        decision=intervention.decision_id,
        intervention=_word(pb.InterventionType.Name(intervention.type), "INTERVENTION_TYPE_"),
        priority=_word(pb.Priority.Name(intervention.priority), "PRIORITY_"),
        template=intervention.template,
        variant=intervention.variant,
        expires_at=intervention.expires_at_ms,
        payload=msgspec.json.decode(intervention.payload_json or "{}"),
    )


def emotion_frame(emotion: emotion_pb2.Emotion, offset_ms: float) -> str:
    """The frame that tells a page what its visitor feels; `t` is on the client's clock."""
    return frame(
        "emotion",
        id=emotion.id,
        rev=emotion.rev,
        emotion=_word(emotion_pb2.EmotionKind.Name(emotion.kind), "EMOTION_KIND_"),
        confidence=emotion.confidence,
        trigger=emotion.trigger,
        page=emotion.context.page,
        element=emotion.context.element,
        t=round(emotion.occurred_at_ms - offset_ms),
    )
