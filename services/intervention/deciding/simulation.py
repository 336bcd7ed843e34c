"""What a policy would have chosen: emotions judged in order of time, with guards kept in memory.

The same judgement and the same ledgers as in the service; only the locks, the rows and the people
are left out: whoever of the team is asked for is taken to be there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from msgspec import structs
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.intervention.deciding.gather import EMOTION_NAMES, Case, gather
from services.intervention.policy import Facts, Policy, Recipient, Verdict, judge, take
from services.intervention.policy.ledger import Ledger, LiveReadings, Subject

EVERYBODY = Recipient("(team)", ("sms",))


@dataclass(slots=True)
class Tally:
    """How often what was chosen, of one emotion or of all."""

    decisions: int = 0
    interventions: int = 0
    recommendations: int = 0
    rules: Counter[str] = field(default_factory=Counter[str])
    actions: Counter[str] = field(default_factory=Counter[str])
    """By "rule/action"."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    """Of those that do nothing in the page."""

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.decisions += 1
        if verdict.rule:
            self.rules[verdict.rule] += 1
        for asked in (verdict.page, verdict.team):
            if asked is not None:
                self.actions[f"{verdict.rule}/{asked.part.name}"] += 1
        self.interventions += verdict.page is not None
        self.recommendations += verdict.team is not None
        if verdict.page is None:
            why = "team_only" if verdict.reason == "rule" else verdict.reason
            self.reasons[f"{why}:{verdict.detail}" if verdict.detail else why] += 1

    def as_dict(self) -> dict[str, object]:
        """For a report; the most frequent first."""
        return {
            "decisions": self.decisions,
            "interventions": self.interventions,
            "recommendations": self.recommendations,
            "rules": dict(self.rules.most_common()),
            "actions": dict(self.actions.most_common()),
            "nothing_in_page": dict(self.reasons.most_common()),
        }


class Simulation:
    """One policy over many emotions, which come in order of time."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._ledgers: dict[str, Ledger] = {}
        self._handled: set[str] = set()
        self._felt: set[str] = set()
        self.all = Tally()
        self.by_emotion: dict[str, Tally] = {}

    def judge(
        self, emotion: emotion_pb2.Emotion, identity: identity_pb2.UserIdentity
    ) -> tuple[Facts, Verdict]:
        """Decide on an emotion at the moment it was felt."""
        policy, now_ms = self._policy, emotion.occurred_at_ms
        case = Case(emotion, identity, policy, "fast")
        ledgers: dict[Subject, Ledger] = {
            subject: self._ledgers.setdefault(name, Ledger())
            for subject, name in case.subjects.items()
        }
        history = ledgers["visitor"]
        facts = gather(case, history, now_ms=now_ms, handled=emotion.id in self._handled)
        asks = policy.asks.get(facts.emotion, ())
        facts = structs.replace(facts, team_known=True, recipients=dict.fromkeys(asks, EVERYBODY))
        verdict = judge(policy, facts, LiveReadings(ledgers))
        take(policy, verdict, ledgers)
        if emotion.id not in self._felt:
            self._felt.add(emotion.id)
            history.remember("episodes", now_ms)
        if verdict.acts:
            self._handled.add(emotion.id)
        self.all.add(verdict)
        self.by_emotion.setdefault(EMOTION_NAMES.get(emotion.kind, "?"), Tally()).add(verdict)
        return facts, verdict

    def spent(self) -> dict[str, int]:
        """Of each budget and currency, what the last period has lost, in minor units."""
        tenant = self._ledgers.get("tenant", Ledger())
        return {key.removeprefix("budget:"): minor for key, (_, minor) in tenant.spent.items()}

    def summary(self) -> dict[str, object]:
        """What would have been chosen, in all and by emotion."""
        return {
            "policy": self._policy.version,
            **self.all.as_dict(),
            "by_emotion": {name: tally.as_dict() for name, tally in self.by_emotion.items()},
            "spent": self.spent(),
        }
