"""Emotions, decisions, outcomes and identifies to rows: few enough to go one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentientiq.detection.v1.emotion_pb2 import Emotion, EmotionKind
from sentientiq.identity.v1.identity_service_pb2 import Assurance, SealedIdentify
from sentientiq.intervention.v1.intervention_pb2 import (
    Decision,
    DecisionAction,
    InterventionType,
    Outcome,
    OutcomeKind,
)

from services.common.consumer import Delivery
from services.pipeline.arrow import MOMENT, WORD, pa

_WORDS = pa.list_(pa.string())
_PLACE = [("log_partition", pa.uint8()), ("log_offset", pa.uint64()), ("stored_at", MOMENT)]

EMOTIONS: Any = pa.schema(
    [
        ("tenant_id", WORD),
        ("id", pa.string()),
        ("rev", pa.uint32()),
        ("session_id", pa.string()),
        ("stream_id", pa.string()),
        ("emotion", WORD),
        ("confidence", pa.uint8()),
        ("trigger", WORD),
        ("page", WORD),
        ("element", WORD),
        ("section", WORD),
        ("evidence_seq", pa.list_(pa.uint64())),
        ("evidence_index", pa.list_(pa.uint32())),
        ("features", _WORDS),
        ("log_odds", pa.list_(pa.float64())),
        ("calibration", WORD),
        ("user_id", pa.string()),
        ("t", MOMENT),
        ("detected_at", MOMENT),
        *_PLACE,
    ]
)
DECISIONS: Any = pa.schema(
    [
        ("tenant_id", WORD),
        ("id", pa.string()),
        ("session_id", pa.string()),
        ("emotion_id", pa.string()),
        ("emotion_rev", pa.uint32()),
        ("emotion", WORD),
        ("confidence", pa.uint8()),
        ("action", WORD),
        ("reason", WORD),
        ("rule", WORD),
        ("policy_version", WORD),
        ("intervention_id", pa.string()),
        ("intervention_type", WORD),
        ("template", WORD),
        ("variant", WORD),
        ("person_id", WORD),
        ("channels", _WORDS),
        ("due_at", MOMENT),
        ("value_currency", WORD),
        ("value_minor", pa.int64()),
        ("assurance", WORD),
        ("user_id", pa.string()),
        ("company", WORD),
        ("path", WORD),
        ("propensity", pa.float64()),
        ("met", _WORDS),
        ("met_unit_kinds", _WORDS),
        ("met_arms", _WORDS),
        ("met_propensities", pa.list_(pa.float64())),
        ("t", MOMENT),
        *_PLACE,
    ]
)
OUTCOMES: Any = pa.schema(
    [
        ("tenant_id", WORD),
        ("id", pa.string()),
        ("session_id", pa.string()),
        ("decision_id", pa.string()),
        ("intervention_id", pa.string()),
        ("kind", WORD),
        ("person_id", WORD),
        ("channel", WORD),
        ("detail", pa.string()),
        ("t", MOMENT),
        *_PLACE,
    ]
)
IDENTIFIES: Any = pa.schema(
    [
        ("tenant_id", WORD),
        ("session_id", pa.string()),
        ("stream_id", pa.string()),
        ("seq", pa.uint64()),
        ("key_id", WORD),
        ("sealed_bytes", pa.uint32()),
        ("t", MOMENT),
        *_PLACE,
    ]
)


def _word(enum: Any, number: int, prefix: str) -> str:
    """`rage` for EMOTION_KIND_RAGE; a number from a newer writer stays a number."""
    if number not in enum.values():
        return str(number)
    name = str(enum.Name(number)).removeprefix(prefix).lower()
    return "" if name == "unspecified" else name


def _table(deliveries: Sequence[Delivery[Any]], stored_at_ms: int, row: Any, schema: Any) -> Any:
    rows = [
        {
            **row(delivery.message),
            "log_partition": delivery.partition,
            "log_offset": delivery.offset,
            "stored_at": stored_at_ms,
        }
        for delivery in deliveries
    ]
    return pa.Table.from_pylist(rows, schema)


def _emotion(message: Emotion) -> dict[str, Any]:
    return {
        "tenant_id": message.tenant_id,
        "id": message.id,
        "rev": message.rev,
        "session_id": message.session_id,
        "stream_id": message.stream_id,
        "emotion": _word(EmotionKind, message.kind, "EMOTION_KIND_"),
        "confidence": min(message.confidence, 100),
        "trigger": message.trigger,
        "page": message.context.page,
        "element": message.context.element,
        "section": message.context.section,
        "evidence_seq": [item.seq for item in message.evidence],
        "evidence_index": [item.index for item in message.evidence],
        "features": [item.feature for item in message.contributions],
        "log_odds": [item.log_odds for item in message.contributions],
        "calibration": message.calibration,
        "user_id": message.user_id,
        "t": message.occurred_at_ms,
        "detected_at": message.detected_at_ms,
    }


def _decision(message: Decision) -> dict[str, Any]:
    asks = message.HasField("recommendation")
    helps, asked = message.intervention, message.recommendation
    return {
        "tenant_id": message.tenant_id,
        "id": message.id,
        "session_id": message.session_id,
        "emotion_id": message.emotion.id,
        "emotion_rev": message.emotion.rev,
        "emotion": _word(EmotionKind, message.emotion.kind, "EMOTION_KIND_"),
        "confidence": min(message.emotion.confidence, 100),
        "action": _word(DecisionAction, message.action, "DECISION_ACTION_"),
        "reason": message.reason,
        "rule": message.rule,
        "policy_version": message.policy_version,
        "intervention_id": helps.id,
        "intervention_type": _word(InterventionType, helps.type, "INTERVENTION_TYPE_"),
        "template": helps.template,
        "variant": helps.variant,
        "person_id": asked.person_id,
        "channels": list(asked.channels),
        "due_at": asked.due_at_ms if asks else None,
        "value_currency": message.value.currency,
        "value_minor": message.value.minor if message.HasField("value") else None,
        "assurance": _word(Assurance, message.assurance, "ASSURANCE_"),
        "user_id": message.user_id,
        "company": message.company,
        "path": message.path,
        "propensity": message.propensity,
        "met": [one.experiment for one in message.arms_met],
        "met_unit_kinds": [one.unit_kind for one in message.arms_met],
        "met_arms": [one.variant for one in message.arms_met],
        "met_propensities": [one.propensity for one in message.arms_met],
        "t": message.decided_at_ms,
    }


def _outcome(message: Outcome) -> dict[str, Any]:
    return {
        "tenant_id": message.tenant_id,
        "id": message.id,
        "session_id": message.session_id,
        "decision_id": message.decision_id,
        "intervention_id": message.intervention_id,
        "kind": _word(OutcomeKind, message.kind, "OUTCOME_KIND_"),
        "person_id": message.person_id,
        "channel": message.channel,
        "detail": message.detail,
        "t": message.occurred_at_ms,
    }


def _identify(message: SealedIdentify) -> dict[str, Any]:
    return {
        "tenant_id": message.tenant_id,
        "session_id": message.session_id,
        "stream_id": message.stream_id,
        "seq": message.seq,
        "key_id": message.key_id.hex(),
        "sealed_bytes": len(message.sealed),
        "t": message.occurred_at_ms,
    }


def emotion_rows(deliveries: Sequence[Delivery[Emotion]], stored_at_ms: int) -> Any:
    """One row a revision."""
    return _table(deliveries, stored_at_ms, _emotion, EMOTIONS)


def decision_rows(deliveries: Sequence[Delivery[Decision]], stored_at_ms: int) -> Any:
    """One row a decision."""
    return _table(deliveries, stored_at_ms, _decision, DECISIONS)


def outcome_rows(deliveries: Sequence[Delivery[Outcome]], stored_at_ms: int) -> Any:
    """One row an outcome."""
    return _table(deliveries, stored_at_ms, _outcome, OUTCOMES)


def identify_rows(deliveries: Sequence[Delivery[SealedIdentify]], stored_at_ms: int) -> Any:
    """One row an identify: metadata only."""
    return _table(deliveries, stored_at_ms, _identify, IDENTIFIES)
