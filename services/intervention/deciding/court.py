"""Cases of a group, judged one after the other by one reading of what guards remember.

What one case takes out of a cap or budget, the next one finds taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import structs
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.database import Clash
from services.intervention.deciding.gather import Case, gather
from services.intervention.deciding.proposal import DraftMessage, Recommender
from services.intervention.deciding.record import Inputs, build_decision
from services.intervention.deciding.unguarded import Shown
from services.intervention.experiments.arms import choice_of
from services.intervention.experiments.assignment import Exposure
from services.intervention.policy import TeamUnknown, Verdict, judge, take
from services.intervention.policy.ledger import Ledger, LiveReadings, Subject
from services.intervention.store.decisions import GuardKey, Made, State
from services.intervention.store.promises import Promise, traceparent_of

_FOR_BOTH = "alert@1"
"""What the team reads where a template speaks to the visitor and calls the team."""
_read = msgspec.json.Decoder(Ledger)


@dataclass(slots=True)
class Docket:
    """A group, and what was read for it."""

    standing: dict[str, pb.Decision]
    """By id: decisions that stand, those of this group too."""
    handled: set[tuple[str, str]]
    """Episodes that have brought help, by tenant."""
    felt: set[tuple[str, str]]
    """Episodes that were decided on before, whatever the end."""
    states: Mapping[GuardKey, State]
    stands: Mapping[GuardKey, State] = field(default_factory=dict[GuardKey, State])
    """What guards remember once all is written, as far as that was seen."""
    made: dict[str, Made] = field(default_factory=dict[str, Made])
    acted: set[GuardKey] = field(default_factory=set[GuardKey])
    """Sessions that something was done for: of two at once, one has to find out."""
    firsts: dict[str, Case] = field(default_factory=dict[str, Case])
    """Which case made a decision."""
    promise: Promise | None = None
    """What the log is owed, once all is written."""
    _ledgers: dict[GuardKey, Ledger] = field(default_factory=dict[GuardKey, Ledger])

    def ledger(self, key: GuardKey) -> Ledger:
        """A subject's memory, the same object for all cases of the group."""
        found = self._ledgers.get(key)
        if found is None:
            found = _read.decode(self.states[key].encoded)
            self._ledgers[key] = found
        return found

    def changed(self) -> dict[GuardKey, bytes]:
        """What has to be written back, encoded."""
        found: dict[GuardKey, bytes] = {}
        for key, ledger in self._ledgers.items():
            encoded = msgspec.json.encode(ledger)
            if encoded != self.states[key].encoded or key in self.acted:
                found[key] = encoded
        return found


class Court:
    """Turns cases into decisions with their messages."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender

    def keys(self, cases: Iterable[Case]) -> set[GuardKey]:
        """Whose memory has to be read."""
        return {
            (case.emotion.tenant_id, subject)
            for case in cases
            for subject in case.subjects.values()
        }

    def hear(self, case: Case, docket: Docket, now_ms: int, shown: Shown | None = None) -> None:
        """Decide a case, or leave it where the team is needed and not known.

        Args:
            shown: what the page was given while nothing could be recorded.

        Raises:
            Clash: its id stands for another session.
        """
        emotion, policy = case.emotion, case.policy
        found = docket.standing.get(case.id)
        if found is not None:
            if (found.tenant_id, found.session_id) != (emotion.tenant_id, emotion.session_id):
                raise Clash("decision id of another session")
            return
        episode = (emotion.tenant_id, emotion.id)
        subjects = case.subjects
        ledgers: dict[Subject, Ledger] = {
            subject: docket.ledger((emotion.tenant_id, name)) for subject, name in subjects.items()
        }
        history = ledgers["visitor"]
        facts = gather(case, history, now_ms=now_ms, handled=episode in docket.handled)
        if shown is not None:
            facts = structs.replace(facts, shown=shown.action, shown_at_ms=shown.at_ms)
        readings = LiveReadings(ledgers)
        try:
            verdict = judge(policy, facts, readings)
        except TeamUnknown:
            if shown is not None:  # its record is still to come, the help was given
                docket.handled.add(episode)
            return
        take(policy, verdict, ledgers)
        if episode not in docket.felt:
            history.remember("episodes", now_ms)
            docket.felt.add(episode)
        inputs = Inputs(facts, readings.seen)
        if verdict.team is not None and verdict.team.recipient is not None:
            person_id, fold_ms = verdict.team.recipient.person_id, policy.guards.fold_ms
            inputs.thread = history.join(person_id, case.id, now_ms, fold_ms)
        decision = build_decision(case.id, emotion, policy, inputs, verdict, case.path)
        traceparent = traceparent_of(emotion.id, decision.id)
        if verdict.page is not None:
            decision.intervention.traceparent = traceparent
        if verdict.acts:
            docket.handled.add(episode)
            docket.acted.add((emotion.tenant_id, subjects["session"]))
        docket.standing[case.id] = decision
        docket.firsts[case.id] = case
        late = facts.age_ms > policy.guards.stale_after_ms
        met = None if verdict.arm is None else choice_of(case.choices, verdict.rule)
        exposures = () if met is None else met.exposures
        decision.arms_met.extend(_met(exposure) for exposure in exposures)
        docket.made[case.id] = Made(
            decision,
            self._messages(case, decision, verdict, late=late),
            subjects["visitor"],
            verdict.page.part.type if verdict.page is not None else "",
            traceparent,
            exposures,
            policy.path_to(verdict.rule),
        )

    def _messages(
        self, case: Case, decision: pb.Decision, verdict: Verdict, *, late: bool
    ) -> list[DraftMessage]:
        if verdict.team is None or decision.recommendation.thread_id:
            return []
        part = verdict.team.part
        person = case.person_for(part.asks)
        if person is None:
            raise RuntimeError("a recipient that was found is gone")
        name = part.template if part.target == "team" else _FOR_BOTH
        template = case.policy.templates[name]
        return self._recommender.draft(decision, template, person, case.identity, late=late)


def _met(exposure: Exposure) -> pb.ArmMet:
    return pb.ArmMet(
        experiment=exposure.experiment,
        unit_kind=exposure.kind,
        variant=exposure.variant,
        propensity=exposure.propensity,
    )
