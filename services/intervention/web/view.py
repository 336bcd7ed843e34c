"""What the intervene page shows, worked out once, so that the template only places it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.content import emotion_word
from services.intervention.money import format_interval, format_money

_MAX_DOTS = 24
_MAX_TERMS = 4
_ASSURANCES = {
    identity_pb2.ASSURANCE_VERIFIED: ("verified", "Verified", "Signed by your server"),
    identity_pb2.ASSURANCE_CLAIMED: ("claimed", "Claimed", "The page says so, nobody checked"),
    identity_pb2.ASSURANCE_INFERRED: ("inferred", "Inferred", "Deduced, not confirmed"),
}
_SOURCES = {
    "traits": "the value is the page's word",
    "plan": "the value is what their plan is worth",
    "transactions": "the value is what they bought, and may be expected to",
}


@dataclass(frozen=True, slots=True)
class Dot:
    """One piece of evidence on the line, in order; x in the drawing's units."""

    x: float
    last: bool


@dataclass(frozen=True, slots=True)
class Term:
    """One reason, with its share of the strongest one, 0 to 100."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class View:
    """The page's content."""

    name: str
    named: bool
    company: str
    value: str
    interval: str
    value_source: str
    assurance: tuple[str, str, str] | None
    emotion: str
    confidence: int
    trigger: str
    page: str
    element: str
    dots: list[Dot]
    evidence_count: int
    terms: list[Term]
    felt_at: str
    due_at: str
    due_at_ms: int
    felt_at_ms: int


def build_view(decision: pb.Decision, identity: identity_pb2.UserIdentity | None) -> View:
    """Lay out a decision; `identity` is fetched live and may be missing."""
    emotion = decision.emotion
    who = identity or identity_pb2.UserIdentity()
    value = decision.value if decision.HasField("value") else who.ltv
    interval = ""
    if who.HasField("ltv_low") and who.HasField("ltv_high") and who.ltv_low != who.ltv_high:
        interval = format_interval(who.ltv_low, who.ltv_high)
    felt_at_ms = emotion.occurred_at_ms or emotion.detected_at_ms
    return View(
        name=who.name or "A visitor",
        named=bool(who.name),
        company=who.company_name or decision.company or who.company,
        value=format_money(value) if value.currency else "",
        interval=interval,
        value_source=_SOURCES.get(who.ltv_source, ""),
        assurance=_ASSURANCES.get(decision.assurance),
        emotion=emotion_word(emotion.kind).capitalize(),
        confidence=emotion.confidence,
        trigger=_words(emotion.trigger),
        page=emotion.context.page,
        element=emotion.context.element,
        dots=_dots(len(emotion.evidence)),
        evidence_count=len(emotion.evidence),
        terms=_terms(emotion),
        felt_at=_iso(felt_at_ms),
        due_at=_iso(decision.recommendation.due_at_ms),
        due_at_ms=decision.recommendation.due_at_ms,
        felt_at_ms=felt_at_ms,
    )


def _dots(count: int) -> list[Dot]:
    """Evenly spaced: the record tells the order of the events, not when each one was."""
    shown = min(count, _MAX_DOTS)
    if not shown:
        return []
    step = 300 / max(shown - 1, 1)
    return [
        Dot(round(10 + index * step, 1) if shown > 1 else 310.0, index == shown - 1)
        for index in range(shown)
    ]


def _terms(emotion: emotion_pb2.Emotion) -> list[Term]:
    """The strongest reasons that speak for the emotion."""
    positive = sorted(
        (one for one in emotion.contributions if one.log_odds > 0), key=lambda one: -one.log_odds
    )[:_MAX_TERMS]
    strongest = positive[0].log_odds if positive else 1.0
    return [
        Term(_words(one.feature), max(4, round(100 * one.log_odds / strongest))) for one in positive
    ]


def _words(name: str) -> str:
    return name.replace("_", " ").strip()


def _iso(at_ms: int) -> str:
    # A clock far off must not break the page.
    at_s = min(max(at_ms / 1000, 0), 4_102_444_800)
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
