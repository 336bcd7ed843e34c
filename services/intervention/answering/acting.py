"""What a person may do on the intervene page: look, act, and take back what nobody has felt yet.

Looking is what a visible page says, never what a GET says; it buys a nonce, and only a nonce acts.
What reaches a live page is felt at once. Anything else waits for a moment, in which it can be taken
back (escalation/windows.py does the rest): help for a visitor who has left, an answer, a hand-over.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common import tracing
from services.common.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from services.common.ids import stable_id
from services.intervention import outcomes
from services.intervention.answering.presence import Pages
from services.intervention.answering.visiting import Visit, Visiting
from services.intervention.clock import Clock
from services.intervention.deciding.gather import periods_at
from services.intervention.deciding.policies import Policies
from services.intervention.deciding.record import build_intervention, language_of
from services.intervention.escalation import threads
from services.intervention.escalation.telling import (
    CLOSING,
    DECLINE,
    DONE,
    FALSE_ALARM,
    HAND_OVER,
    span_of,
    tell_act,
    tell_undo,
)
from services.intervention.escalation.timers import ESCALATE, SETTLE, set_timer, stop_timers
from services.intervention.policy import Policy
from services.intervention.policy.ledger import Charge, Ledger
from services.intervention.policy.parts import Part
from services.intervention.store import acts as store
from services.intervention.store import interventions
from services.intervention.store.charges import give_back
from services.intervention.store.ledgers import change
from services.intervention.store.outbox import put_outcome
from services.intervention.switches import Switches

NONCE_LIFETIME_MS = 30 * 60_000
SHOW_WITHIN_MS = 10 * 60_000
TEMPLATES = {"send_offer": "offer@1", "open_chat": "chat@1", "call_back": "call_back@1"}
ACTS = (*TEMPLATES, HAND_OVER, DONE, DECLINE, FALSE_ALARM)


class AlreadyActed(FailedPrecondition):
    """Somebody was first; `act` tells what was done."""

    def __init__(self, act: store.Act) -> None:
        super().__init__("this was answered already")
        self.act = act


class BudgetSpent(FailedPrecondition):
    """The policy's budget for such offers does not suffice."""


class Stopped(FailedPrecondition):
    """A kill switch stops everything for this tenant."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What acting led to."""

    act: store.Act
    reached: int
    """How many live pages' workers heard of it; 0: it waits for the visitor."""


