"""A verdict as the record that stands: everything in it follows from emotion, inputs and policy.

So a record can be made again from itself: `replayed` does, and compares nothing it could not know.
"""

from __future__ import annotations

import msgspec
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.ids import decision_id, stable_id
from services.intervention.policy import Facts, Policy, Verdict, judge
from services.intervention.policy.ledger import RecordedReadings
from services.intervention.policy.parts import PRIORITIES, Part
from services.intervention.templates.template import Template
from services.intervention.templates.text import Value

NOTHING = "nothing"
_WEIGHTS: dict[str, pb.Priority.ValueType] = {
    "low": pb.PRIORITY_LOW,
    "medium": pb.PRIORITY_MEDIUM,
    "high": pb.PRIORITY_HIGH,
    "critical": pb.PRIORITY_CRITICAL,
}
_AUDIENCES: dict[str, pb.Audience.ValueType] = {
    "user": pb.AUDIENCE_USER,
    "team": pb.AUDIENCE_TEAM,
    "both": pb.AUDIENCE_BOTH,
}
assert _WEIGHTS.keys() == PRIORITIES.keys()


class Inputs(msgspec.Struct, omit_defaults=True):
    """What a decision rests on, next to the emotion and the policy."""

    facts: Facts
    readings: dict[str, int] = {}
    """What guards read, by subject and key."""
    thread: str = ""
    """The decision whose message and page the recommendation joins."""


class NoReplay(Exception):
    """A record does not hold what a replay needs."""


def build_decision(
    id_: str,
    emotion: emotion_pb2.Emotion,
    policy: Policy,
    inputs: Inputs,
    verdict: Verdict,
    path: str,
) -> pb.Decision:
    """The record of a verdict."""
    facts = inputs.facts
    acts = verdict.acts
    decision = pb.Decision(
        id=id_,
        tenant_id=emotion.tenant_id,
        session_id=emotion.session_id,
        emotion=emotion,
        action=pb.DECISION_ACTION_INTERVENE if acts else pb.DECISION_ACTION_NOTHING,
        reason=verdict.reason,
        detail=verdict.detail,
        rule=verdict.rule,
        policy_version=policy.version,
        policy_digest=policy.digest,
        identity_version=facts.identity_version,
        assurance=identity_pb2.Assurance.ValueType(facts.assurance),
        user_id=facts.user_id,
        company=facts.company,
        decided_at_ms=facts.now_ms,
        path=path,
        inputs=msgspec.json.encode(inputs, order="sorted"),
        alternatives=_alternatives(verdict),
        propensity=1.0 if verdict.arm is None else verdict.arm.propensity,
    )
    if facts.currency:
        value = decision.value
        value.currency, value.minor = facts.currency, facts.value
    if verdict.page is not None:
        part, from_ms = verdict.page.part, facts.shown_at_ms or facts.now_ms
        decision.intervention.CopyFrom(
            build_intervention(
                decision,
                policy.templates[part.template],
                part.template,
                priority=_WEIGHTS[part.priority],
                expires_at_ms=from_ms + part.delay_ms + part.expires_ms,
                language=facts.language,
            )
        )
        decision.intervention.target = _AUDIENCES[part.target]
        decision.intervention.variant = "" if verdict.arm is None else verdict.arm.variant
        if part.delay_ms:
            decision.intervention.timing = pb.TIMING_DELAYED
            decision.intervention.show_at_ms = from_ms + part.delay_ms
    if verdict.team is not None and verdict.team.recipient is not None:
        decision.recommendation.CopyFrom(
            pb.Recommendation(
                person_id=verdict.team.recipient.person_id,
                due_at_ms=facts.now_ms + verdict.team.part.due_ms,
                channels=verdict.team.channels,
                thread_id=inputs.thread,
                escalation=[
                    pb.EscalationStep(after_ms=after_ms, to=to)
                    for after_ms, to in verdict.team.part.escalate
                ],
            )
        )
    return decision


def build_intervention(
    decision: pb.Decision,
    template: Template,
    name: str,
    *,
    priority: pb.Priority.ValueType,
    expires_at_ms: int,
    language: str,
) -> pb.Intervention:
    """An intervention of a decision; its id is a function of decision and template."""
    return pb.Intervention(
        id=stable_id("intervention", decision.id, name),
        decision_id=decision.id,
        tenant_id=decision.tenant_id,
        session_id=decision.session_id,
        type=template.kind,
        priority=priority,
        timing=pb.TIMING_IMMEDIATE,
        target=pb.AUDIENCE_USER,
        template=name,
        payload_json=template.payload_json(values_of(decision), language),
        expires_at_ms=expires_at_ms,
    )


def language_of(decision: pb.Decision) -> str:
    """The visitor's language, as it was known when it was decided."""
    return read_inputs(decision).facts.language if decision.inputs else ""


def values_of(decision: pb.Decision) -> dict[str, Value]:
    """What templates for visitors may speak of: nothing that the visitor does not know."""
    emotion = decision.emotion
    return {
        "company": decision.company,
        "page": emotion.context.page,
        "element": emotion.context.element,
        "presses": len(emotion.evidence),
    }


def read_inputs(decision: pb.Decision) -> Inputs:
    """The inputs of a record.

    Raises:
        NoReplay: it has none; it was made before they were kept.
    """
    try:
        return msgspec.json.decode(decision.inputs, type=Inputs)
    except msgspec.MsgspecError as error:
        raise NoReplay(f"decision {decision.id} has no inputs that can be read") from error


def replayed(record: pb.Decision, policy: Policy) -> pb.Decision:
    """Make a decision again from its record.

    Raises:
        NoReplay: the record holds no inputs, or other guards were asked than today's code asks.
    """
    inputs = read_inputs(record)
    readings = RecordedReadings(inputs.readings)
    try:
        verdict = judge(policy, inputs.facts, readings)
    except KeyError as error:
        raise NoReplay(f"decision {record.id} never read {error}") from error
    emotion = record.emotion
    id_ = decision_id(emotion.id, emotion.rev, policy.version)
    again = build_decision(id_, emotion, policy, inputs, verdict, record.path)
    # What chance dealt stands in the facts; to whom it was told as well is no part of the choice.
    again.arms_met.extend(record.arms_met)
    if again.HasField("intervention") and record.HasField("intervention"):
        # Whether it was traced is no part of the choice.
        again.intervention.traceparent = record.intervention.traceparent
    return again


def _alternatives(verdict: Verdict) -> list[pb.Alternative]:
    found = [_alternative(one.part, one.refused, one.detail) for one in verdict.alternatives]
    acts = verdict.acts
    found.append(
        pb.Alternative(
            action=NOTHING,
            propensity=0.0 if acts else 1.0,
            refused="outranked" if acts else "",
        )
    )
    return found


def _alternative(part: Part, refused: str, detail: str) -> pb.Alternative:
    return pb.Alternative(
        action=part.name,
        part=part.kind,
        template=part.template,
        score=part.score,
        propensity=0.0 if refused else 1.0,
        refused=refused,
        detail=detail,
    )
