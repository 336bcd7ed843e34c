"""Why somebody is thought to feel so, as one sentence for a person in a hurry."""

from __future__ import annotations

from sentientiq.detection.v1 import emotion_pb2

from services.common.phrases import BURSTS, PHRASES
from services.intervention.sending.content import emotion_word

_CLAUSES = 2


def phrases_for(emotion: emotion_pb2.Emotion) -> list[tuple[str, float]]:
    """What speaks for the emotion, the strongest first, each with its log-odds."""
    known = PHRASES["burst" if emotion.trigger in BURSTS else emotion_word(emotion.kind)]
    found = [
        (known.get(one.feature, one.feature.replace("_", " ").strip()), one.log_odds)
        for one in emotion.contributions
        if one.log_odds > 0 and one.feature != "prior"
    ]
    return sorted(found, key=lambda one: -one[1])


def explain(emotion: emotion_pb2.Emotion) -> str:
    """ "8 presses on button#pay-now: the page did not answer." """
    count, place = len(emotion.evidence), emotion.context.element or emotion.context.page
    where = f" on {place}" if place else ""
    burst = emotion.trigger in BURSTS
    if burst and count:
        what = BURSTS[emotion.trigger] if count > 1 else BURSTS[emotion.trigger].removesuffix("es")
        head = f"{count} {what}{where}"
    else:
        head = f"{emotion_word(emotion.kind).capitalize()}{where}"
    clauses = [phrase for phrase, _ in phrases_for(emotion)[: 1 if burst else _CLAUSES]]
    if not clauses and emotion.trigger and not burst:
        clauses = [emotion.trigger.replace("_", " ")]
    return f"{head}: {', and '.join(clauses)}." if clauses else f"{head}."
