"""Ask somebody else: the next step of an escalation, or the colleague who is to take over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common import logs, tracing
from services.common.errors import Unavailable
from services.intervention import outcomes
from services.intervention.deciding.identities import Identities
from services.intervention.deciding.people import People, pick_person, reachable_channels
from services.intervention.deciding.policies import Policies
from services.intervention.deciding.proposal import LINK_LIFETIME_MS, Recommender
from services.intervention.escalation import threads
from services.intervention.escalation.promising import promise
from services.intervention.escalation.rota import Rotas
from services.intervention.escalation.rotas import RotasInForce
from services.intervention.escalation.telling import span_of
from services.intervention.escalation.timers import ESCALATE, Timer, set_timer
from services.intervention.store import acts
from services.intervention.store.decisions import read_decision
from services.intervention.store.outbox import put_outcome
from services.intervention.templates.template import Template

_USUAL = "alert@1"
_log = logs.get(__name__)


class Asking:
    """Brings a thread to more people, each once."""

    def __init__(
        self,
        policies: Policies,
        people: People,
        identities: Identities,
        rotas: RotasInForce,
        recommender: Recommender,
        *,
        promised: Callable[[], None],
    ) -> None:
        """`promised()` is called where messages were written that are due at once."""
        self._policies = policies
        self._people = people
        self._identities = identities
        self._rotas = rotas
        self._recommender = recommender
        self._promised = promised
        self.escalated = 0
        self.nobody = 0

    async def escalate(self, connection: Any, timer: Timer, now_ms: int) -> None:
        """Effect of a timer: ask the next one, unless somebody has acknowledged."""
        decision = await read_decision(connection, timer.decision_id)
        if decision is None or now_ms > decision.decided_at_ms + LINK_LIFETIME_MS:
            return  # forgotten, or of no use to anybody any more
        asked = decision.recommendation
        step_number, _, act_id = timer.subject.partition(" ")
        number, since_ms = int(step_number), decision.decided_at_ms
        thread_id = await threads.find(connection, decision.id)
        # Two recommendations of a thread must not ask the same person at once.
        await acts.lock(connection, thread_id)
        if act_id:
            act = await acts.find_act(connection, act_id, now_ms)
            if act is None or await acts.answered(connection, act, decision.id):
                return
            since_ms = act.acted_at_ms
        elif await acts.acknowledged(
            connection, decision.id, thread_id=thread_id, since_ms=since_ms
        ):
            return
        step = asked.escalation[number]
        members = await threads.read_members(connection, thread_id)
        told = {asked.person_id, *(one.person_id for one in members)}
        people = await self._people.of(decision.tenant_id)
        person = choose(
            step.to,
            people,
            told,
            await self._who(decision),
            await self._rotas.of(decision.tenant_id),
            now_ms,
        )
        if person is None:
            self.nobody += 1
            _log.warning("nobody to escalate to", decision=decision.id, step=number + 1)
        else:
            waited_s = (now_ms - since_ms) // 1000
            await self._ask(
                connection,
                decision,
                person,
                note=f"NO ANSWER FOR {_span(waited_s)}",
                asked=f"step {number + 1}",
                why="escalated",
                now_ms=now_ms,
            )
            await self._tell(
                connection,
                decision,
                person.person_id,
                kind=pb.OUTCOME_KIND_ESCALATED,
                asked=f"step {number + 1}",
                channel="escalation",
                now_ms=now_ms,
            )
            self.escalated += 1
        if number + 1 < len(asked.escalation):
            due_at_ms = now_ms + asked.escalation[number + 1].after_ms
            await set_timer(
                connection, ESCALATE, decision.id, _subject(number + 1, act_id), due_at_ms
            )

    async def hand_over(
        self, connection: Any, decision: pb.Decision, act: acts.Act, now_ms: int
    ) -> None:
        """Ask the colleague whom somebody chose on the page."""
        people = await self._people.of(decision.tenant_id)
        named = {one.person_id: one for one in people}
        person, giver = named.get(act.to_person_id), named.get(act.person_id)
        if person is None:
            self.nobody += 1
            _log.warning("handed over to somebody who has left", decision=decision.id)
            return
        await self._ask(
            connection,
            decision,
            person,
            note=f"{giver.name if giver and giver.name else 'A colleague'} hands this over to you",
            asked=act.id,
            why="handed_over",
            now_ms=now_ms,
        )
        # With the thread goes all that joined it.
        asking = await threads.read_asking(connection, decision)
        for one in asking:
            await self._tell(
                connection,
                one,
                person.person_id,
                kind=pb.OUTCOME_KIND_HANDED_OVER,
                asked=act.id,
                channel="intervene_page",
                now_ms=now_ms,
                by_person_id=act.person_id,
            )
        await self._escalate_from(connection, asking, people, act, now_ms)

    async def _escalate_from(
        self,
        connection: Any,
        asking: Sequence[pb.Decision],
        people: Sequence[tenant_pb2.Person],
        act: acts.Act,
        now_ms: int,
    ) -> None:
        """Ask on where the colleague does not answer, from the first step that asks somebody else.

        One recommendation's steps are enough: all of them are about the same page.
        """
        decision = next((one for one in asking if one.recommendation.escalation), None)
        if decision is None:
            return
        members = await threads.read_members(connection, act.thread_id)
        told = {one.recommendation.person_id for one in asking}
        told |= {act.person_id, *(one.person_id for one in members)}
        who, rotas = await self._who(decision), await self._rotas.of(decision.tenant_id)
        for number, step in enumerate(decision.recommendation.escalation):
            if choose(step.to, people, told, who, rotas, now_ms) is not None:
                due_at_ms = now_ms + step.after_ms
                subject = _subject(number, act.id)
                await set_timer(connection, ESCALATE, decision.id, subject, due_at_ms)
                return

    async def ask_anew(self, connection: Any, decision: pb.Decision, now_ms: int) -> None:
        """Ask whom a recommendation was for, where no message has told them of it."""
        people = await self._people.of(decision.tenant_id)
        wanted = decision.recommendation.person_id
        person = next((one for one in people if one.person_id == wanted), None)
        if person is None or not reachable_channels(person):
            self.nobody += 1
            _log.warning("told to nobody: the person has left", decision=decision.id)
            return
        await self._promise(
            connection,
            decision,
            person,
            note="",
            asked=f"anew {decision.id}",
            of_rule=True,
            now_ms=now_ms,
            channels=frozenset(decision.recommendation.channels),
        )

    async def _ask(
        self,
        connection: Any,
        decision: pb.Decision,
        person: tenant_pb2.Person,
        *,
        note: str,
        asked: str,
        why: str,
        now_ms: int,
    ) -> None:
        await self._promise(
            connection,
            decision,
            person,
            note=note,
            asked=asked,
            of_rule=why == "escalated",
            now_ms=now_ms,
        )
        thread_id = await threads.find(connection, decision.id)
        await threads.add_member(connection, thread_id, person.person_id, why, now_ms)

    async def _promise(
        self,
        connection: Any,
        decision: pb.Decision,
        person: tenant_pb2.Person,
        *,
        note: str,
        asked: str,
        of_rule: bool,
        now_ms: int,
        channels: frozenset[str] | None = None,
    ) -> None:
        """Promise messages over `channels`, None: over every one that they have."""
        drafts = self._recommender.draft_for_another(
            await self._thread(connection, decision),
            await self._template(decision),
            person,
            await self._who(decision),
            note=note,
            asked=asked,
            now_ms=now_ms,
            channels=channels,
        )
        policy = await self._policies.of(decision.tenant_id)
        here = tracing.header(tracing.of_decision(decision.emotion.id, decision.id))
        await promise(
            connection,
            decision,
            drafts,
            traceparent=here,
            now_ms=now_ms,
            rules=policy.path_to(decision.rule) if of_rule else (),
        )
        self._promised()

    async def _tell(
        self,
        connection: Any,
        decision: pb.Decision,
        person_id: str,
        *,
        kind: pb.OutcomeKind.ValueType,
        asked: str,
        channel: str,
        now_ms: int,
        by_person_id: str = "",
    ) -> None:
        outcome = outcomes.of_person(
            decision,
            person_id=person_id,
            kind=kind,
            at_ms=now_ms,
            detail=asked,
            channel=channel,
            again=asked,
            by_person_id=by_person_id,
        )
        await put_outcome(connection, outcome, span_of(decision))

    async def _thread(self, connection: Any, decision: pb.Decision) -> pb.Decision:
        """The decision whose page this one stands on: the link leads there."""
        thread_id = await threads.find(connection, decision.id)
        if thread_id == decision.id:
            return decision
        return await read_decision(connection, thread_id) or decision

    async def _template(self, decision: pb.Decision) -> Template:
        """What the first message was written by, if the policy still has it."""
        policy = await self._policies.of(decision.tenant_id)
        for one in decision.alternatives:
            found = policy.templates.get(one.template)
            if one.part == "team" and not one.refused and found and found.target == "team":
                return found
        return policy.templates[_USUAL]

    async def _who(self, decision: pb.Decision) -> identity_pb2.UserIdentity:
        try:
            return await self._identities.resolve(decision.tenant_id, decision.session_id)
        except Unavailable:
            return identity_pb2.UserIdentity(company=decision.company)


def choose(
    to: Sequence[str],
    people: Sequence[tenant_pb2.Person],
    told: Collection[str],
    identity: identity_pb2.UserIdentity,
    rotas: Rotas,
    now_ms: int,
) -> tenant_pb2.Person | None:
    """The first of `to` who can be reached and was not asked before."""
    left = [one for one in people if one.person_id not in told]
    for wanted in to:
        kind, _, name = wanted.partition(":")
        if kind != "on_call":
            found = pick_person(left, [wanted], identity)
        else:
            on_call = rotas.on_call(name, now_ms)
            found = next(
                (one for one in left if one.person_id == on_call and reachable_channels(one)), None
            )
        if found is not None:
            return found
    return None


def _subject(number: int, act_id: str) -> str:
    """Of a step's timer; where a hand-over began it anew, with that act."""
    return f"{number} {act_id}" if act_id else str(number)


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} MIN"
