"""What the intervene page shows, worked out once, so that the template only places it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.money import format_interval, format_money
from services.intervention.sending.content import emotion_word
from services.intervention.web.sentence import explain, phrases_for

_MAX_TERMS = 4
_ASSURANCES = {
    identity_pb2.ASSURANCE_VERIFIED: ("verified", "Verified", "Signed by your server"),
    identity_pb2.ASSURANCE_CLAIMED: ("claimed", "Claimed", "The page says so, nobody checked"),
    identity_pb2.ASSURANCE_INFERRED: ("inferred", "Inferred", "Deduced, not confirmed"),
}
_SOURCES = {
    "traits": "value as the page says",
    "plan": "value of their plan",
    "transactions": "value from what they bought, and may still buy",
}
_TIERS = {
    identity_pb2.TIER_STARTER: "Starter",
    identity_pb2.TIER_GROWTH: "Growth",
    identity_pb2.TIER_ENTERPRISE: "Enterprise",
}
_REASONS = {
    "escalated": "Nobody had answered, so you were asked too.",
    "handed_over": "A colleague handed this over to you.",
}


@dataclass(frozen=True, slots=True)
class Term:
    """One reason, with its share of the strongest one, 0 to 100."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class View:
    """The page's content."""

    name: str
    company: str
    tier: str
    value: str
    interval: str
    value_source: str
    assurance: tuple[str, str, str] | None
    emotion: str
    confidence: int
    sentence: str
    page: str
    element: str
    terms: list[Term]
    why_you: str
    felt_at: str
    felt_at_ms: int
    due_at: str
    due_at_ms: int


def build_view(
    decision: pb.Decision,
    emotion: emotion_pb2.Emotion,
    identity: identity_pb2.UserIdentity | None,
    why: str,
) -> View:
    """Lay out a decision.

    Args:
        emotion: its newest revision.
        identity: fetched live; may be missing.
        why: how the person came to have the page.
    """
    who = identity or identity_pb2.UserIdentity()
    value = decision.value if decision.HasField("value") else who.ltv
    interval = ""
    if who.HasField("ltv_low") and who.HasField("ltv_high") and who.ltv_low != who.ltv_high:
        interval = format_interval(who.ltv_low, who.ltv_high)
    company = who.company_name or decision.company or who.company
    felt_at_ms = decision.emotion.occurred_at_ms or decision.emotion.detected_at_ms
    return View(
        name=who.name or (f"A visitor of {company}" if company else "A visitor"),
        company=company if who.name or not company else "Name not known",
        tier=_TIERS.get(who.tier, ""),
        value=f"{format_money(value)} {_code(value)}".strip() if value.currency else "",
        interval=interval,
        value_source=_SOURCES.get(who.ltv_source, ""),
        assurance=_ASSURANCES.get(decision.assurance),
        emotion=emotion_word(emotion.kind).capitalize(),
        confidence=emotion.confidence,
        sentence=explain(emotion),
        page=emotion.context.page,
        element=emotion.context.element,
        terms=_terms(emotion),
        why_you=_REASONS.get(why, ""),
        felt_at=_iso(felt_at_ms),
        felt_at_ms=felt_at_ms,
        due_at=_iso(decision.recommendation.due_at_ms),
        due_at_ms=decision.recommendation.due_at_ms,
    )


def _code(money: identity_pb2.Money) -> str:
    """The currency where its sign could be another's too: "$100,000 USD"."""
    return money.currency if format_money(money).lstrip("-").startswith("$") else ""


def _terms(emotion: emotion_pb2.Emotion) -> list[Term]:
    """The strongest reasons that speak for the emotion."""
    found = phrases_for(emotion)[:_MAX_TERMS]
    strongest = found[0][1] if found else 1.0
    return [Term(name, max(4, round(100 * worth / strongest))) for name, worth in found]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
