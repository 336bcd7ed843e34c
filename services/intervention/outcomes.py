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


def of_withdrawn(intervention: pb.Intervention, switch: str, at_ms: int) -> pb.Outcome:
    """Help that a kill switch stopped before a page showed it."""
    kind = pb.OUTCOME_KIND_WITHDRAWN
    return pb.Outcome(
        id=outcome_id("withdrawn", intervention.id, kind),
        tenant_id=intervention.tenant_id,
        session_id=intervention.session_id,
        decision_id=intervention.decision_id,
        intervention_id=intervention.id,
        kind=kind,
        occurred_at_ms=at_ms,
        channel="page",
        detail=switch[:200],
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
    again: str = "",
    by_person_id: str = "",
) -> pb.Outcome:
    """What a person of the team did; the same wherever they did it.

    Args:
        again: what tells it from the first of its kind; empty: it is the first.
        by_person_id: who did it to them.
    """
    named = ("person", decision.id, person_id, kind)
    return pb.Outcome(
        id=outcome_id(*named, again) if again else outcome_id(*named),
        tenant_id=decision.tenant_id,
        session_id=decision.session_id,
        decision_id=decision.id,
        intervention_id=intervention_id,
        kind=kind,
        occurred_at_ms=at_ms,
        person_id=person_id,
        channel=channel,
        detail=detail,
        by_person_id=by_person_id,
    )
