"""What a person may do on the intervene page: look, then act once.

Looking is what a visible page says, never what a GET says; it buys a nonce, and only a nonce acts.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import tracing
from services.common.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from services.intervention import outcomes
from services.intervention.clock import Clock
from services.intervention.links import Links
from services.intervention.policies import Policies
from services.intervention.presence import Pages
from services.intervention.record import build_intervention, language_of
from services.intervention.store import acts as store
from services.intervention.store import interventions
from services.intervention.store.decisions import read_decision
from services.intervention.store.outbox import put_outcome

NONCE_LIFETIME_MS = 30 * 60_000
SHOW_WITHIN_MS = 10 * 60_000
DECLINE = "decline"
TEMPLATES = {"send_offer": "offer@1", "open_chat": "chat@1"}


class AlreadyActed(FailedPrecondition):
    """Somebody was first; `act` tells what was done."""

    def __init__(self, act: store.Act) -> None:
        super().__init__("this recommendation was already acted on")
        self.act = act


@dataclass(frozen=True, slots=True)
class Visit:
    """A verified link and what it leads to."""

    decision: pb.Decision
    person_id: str


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
        links: Links,
        policies: Policies,
        pages: Pages,
        clock: Clock,
        *,
        committed: Any,
    ) -> None:
        """`committed()` is called after each commit that left an outcome in the outbox."""
        self._pool = pool
        self._links = links
        self._policies = policies
        self._pages = pages
        self._clock = clock
        self._committed = committed

    async def visit(self, token: str) -> Visit:
        """Open a link. Changes nothing.

        Raises:
            LinkError: it is malformed, forged or expired.
            NotFound: there is no such recommendation.
        """
        link = self._links.read(token, now_ms=self._clock())
        decision = await read_decision(self._pool, link.decision_id)
        if decision is None or not decision.HasField("recommendation"):
            raise NotFound("This recommendation no longer exists.")
        person_id = decision.recommendation.person_id
        if self._links.person_tag(person_id) != link.person_tag:
            raise NotFound("This recommendation now belongs to somebody else.")
        return Visit(decision, person_id)

    async def see(self, visit: Visit) -> str:
        """Note that the person looks, and return a fresh nonce."""
        nonce = secrets.token_urlsafe(24)
        now_ms, began_ns = self._clock(), time.time_ns()
        decision, person_id = visit.decision, visit.person_id
        here = _span_of(decision)
        async with self._pool.acquire() as connection, connection.transaction():
            first = await store.add_visit(connection, decision.id, person_id, now_ms)
            if first:
                outcome = outcomes.of_person(
                    decision, person_id=person_id, kind=pb.OUTCOME_KIND_SEEN, at_ms=now_ms
                )
                await put_outcome(connection, outcome, tracing.header(here))
            await store.add_nonce(
                connection, _hash(nonce), decision.id, person_id, now_ms + NONCE_LIFETIME_MS
            )
        if first:
            tracing.record(
                "person.seen", parent=_decided(decision), at=here, start_ns=began_ns, kind="server"
            )
            self._committed()
        return nonce

    async def act(self, visit: Visit, name: str, nonce: str) -> Acted:
        """Do it, once.

        Raises:
            InvalidArgument: no such act.
            AlreadyActed: somebody was first.
            PermissionDenied: the nonce was not issued for this, is spent or too old.
        """
        if name != DECLINE and name not in TEMPLATES:
            raise InvalidArgument(f"act is one of {', '.join([*TEMPLATES, DECLINE])}")
        decision, now_ms, began_ns = visit.decision, self._clock(), time.time_ns()
        here = _span_of(decision)
        intervention = None
        if name in TEMPLATES:
            policy = await self._policies.of(decision.tenant_id)
            intervention = build_intervention(
                decision,
                policy.templates[TEMPLATES[name]],
                TEMPLATES[name],
                priority=pb.PRIORITY_CRITICAL,
                expires_at_ms=now_ms + SHOW_WITHIN_MS,
                language=language_of(decision),
            )
            intervention.traceparent = tracing.header(_decided(decision))
        act = store.Act(visit.person_id, name, intervention.id if intervention else None, now_ms)
        async with self._pool.acquire() as connection, connection.transaction():
            before = await store.read_act(connection, decision.id)
            if before is not None:
                raise AlreadyActed(before)
            if not await store.use_nonce(
                connection, _hash(nonce), decision.id, visit.person_id, now_ms
            ):
                # Waiting for the nonce may have been waiting for another tap to commit.
                first = await store.read_act(connection, decision.id)
                if first is not None:
                    raise AlreadyActed(first)
                raise PermissionDenied("Please reload the page and try again.")
            if intervention is not None:
                await interventions.insert(connection, intervention, now_ms)
            if not await store.add_act(connection, decision.id, act):
                first = await store.read_act(connection, decision.id)
                if first is not None:
                    raise AlreadyActed(first)
            await put_outcome(
                connection,
                outcomes.of_person(
                    decision,
                    person_id=visit.person_id,
                    kind=pb.OUTCOME_KIND_DECLINED if name == DECLINE else pb.OUTCOME_KIND_ACTED,
                    at_ms=now_ms,
                    detail=name,
                    intervention_id=act.intervention_id or "",
                ),
                tracing.header(here),
            )
        tracing.record(
            "person.acted",
            parent=_decided(decision),
            at=here,
            start_ns=began_ns,
            kind="server",
            act=name,
        )
        self._committed()
        return Acted(act, await self._pages.push(intervention) if intervention else 0)

    async def done(self, visit: Visit) -> tuple[store.Act, str | None] | None:
        """What was done and, where it shows something, how far that has come."""
        act = await store.read_act(self._pool, visit.decision.id)
        if act is None:
            return None
        state = None
        if act.intervention_id:
            state = await interventions.state_of(self._pool, act.intervention_id, self._clock())
        return act, state


def _decided(decision: pb.Decision) -> tracing.Context:
    return tracing.of_decision(decision.emotion.id, decision.id)


def _span_of(decision: pb.Decision) -> tracing.Context:
    """A span for what a person does about a decision, however much later."""
    return _decided(decision).fresh()


def _hash(nonce: str) -> bytes:
    return sha256(nonce.encode()).digest()
