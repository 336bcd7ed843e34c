"""Made-up lives of recommendations, each with the end that it must come to.

The end is chosen first, and then facts that lead to it: what the ledger should say is known without
asking any of its code.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1.identity_service_pb2 import Money
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.ids import stable_id

PEOPLE = ("ann", "bob", "cy", "dee", "eve", "fay", "gus", "hal")
CHANNELS = ("sms", "email", "slack", "teams", "pagerduty", "webhook", "intervene_page", "crm")
CURRENCIES = ("USD", "EUR", "JPY")
ENDS = (
    *("acted", "declined", "ignored", "acted_late", "expired", "void", "void_after_appeal"),
    "closed_by_call",
)
_WEIGHTS = (40, 10, 15, 10, 12, 5, 5, 3)
_MINUTE_MS = 60_000


@dataclass(slots=True)
class Life:
    """One recommendation, what is said of it, and what must come of it."""

    decision: pb.Decision
    end: str
    state: str
    outcomes: list[pb.Outcome] = field(default_factory=list[pb.Outcome])
    owners: list[str] = field(default_factory=list[str])
    """In order; nobody twice in a row."""
    closed_at_ms: int = 0
    """0: whenever the call came."""


def make_lives(tenant: str, count: int, now_ms: int, chance: random.Random) -> Iterator[Life]:
    """Lives that all are due by now, but for those that a call must close."""
    for number in range(count):
        (end,) = chance.choices(ENDS, _WEIGHTS)
        yield _life(tenant, number, end, now_ms, chance)


def _life(tenant: str, number: int, end: str, now_ms: int, chance: random.Random) -> Life:
    name = stable_id("life", tenant, number)
    decided = now_ms - chance.randrange(3 * 24 * 60 * _MINUTE_MS) - 120 * _MINUTE_MS
    due = decided + chance.randrange(1, 60) * _MINUTE_MS
    if end == "closed_by_call":
        due = now_ms + 24 * 60 * _MINUTE_MS
    owner = chance.choice(PEOPLE)
    decision = pb.Decision(
        id=name,
        tenant_id=tenant,
        session_id=f"s{number % 997}",
        company="globex.example",
        decided_at_ms=decided,
        emotion=emotion_pb2.Emotion(
            id=f"e-{name}", kind=emotion_pb2.EMOTION_KIND_RAGE, confidence=70
        ),
        recommendation=pb.Recommendation(person_id=owner, due_at_ms=due),
    )
    if chance.random() < 0.9:
        money = Money(currency=chance.choice(CURRENCIES), minor=chance.randrange(1, 10**7))
        decision.value.CopyFrom(money)
    life = Life(decision, end, _STATES[end], owners=[owner])
    if end == "closed_by_call":
        return life
    say = _Sayings(life, chance)
    answered = chance.randrange(decided + (due - decided) // 2, due + 1)
    before = sorted(chance.sample(range(decided + 1, answered), k=4))
    if end in ("void", "expired"):
        _pass_on(say, chance, before[:1])
    else:
        say.at("DELIVERED", before[0])
        _pass_on(say, chance, before[1:3])
        if chance.random() < 0.8 or end == "ignored":
            say.at("SEEN", before[3])
    _end(say, end, answered, due, chance)
    if chance.random() < 0.3:
        say.at("FEEDBACK", due + 5, detail=chance.choice(["right", "wrong"]))
    if chance.random() < 0.2:
        say.at("FAILED", decided + 1, detail="21610")
    return life


_STATES = {
    **{end: end.upper() for end in ENDS},
    "void_after_appeal": "VOID",
    "closed_by_call": "ACTED",
}


class _Sayings:
    """Outcomes about one life."""

    def __init__(self, life: Life, chance: random.Random) -> None:
        self.life = life
        self._chance = chance

    def at(
        self, kind: str, at_ms: int, *, person: str = "", by: str = "", detail: str = ""
    ) -> None:
        life = self.life
        life.outcomes.append(
            pb.Outcome(
                id=stable_id("said", life.decision.id, kind, len(life.outcomes)),
                tenant_id=life.decision.tenant_id,
                session_id=life.decision.session_id,
                decision_id=life.decision.id,
                kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{kind}"),
                occurred_at_ms=at_ms,
                person_id=person or life.owners[-1],
                by_person_id=by,
                channel=self._chance.choice(CHANNELS),
                detail=detail,
            )
        )


def _pass_on(say: _Sayings, chance: random.Random, moments: list[int]) -> None:
    owners = say.life.owners
    for at_ms in moments:
        if chance.random() < 0.2:
            to = chance.choice([person for person in PEOPLE if person != owners[-1]])
            kind = chance.choice(["HANDED_OVER", "ESCALATED"])
            say.at(kind, at_ms, person=to, by=owners[-1] if kind == "HANDED_OVER" else "")
            owners.append(to)


def _end(say: _Sayings, end: str, answered: int, due: int, chance: random.Random) -> None:
    life = say.life
    life.closed_at_ms = due
    match end:
        case "acted":
            say.at("ACTED", answered)
            life.closed_at_ms = answered
        case "declined":
            say.at("DECLINED", answered, detail="not_now")
            life.closed_at_ms = answered
        case "acted_late":
            life.closed_at_ms = due + chance.randrange(1, 60 * _MINUTE_MS)
            say.at("ACTED", life.closed_at_ms)
        case "void":
            say.at("VOIDED", answered, by="boss", detail="withdrawn")
            life.closed_at_ms = answered
        case "void_after_appeal":
            say.at("APPEALED", due + 10, detail="false_alarm")
            life.closed_at_ms = due + 20
            say.at("APPEAL_RULED", life.closed_at_ms, by="boss", detail="granted")
        case _:
            pass
