"""Group commit: decisions that arrive together share one transaction.

One task drains the queue. While its transaction runs the next group gathers, so a lone Decide waits
for nobody and a crowd pays for one commit. The sessions' row locks make the limits and "one
episode, one help" hold over every replica; the decision's unique id makes repetition harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.common.errors import InvalidArgument, ResourceExhausted, Unavailable
from services.intervention.clock import Clock
from services.intervention.database import FAILURES, Clash, is_away
from services.intervention.proposal import Proposal
from services.intervention.settle import SessionLimits, settle
from services.intervention.store import decisions as store

_MAX_GROUP = 256
_MAX_WAITING = 20_000
_TIMEOUT_S = 5.0
_FAILURES: tuple[type[Exception], ...] = (*FAILURES, Clash)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """The decision that stands, and whether this call made it."""

    decision: pb.Decision
    new: bool


@dataclass(slots=True)
class _Waiting:
    proposal: Proposal
    answer: asyncio.Future[Settled]


class Writer:
    """Settles proposals and makes them durable."""

    def __init__(self, pool: Any, clock: Clock, *, committed: Callable[[bool], None]) -> None:
        """`committed(messages)` is called after each commit that wrote something."""
        self._pool = pool
        self._clock = clock
        self._committed = committed
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(_MAX_WAITING)
        self.groups = 0
        self.decisions = 0

    async def submit(self, proposal: Proposal) -> Settled:
        """Wait until the decision is durable; an earlier one under its id wins.

        Raises:
            Unavailable: PostgreSQL is away; nothing was written.
            ResourceExhausted: too many wait already.
        """
        waiting = _Waiting(proposal, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull as error:
            raise ResourceExhausted("too many decisions wait for PostgreSQL, slow down") from error
        return await waiting.answer

    async def run(self) -> None:
        """Write groups until cancelled."""
        while True:
            group = [await self._queue.get()]
            while len(group) < _MAX_GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                await self._write_group([one for one in group if not one.answer.done()])
            finally:
                for one in group:
                    if not one.answer.done():
                        one.answer.set_exception(Unavailable("stopping, ask another replica"))

    async def _write_group(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                settled = await self._transact([one.proposal for one in group])
        except _FAILURES as error:
            if is_away(error):
                _log.warning("decisions not written", count=len(group), error=repr(error))
                for one in group:
                    _fail(one, Unavailable("PostgreSQL is away, try again"))
                return
            if len(group) > 1:  # one of them is bad; the others must not suffer
                for one in group:
                    await self._write_group([one])
                return
            _log.error("decision refused", id=group[0].proposal.decision.id, error=repr(error))
            _fail(group[0], InvalidArgument("the emotion cannot be stored, logged"))
        else:
            for one, answer in zip(group, settled, strict=True):
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _transact(self, originals: list[Proposal]) -> list[Settled]:
        # Copies, because settling takes parts out and a failed transaction must leave no trace.
        proposals = [_copy(one) for one in originals]
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                standing, written = await self._settle(connection, proposals)
            self.groups += 1
            self.decisions += len(written)
            if written:
                self._committed(any(one.messages for one in written.values()))
        return [
            Settled(
                standing[one.decision.id],
                new=written.get(one.decision.id) is one,
            )
            for one in proposals
        ]

    async def _settle(
        self, connection: Any, proposals: list[Proposal]
    ) -> tuple[dict[str, pb.Decision], dict[str, Proposal]]:
        now_ms = self._clock()
        limits = await store.lock_sessions(
            connection,
            ((one.decision.tenant_id, one.decision.session_id) for one in proposals),
            now_ms,
        )
        known = await store.read_known(connection, (one.decision.emotion.id for one in proposals))
        standing = {one.id: pb.Decision.FromString(one.record) for one in known}
        handled = {(one.tenant_id, one.emotion_id) for one in known if one.intervened}
        fresh: dict[str, Proposal] = {}
        for proposal in proposals:
            decision = proposal.decision
            found = standing.get(decision.id)
            if found is not None:
                if (found.tenant_id, found.session_id) != (decision.tenant_id, decision.session_id):
                    raise Clash("decision id of another session")
                continue
            episode = (decision.tenant_id, decision.emotion.id)
            session = limits[(decision.tenant_id, decision.session_id)]
            settle(proposal, session, handled=episode in handled, now_ms=now_ms)
            if decision.action == pb.DECISION_ACTION_INTERVENE:
                handled.add(episode)
            standing[decision.id] = decision
            fresh[decision.id] = proposal
        if fresh:
            new_ids = await store.write(connection, list(fresh.values()), _touched(fresh, limits))
            if len(new_ids) != len(fresh):
                raise Clash("decision id of another session")
        return standing, fresh


def _touched(
    fresh: dict[str, Proposal], limits: dict[store.SessionKey, SessionLimits]
) -> dict[store.SessionKey, SessionLimits]:
    keys = {
        (one.decision.tenant_id, one.decision.session_id)
        for one in fresh.values()
        if one.decision.action == pb.DECISION_ACTION_INTERVENE
    }
    return {key: limits[key] for key in keys}


def _copy(proposal: Proposal) -> Proposal:
    decision = pb.Decision()
    decision.CopyFrom(proposal.decision)
    return replace(proposal, decision=decision, messages=list(proposal.messages))


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
