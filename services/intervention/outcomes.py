"""What happened, as records of outcome.v1. The id is made of what makes it unique."""

from __future__ import annotations

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.ids import outcome_id


def of_message(
    *,
    message_id: str,
    tenant_id: str,
    session_id: str,
    decision_id: str,
    person_id: str,
    channel: str,
    kind: pb.OutcomeKind.ValueType,
    detail: str,
    at_ms: int,
) -> pb.Outcome:
    """A provider's word about a message; each kind counts once a message."""
    return pb.Outcome(
        id=outcome_id("message", message_id, kind),
        tenant_id=tenant_id,
        session_id=session_id,
        decision_id=decision_id,
        kind=kind,
        occurred_at_ms=at_ms,
        person_id=person_id,
        channel=channel,
        detail=detail[:200],
    )


def of_person(
    decision: pb.Decision,
    *,
    person_id: str,
    kind: pb.OutcomeKind.ValueType,
    at_ms: int,
    detail: str = "",
    intervention_id: str = "",
    channel: str = "intervene_page",
) -> pb.Outcome:
    """What a person of the team did; the same wherever they did it."""
    return pb.Outcome(
        id=outcome_id("person", decision.id, person_id, kind),
        tenant_id=decision.tenant_id,
        session_id=decision.session_id,
        decision_id=decision.id,
        intervention_id=intervention_id,
        kind=kind,
        occurred_at_ms=at_ms,
        person_id=person_id,
        channel=channel,
        detail=detail,
    )
