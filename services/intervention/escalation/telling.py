"""What an act is in outcome.v1: an answer to the thread's recommendation and to all that joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import tracing
from services.intervention import outcomes
from services.intervention.store.acts import Act
from services.intervention.store.outbox import put_outcome

DECLINE, FALSE_ALARM, DONE, HAND_OVER = "decline", "false_alarm", "done", "hand_over"
CLOSING = (DECLINE, FALSE_ALARM, DONE)
"""After one of these there is nothing more to do, until another episode joins."""
_DECLINING = (DECLINE, FALSE_ALARM)


async def tell_act(
    connection: Any,
    act: Act,
    decisions: Sequence[pb.Decision],
    before: Sequence[Act],
    channel: str = "intervene_page",
) -> None:
    """Promise the outcomes of an act. A hand-over answers nothing: asking.py tells it.

    Args:
        decisions: the thread's recommendations, those that joined too.
        before: all acts of the thread that stand.
    """
    if act.act == HAND_OVER:
        return
    kind = pb.OUTCOME_KIND_DECLINED if act.act in _DECLINING else pb.OUTCOME_KIND_ACTED
    for decision in decisions:
        if decision.decided_at_ms > act.acted_at_ms:
            continue  # it came later, nobody has answered it
        first = not any(
            decision.decided_at_ms <= one.acted_at_ms < act.acted_at_ms
            and (one.person_id, one.act in _DECLINING) == (act.person_id, act.act in _DECLINING)
            for one in before
        )
        outcome = outcomes.of_person(
            decision,
            person_id=act.person_id,
            kind=kind,
            at_ms=act.acted_at_ms,
            detail=act.act,
            intervention_id=act.intervention_id or "",
            channel=channel,
            again="" if first else act.id,
        )
        await put_outcome(connection, outcome, span_of(decision))


async def tell_undo(connection: Any, act: Act, decision: pb.Decision, now_ms: int) -> None:
    """Promise the outcome of an act that was taken back before it had an effect."""
    outcome = outcomes.of_person(
        decision,
        person_id=act.person_id,
        kind=pb.OUTCOME_KIND_UNDONE,
        at_ms=now_ms,
        detail=act.act,
        intervention_id=act.intervention_id or "",
        again=act.id,
    )
    await put_outcome(connection, outcome, span_of(decision))


async def tell_joined(
    connection: Any,
    decision: pb.Decision,
    thread_id: str,
    kinds: Sequence[pb.OutcomeKind.ValueType],
    at_ms: int,
) -> None:
    """Promise what becomes of a recommendation that joined a thread: it has no message itself."""
    for kind in kinds:
        outcome = outcomes.of_person(
            decision,
            person_id=decision.recommendation.person_id,
            kind=kind,
            at_ms=at_ms,
            detail=thread_id,
            channel="thread",
        )
        await put_outcome(connection, outcome, span_of(decision))


def span_of(decision: pb.Decision) -> str:
    """The header of the decision's own span: what is done about it hangs there, however late."""
    return tracing.header(tracing.of_decision(decision.emotion.id, decision.id))
