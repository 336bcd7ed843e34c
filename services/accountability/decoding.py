"""From messages of the log to what the ledger records; what can never be applied is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.records import Felt, HeardFact, Key, Recommendation
from services.accountability.terms_message import MAX_MS, is_plausible, read_terms

_MOVING = frozenset(kind.value for kind in FactKind)
MOST_NOTE = 1_000


class MalformedMessage(ValueError):
    """The message can never be applied; the consumer sends it to the dead letters."""


def decode_decision(value: bytes) -> Recommendation | None:
    """Return what the decision asks of the team, or None if it asks nothing.

    Raises:
        MalformedMessage: it asks, but does not say what accountability must know.
    """
    decision = pb.Decision.FromString(value)
    if not decision.HasField("recommendation"):
        return None
    asked = decision.recommendation
    _require(
        {
            "decision.id": decision.id,
            "decision.tenant_id": decision.tenant_id,
            "decision.recommendation.person_id": asked.person_id,
        },
        [
            *(decision.session_id, decision.company, decision.value.currency),
            *(decision.emotion.id, decision.emotion.calibration, asked.thread_id),
        ],
    )
    return Recommendation(
        Key(decision.tenant_id, decision.id),
        decision.session_id,
        decision.company,
        (decision.value.currency, decision.value.minor) if decision.HasField("value") else None,
        Terms(
            _moment(decision.decided_at_ms, "decision.decided_at_ms"),
            _moment(asked.due_at_ms, "decision.recommendation.due_at_ms"),
            asked.person_id,
        ),
        _felt(decision.emotion),
        asked.thread_id if asked.thread_id != decision.id else "",
    )


def decode_outcome(value: bytes) -> HeardFact | None:
    """Return the fact about a recommendation, or None if the outcome is about something else.

    Raises:
        MalformedMessage: it is about a recommendation but lacks its id, tenant or time.
    """
    outcome = pb.Outcome.FromString(value)
    if outcome.kind not in _MOVING or not outcome.decision_id:
        return None
    _require(
        {"outcome.id": outcome.id, "outcome.tenant_id": outcome.tenant_id},
        [
            *(outcome.decision_id, outcome.person_id, outcome.by_person_id),
            *(outcome.channel, outcome.detail, outcome.note),
        ],
    )
    return HeardFact(
        Key(outcome.tenant_id, outcome.decision_id),
        Fact(
            outcome.id,
            _kind(outcome),
            _moment(outcome.occurred_at_ms, "outcome.occurred_at_ms"),
            outcome.person_id,
            outcome.by_person_id,
            outcome.detail,
            _terms(outcome),
        ),
        outcome.channel,
        outcome.note[:MOST_NOTE],
    )


def _kind(outcome: pb.Outcome) -> FactKind:
    """What it is to the ledger. The intervene page tells a hand-over as an act of the one and an
    escalation to the other: it answers nothing, and nobody was late.
    """
    kind = FactKind(outcome.kind)
    if kind is FactKind.ACTED and outcome.detail == "hand_over":
        return FactKind.SEEN
    if kind is FactKind.ESCALATED and outcome.detail == "handed_over":
        return FactKind.HANDED_OVER
    return kind


def _terms(outcome: pb.Outcome) -> OwnerTerms | None:
    if outcome.kind != pb.OUTCOME_KIND_TERMS_SET:
        return None
    _require({"outcome.person_id": outcome.person_id}, [])
    terms = read_terms(outcome.terms)
    if not is_plausible(terms):
        raise MalformedMessage("outcome.terms: a time is no Unix epoch in milliseconds, or a NUL")
    return terms


def _felt(emotion: emotion_pb2.Emotion) -> Felt:
    known = emotion.kind in emotion_pb2.EmotionKind.values() and emotion.kind != 0
    name = emotion_pb2.EmotionKind.Name(emotion.kind) if known else ""
    log_odds = sum(term.log_odds for term in emotion.contributions)
    return Felt(
        name.removeprefix("EMOTION_KIND_").lower(),
        emotion.id,
        min(emotion.confidence, 100),
        log_odds if math.isfinite(log_odds) else 0.0,
        emotion.calibration,
    )


def _require(required: Mapping[str, str], optional: Iterable[str]) -> None:
    for field, text in required.items():
        if not text:
            raise MalformedMessage(f"{field} is empty")
    # PostgreSQL cannot hold NUL in text: it would refuse the whole batch, again and again.
    if any("\x00" in text for text in (*required.values(), *optional)):
        raise MalformedMessage("a text holds NUL")


def _moment(at_ms: int, field: str) -> int:
    if not 0 < at_ms < MAX_MS:
        raise MalformedMessage(f"{field}={at_ms} is no Unix epoch in milliseconds")
    return at_ms
