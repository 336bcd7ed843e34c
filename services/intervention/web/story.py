"""What happened, as moments on a line: felt, told, seen, done. Drawn, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.answering.visiting import Thread
from services.intervention.escalation.threads import Member
from services.intervention.sending.content import emotion_word
from services.intervention.store.acts import Act
from services.intervention.web.drawing import Drawing, Moment, draw
from services.intervention.web.progress import tell


@dataclass(frozen=True, slots=True)
class Story:
    """All of it."""

    drawing: Drawing
    moments: list[Moment]
    episodes: int


def build_story(thread: Thread, acts: Sequence[Act], names: Mapping[str, str]) -> Story:
    """Put the moments of a thread in order."""
    decision = thread.decision
    decisions = [decision, *(one.decision for one in thread.joined)]
    felt = _felt(decisions)
    moments = [
        *felt,
        *(
            Moment(one.decided_at_ms, "helped", f"{_help(one)} in their page")
            for one in decisions
            if one.HasField("intervention")
        ),
        Moment(
            decision.decided_at_ms,
            "told",
            f"{names.get(decision.recommendation.person_id) or 'The team'} was told",
        ),
        *(
            Moment(one.since_ms, "told", _asked(one, names))
            for one in thread.members
            if one.why != "first"
        ),
        *(Moment(one.acted_at_ms, "acted", _acted(one, names)) for one in acts),
    ]
    moments.sort(key=lambda one: one.at_ms)
    return Story(draw(thread.newest.emotion, thread.evidence, moments), moments, len(felt))


def _felt(decisions: Sequence[pb.Decision]) -> list[Moment]:
    """One moment an episode, with its last confidence, when it was first felt."""
    first: dict[str, int] = {}
    last: dict[str, pb.Decision] = {}
    for one in decisions:
        emotion = one.emotion
        first.setdefault(emotion.id, emotion.occurred_at_ms or emotion.detected_at_ms)
        known = last.get(emotion.id)
        if known is None or known.emotion.rev <= emotion.rev:
            last[emotion.id] = one
    here = _place(decisions[0])
    return [Moment(first[id_], "felt", _feeling(one, here)) for id_, one in last.items()]


def _place(decision: pb.Decision) -> str:
    context = decision.emotion.context
    return context.element or context.page


def _feeling(decision: pb.Decision, here: str) -> str:
    """Where it was is said where it was somewhere else."""
    emotion, place = decision.emotion, _place(decision)
    where = f" on {place}" if place and place != here else ""
    return f"{emotion_word(emotion.kind).capitalize()}, {emotion.confidence}% sure{where}"


def _help(decision: pb.Decision) -> str:
    words = {
        pb.INTERVENTION_TYPE_CHAT: "A chat was offered",
        pb.INTERVENTION_TYPE_DISCOUNT: "An offer was made",
        pb.INTERVENTION_TYPE_ESCALATION: "A person was offered",
    }
    return words.get(decision.intervention.type, "Help was offered")


def _asked(member: Member, names: Mapping[str, str]) -> str:
    who = names.get(member.person_id) or "A colleague"
    return f"{who} was asked too" if member.why == "escalated" else f"{who} took over"


def _acted(act: Act, names: Mapping[str, str]) -> str:
    who = names.get(act.person_id)
    title = tell(act, names, act.acted_at_ms).title
    return f"{title}, by {who}" if who else title
