"""From what the tables hold to messages of the API."""

from __future__ import annotations

from typing import cast

from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.identity.v1.identity_service_pb2 import Money

from services.accountability.facts import FALSE_ALARM, NEVER_SAW, RIGHT, WRONG
from services.accountability.fairness import BLAME, EXCUSED, Verdict
from services.accountability.lifecycle import State
from services.accountability.owners import Ownership
from services.accountability.reading import Judged
from services.accountability.records import Standing
from services.accountability.scorecard import Card

APPEALS = {
    pb.APPEAL_REASON_NEVER_SAW: NEVER_SAW,
    pb.APPEAL_REASON_FALSE_ALARM: FALSE_ALARM,
}
"""What an appeal says, in the log."""
DECLINES = {
    pb.DECLINE_REASON_UNSPECIFIED: "",
    pb.DECLINE_REASON_NOT_NOW: "not_now",
    pb.DECLINE_REASON_NOT_MINE: "not_mine",
    pb.DECLINE_REASON_FALSE_ALARM: FALSE_ALARM,
    pb.DECLINE_REASON_HANDLED_ALREADY: "handled_already",
    pb.DECLINE_REASON_NOT_WORTH_IT: "not_worth_it",
    pb.DECLINE_REASON_OTHER: "other",
}
"""Why something is declined, in the log."""
_APPEAL_REASONS = {word: number for number, word in APPEALS.items()}
_DECLINE_REASONS = {word: number for number, word in DECLINES.items()}


def state_number(state: State) -> pb.RecommendationState.ValueType:
    """The enum's number."""
    # The numbers are proto's; ValueType exists only for type checkers.
    return cast("pb.RecommendationState.ValueType", state.value)


def record(standing: Standing) -> pb.RecommendationRecord:
    """A recommendation and its history."""
    asked, steps = standing.recommendation, standing.steps
    feedback = {None: "", True: RIGHT, False: WRONG}[standing.right]
    message = pb.RecommendationRecord(
        decision_id=asked.key.decision_id,
        tenant_id=asked.key.tenant_id,
        person_id=standing.owner_id,
        state=state_number(steps[-1].state),
        due_at_ms=standing.due_at_ms,
        transitions=[
            pb.Transition(state=state_number(step.state), at_ms=step.at_ms, outcome_id=step.fact_id)
            for step in steps
        ],
        session_id=asked.session_id,
        company=asked.company,
        owners=[_ownership(owner) for owner in standing.owners],
        late_until_ms=standing.late_until_ms if standing.terms_source else 0,
        emotion=asked.felt.emotion,
        confidence=asked.felt.confidence,
        # A word from elsewhere, as the page's own "decline", states no reason.
        decline_reason=_DECLINE_REASONS.get(standing.decline_reason, pb.DECLINE_REASON_UNSPECIFIED),
        feedback=feedback,
        terms=standing.terms_source,
    )
    if asked.value is not None:
        currency, minor = asked.value
        message.value.CopyFrom(Money(currency=currency, minor=minor))
    return message


def _ownership(owner: Ownership) -> pb.Ownership:
    return pb.Ownership(
        person_id=owner.person_id,
        team=owner.team,
        from_ms=owner.from_ms,
        to_ms=owner.to_ms or 0,
        working_ms=owner.working_ms,
        delivered_at_ms=owner.delivered_at_ms or 0,
        seen_at_ms=owner.seen_at_ms or 0,
        verdict=_verdict(owner.verdict),
        blame=owner.verdict.blames,
        why=owner.verdict.why,
        appeal=cast("pb.AppealState.ValueType", owner.appeal.value),
        appeal_reason=_APPEAL_REASONS.get(owner.appeal_reason, pb.APPEAL_REASON_UNSPECIFIED),
    )


def _verdict(verdict: Verdict) -> pb.Verdict.ValueType:
    return cast("pb.Verdict.ValueType", verdict.value)


def scorecard(card: Card, before: Card | None) -> pb.GetScorecardResponse:
    """A card, and that of the period before."""
    return pb.GetScorecardResponse(
        counts=[
            pb.StateCount(state=state_number(state), count=n) for state, n in card.states.items()
        ],
        median_time_to_act_ms=card.median_time_to_act_ms,
        total=card.total,
        figures=_figures(card),
        before=None if before is None else _figures(before),
    )


def _figures(card: Card) -> pb.Figures:
    in_time = card.states.get(State.ACTED, 0)
    return pb.Figures(
        total=card.total,
        caught=in_time + card.states.get(State.ACTED_LATE, 0),
        in_time=in_time,
        median_time_to_act_ms=card.median_time_to_act_ms,
        verdicts=[
            pb.VerdictCount(verdict=_verdict(verdict), count=n)
            for verdict, n in card.verdicts.items()
        ],
        blamed=sum(n for verdict, n in card.verdicts.items() if verdict in BLAME),
        excused=sum(n for verdict, n in card.verdicts.items() if verdict in EXCUSED),
        money=[
            pb.MoneyFigures(
                currency=currency,
                protected_minor=money.protected,
                at_risk_minor=money.at_risk,
                unknown_minor=money.unknown,
            )
            for currency, money in card.money.items()
        ],
        without_value=card.without_value,
        detector=_detector(card),
    )


def _detector(card: Card) -> pb.DetectorFigures | None:
    found = card.rightness
    if found is None:
        return None
    low, high = found.interval
    return pb.DetectorFigures(
        judged=found.judged,
        right=found.right,
        rate=found.right / found.judged,
        low=low,
        high=high,
        said=found.said,
    )


def feedback(judged: Judged) -> pb.FeedbackRecord:
    """A label."""
    felt = judged.felt
    return pb.FeedbackRecord(
        decision_id=judged.key.decision_id,
        session_id=judged.session_id,
        emotion_id=felt.id,
        emotion=felt.emotion,
        confidence=felt.confidence,
        log_odds=felt.log_odds,
        calibration=felt.calibration,
        right=judged.right,
        decided_at_ms=judged.decided_at_ms,
    )