class Acting:
    """The team's side of a recommendation."""

    def __init__(
        self,
        pool: Any,
        visiting: Visiting,
        policies: Policies,
        pages: Pages,
        switches: Switches,
        clock: Clock,
        *,
        window_ms: int,
        committed: Callable[[], None],
        timer_set: Callable[[], None],
    ) -> None:
        """`committed()` is called after each commit that left an outcome in the outbox.

        Args:
            window_ms: how long what nobody has felt can be taken back, and how long help may take
                to be shown before it goes another way.
        """
        self._pool = pool
        self._visiting = visiting
        self._policies = policies
        self._pages = pages
        self._switches = switches
        self._clock = clock
        self._window_ms = window_ms
        self._committed = committed
        self._timer_set = timer_set

    async def see(self, visit: Visit) -> str:
        """Note that the person looks, and return a fresh nonce. Nobody else need be asked now."""
        nonce = secrets.token_urlsafe(24)
        now_ms, began_ns = self._clock(), time.time_ns()
        decision, person_id = visit.decision, visit.person_id
        seen = 0
        async with self._pool.acquire() as connection, connection.transaction():
            asking = await threads.read_asking(connection, decision)
            for one in asking:
                if await store.add_visit(connection, one.id, person_id, now_ms):
                    seen += 1
                    outcome = outcomes.of_person(
                        one, person_id=person_id, kind=pb.OUTCOME_KIND_SEEN, at_ms=now_ms
                    )
                    await put_outcome(connection, outcome, span_of(one))
            # Of whom it was handed to, a look counts though they had looked before.
            if seen or await store.is_handed_to(connection, decision.id, person_id):
                await stop_timers(connection, ESCALATE, [one.id for one in asking])
            await self._permit(connection, nonce, visit, now_ms)
        if seen:
            _trace("person.seen", decision, began_ns)
            self._committed()
        return nonce

    async def act(self, visit: Visit, name: str, nonce: str, to: str = "") -> Acted:
        """Do it, once for each round.

        Args:
            to: with a hand-over, the colleague's tag.

        Raises:
            InvalidArgument: no such act, or no such colleague.
            AlreadyActed: somebody was first.
            PermissionDenied: the nonce was not issued for this, is spent or too old.
            Stopped: a kill switch stops all that would be shown.
            BudgetSpent: of an offer, what the policy lets offers cost is used up.
            Unavailable: of what is shown, identity never said which policy holds.
        """
        if name not in ACTS:
            raise InvalidArgument(f"act is one of {', '.join(ACTS)}")
        colleague = await self._colleague(visit, to) if name == HAND_OVER else None
        decision, now_ms, began_ns = visit.decision, self._clock(), time.time_ns()
        # A rule's switch stops what the rule does; a person does this.
        if name in TEMPLATES and self._switches.stops(decision.tenant_id, ()):
            raise Stopped("Nothing is shown to visitors now: a kill switch stops everything.")
        session_id, here = "", False
        policy: Policy | None = None
        if name in TEMPLATES:
            session_id, here = await self._whereabouts(decision)
            policy = await self._policies.of(decision.tenant_id)
        async with self._pool.acquire() as connection, connection.transaction():
            asking = await threads.read_asking(connection, decision)
            # In this order: a timer that is being acted on takes the thread's lock.
            await stop_timers(connection, ESCALATE, [one.id for one in asking])
            await store.lock(connection, decision.id)
            known = await store.read_acts(connection, decision.id, now_ms)
            before = [one for one in known if not one.undone]
            round_ = await threads.count_rounds(connection, decision.id)
            to_person_id = colleague.person_id if colleague else ""
            _refuse_again(name, to_person_id, [one for one in before if one.round == round_])
            await self._spend(connection, nonce, visit, now_ms)
            intervention = None
            if policy is not None:
                # What was felt in the visit where they are now.
                felt = max(
                    (one for one in asking if one.session_id == session_id),
                    key=lambda one: one.decided_at_ms,
                    default=decision,
                )
                intervention = await self._give(connection, felt, policy, name, len(known), now_ms)
            act = store.Act(
                id=stable_id("act", decision.id, len(known)),
                thread_id=decision.id,
                act=name,
                round=round_,
                person_id=visit.person_id,
                acted_at_ms=now_ms,
                to_person_id=to_person_id,
                intervention_id=intervention.id if intervention else None,
                open_until_ms=0 if here else now_ms + self._window_ms,
                state="pending" if intervention else "",
            )
            await store.add_act(connection, act)
            await set_timer(connection, SETTLE, decision.id, act.id, now_ms + self._window_ms)
            if here:
                await tell_act(connection, act, asking, before)
        _trace("person.acted", decision, began_ns, act=name)
        self._committed()
        self._timer_set()
        return Acted(act, await self._pages.push(intervention) if intervention else 0)

    async def undo(self, visit: Visit, act_id: str, nonce: str) -> store.Act:
        """Take an act back that nobody has felt yet; what it took out of a budget returns there.

        Raises:
            InvalidArgument: there is no such act here.
            FailedPrecondition: it had its effect, or was taken back before.
            PermissionDenied: as with `act`.
        """
        decision, now_ms = visit.decision, self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            await store.lock(connection, decision.id)
            act = await store.find_act(connection, act_id, now_ms)
            if act is None or act.thread_id != decision.id:
                raise InvalidArgument("there is no such act here")
            await self._spend(connection, nonce, visit, now_ms)
            if not await store.undo(connection, act.id, now_ms):
                raise FailedPrecondition("That cannot be taken back any more: it had its effect.")
            if act.intervention_id:
                await give_back(connection, act.intervention_id, now_ms)
            await tell_undo(connection, act, decision, now_ms)
        self._committed()
        return act

    async def permit(self, visit: Visit) -> str:
        """Another nonce, for the next act of whoever just used one."""
        nonce = secrets.token_urlsafe(24)
        await self._permit(self._pool, nonce, visit, self._clock())
        return nonce

    async def close(self, visit: Visit, nonce: str) -> None:
        """Close the page of whoever looks: their link leads there no more.

        Raises:
            PermissionDenied: as with `act`.
        """
        now_ms = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            await self._spend(connection, nonce, visit, now_ms)
            await threads.revoke(connection, visit.decision.id, [visit.person_id], now_ms)

    async def round(self, visit: Visit) -> int:
        """In which round of answers the thread is."""
        return await threads.count_rounds(self._pool, visit.decision.id)

    async def done(self, visit: Visit) -> list[store.Act]:
        """What was done about the thread and how far it has come, the first first."""
        return await store.read_acts(self._pool, visit.decision.id, self._clock())

    async def _colleague(self, visit: Visit, to: str) -> tenant_pb2.Person:
        for person in await self._visiting.colleagues(visit):
            if self._visiting.tag(person.person_id) == to:
                return person
        raise InvalidArgument("That colleague is not on the team, or cannot be reached.")

    async def _whereabouts(self, decision: pb.Decision) -> tuple[str, bool]:
        """Of the thread's visits the one where the visitor is, and whether a page is open there."""
        asking = await threads.read_asking(self._pool, decision)
        sessions = threads.sessions_of(asking)
        session_id, presence = await self._pages.locate(decision.tenant_id, sessions)
        return session_id, presence is not None and presence.streams > 0

    async def _give(
        self,
        connection: Any,
        decision: pb.Decision,
        policy: Policy,
        name: str,
        number: int,
        now_ms: int,
    ) -> pb.Intervention:
        """Promise help for the page. `number` tells it from what was given before."""
        charge = None
        if part := _budgeted(policy, decision.rule, TEMPLATES[name]):
            charge = await self._charge(connection, decision, policy, part, now_ms)
        intervention = build_intervention(
            decision,
            policy.templates[TEMPLATES[name]],
            TEMPLATES[name],
            priority=pb.PRIORITY_CRITICAL,
            expires_at_ms=now_ms + SHOW_WITHIN_MS,
            language=language_of(decision),
        )
        # The decision itself may have shown the same, and the team may give it again.
        intervention.id = stable_id(intervention.id, "act", number)
        intervention.traceparent = tracing.header(
            tracing.of_decision(decision.emotion.id, decision.id)
        )
        await interventions.insert(connection, intervention, now_ms, charge)
        return intervention

    async def _permit(self, connection: Any, nonce: str, visit: Visit, now_ms: int) -> None:
        await store.add_nonce(
            connection, _hash(nonce), visit.decision.id, visit.person_id, now_ms + NONCE_LIFETIME_MS
        )

    async def _charge(
        self, connection: Any, decision: pb.Decision, policy: Policy, part: Part, now_ms: int
    ) -> Charge:
        """An offer costs the same, whoever makes it."""
        periods, taken = periods_at(policy.zone, now_ms), list[Charge]()

        def take(ledger: Ledger) -> bool:
            charge = policy.guards.charge(part, decision.value.currency, periods, ledger)
            if charge is not None:
                taken.append(charge)
            return charge is not None

        if not await change(connection, {(decision.tenant_id, "tenant"): [take]}, now_ms):
            raise BudgetSpent(
                f"The budget for offers ({part.budget}) is used up. You can still open a chat."
            )
        return taken[0]

    async def _spend(self, connection: Any, nonce: str, visit: Visit, now_ms: int) -> None:
        if not await store.use_nonce(
            connection, _hash(nonce), visit.decision.id, visit.person_id, now_ms
        ):
            raise PermissionDenied("Please reload the page and try again.")


def _refuse_again(name: str, to_person_id: str, before: list[store.Act]) -> None:
    for one in before:
        closed = one.act in CLOSING or name == DECLINE
        if closed or (one.act, one.to_person_id) == (name, to_person_id):
            raise AlreadyActed(one)


def _budgeted(policy: Policy, rule: str, template: str) -> Part | None:
    """What such an offer is charged as: the rule's own, else another of its kind; None: free.

    A policy that charges any of its offers charges all of that type.
    """
    kind = policy.templates[template].type
    found = [
        (node.name != rule, part.template != template, part)
        for node in policy.rules()
        for part in node.parts or ()
        if part.budget and part.type == kind
    ]
    return min(found, key=lambda one: one[:2])[2] if found else None


def _trace(name: str, decision: pb.Decision, began_ns: int, act: str = "") -> None:
    decided = tracing.of_decision(decision.emotion.id, decision.id)
    tracing.record(
        name, parent=decided, at=decided.fresh(), start_ns=began_ns, kind="server", act=act
    )


def _hash(nonce: str) -> bytes:
    return sha256(nonce.encode()).digest()
