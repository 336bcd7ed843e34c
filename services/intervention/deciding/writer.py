"""Group commit: decisions that arrive together are judged by one reading and share one commit.

One task drains the queue. While its commit runs the next group gathers: so a lone Decide waits for
nobody, and the more there are, or the slower the commit, the more share one. A group costs as much
as three decisions, whether it holds one or fifty.

Whoever asks for a page is answered within its budget, however PostgreSQL hangs (pulse.py): the
statement is given up with its connection, and help that needs no guards goes out without them
(unguarded.py). What needs them is tried again while its caller waits, then refused.

A group is written only over the versions of the guards' rows that it was judged by; whoever was
outrun takes the rows' locks and judges again. So caps, budgets, cool-downs and "one episode, one
help" hold over every replica; the decision's unique id makes repetition harmless. That is also why
a group may be judged by what a writer remembers (memory.py), and taken to be the first on its
episodes, without a reading before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.common.errors import InvalidArgument, ResourceExhausted, Unavailable
from services.intervention.clock import Clock
from services.intervention.database import FAILURES, OUTRUN, Clash, is_away, transaction
from services.intervention.deciding.court import Court, Docket
from services.intervention.deciding.gather import Case
from services.intervention.deciding.memory import Memory
from services.intervention.deciding.pulse import Pulse
from services.intervention.deciding.unguarded import Unguarded
from services.intervention.policy import Policy
from services.intervention.store import decisions as store
from services.intervention.store.decisions import GuardKey, Known, State
from services.intervention.store.promises import Promise

_MAX_GROUP = 256
_MAX_WAITING = 20_000
_TIMEOUT_S = 5.0
_PAGE_WAITS_S = 1.5
"""A little less than the edge does."""
_FAILURES: tuple[type[Exception], ...] = (*FAILURES, Clash)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """The decision that stands, and whether this call made it."""

    decision: pb.Decision
    new: bool


@dataclass(slots=True)
class _Waiting:
    case: Case
    answer: asyncio.Future[Settled]
    until_s: float
    """When nobody listens any more; on the loop's clock."""


class TeamNeeded(Exception):
    """The choice depends on who the team is; nothing was decided."""


class Writer:
    """Has cases judged and makes the decisions durable."""

    def __init__(
        self,
        pool: Any,
        court: Court,
        clock: Clock,
        *,
        pulse: Pulse,
        committed: Callable[[Promise, bool], None],
    ) -> None:
        """`committed(promise, messages)` is called after each commit that wrote something."""
        self._pool = pool
        self.pulse = pulse
        self._court = court
        self._clock = clock
        self._committed = committed
        self._connection: Any = None
        self._memory = Memory()
        self._again: list[_Waiting] = []
        self._hanging = False
        self._kept: set[str] = set()
        self.unguarded = Unguarded()
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(_MAX_WAITING)
        self.groups = 0
        self.remembered = 0
        """Groups that were judged without a reading."""
        self.outrun = 0
        self.decisions = 0
        self.failed = 0

    async def submit(self, case: Case) -> Settled:
        """Wait until the decision is durable; an earlier one under its id wins.

        Raises:
            TeamNeeded: ask for the team and submit again.
            Unavailable: PostgreSQL is away; nothing was written.
            ResourceExhausted: too many wait already.
        """
        loop = asyncio.get_running_loop()
        waits_s = _PAGE_WAITS_S if case.path == "fast" else _TIMEOUT_S
        waiting = _Waiting(case, loop.create_future(), loop.time() + waits_s)
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull as error:
            raise ResourceExhausted("too many decisions wait for PostgreSQL, slow down") from error
        return await waiting.answer

    async def run(self) -> None:
        """Write groups until cancelled."""
        try:
            while True:
                group, self._again = self._again, []
                if not group:
                    group.append(await self._queue.get())
                try:
                    while len(group) < _MAX_GROUP and not self._queue.empty():
                        group.append(self._queue.get_nowait())
                    await self._write_group([*self._late(), *group])
                except asyncio.CancelledError:
                    for one in [*group, *self._again]:
                        _fail(one, Unavailable("stopping, ask another replica"))
                    raise
        finally:
            await self._hand_back()

    async def _write_group(self, group: list[_Waiting]) -> None:
        group = [one for one in group if not one.answer.done()]
        if not group:
            return
        if self._hanging and await self.pulse.is_silent():
            for one in group:
                self._do_without(one, try_again=True)
            return
        try:
            async with self.pulse.limited(_TIMEOUT_S):
                ends = await self._transact([one.case for one in group])
        except _FAILURES as error:
            if is_away(error):
                _log.warning("decisions not written", count=len(group), error=repr(error))
                self._hanging = isinstance(error, TimeoutError)
                for one in group:
                    self._do_without(one, try_again=self._hanging)
                return
            if len(group) > 1:  # one of them is bad; the others must not suffer
                for one in group:
                    await self._write_group([one])
                return
            _log.error("decision refused", emotion=group[0].case.emotion.id, error=repr(error))
            _fail(group[0], InvalidArgument("the emotion cannot be stored, logged"))
        except Exception as error:
            # The boundary of a decision: a defect that one meets must not end the others'.
            if len(group) > 1:
                for one in group:
                    await self._write_group([one])
                return
            self.failed += 1
            _log.error("decision failed", emotion=group[0].case.emotion.id, exc_info=error)
            _fail(group[0], InvalidArgument("the emotion cannot be decided on, logged"))
        else:
            self._hanging = False
            for one, end in zip(group, ends, strict=True):
                if one.answer.done():
                    continue
                if isinstance(end, TeamNeeded):
                    one.answer.set_exception(end)
                else:
                    one.answer.set_result(end)

    async def _transact(self, cases: Sequence[Case]) -> list[Settled | TeamNeeded]:
        connection = await self._borrow()
        try:
            await self._keep_policies(connection, cases)
            docket = await self._decide_once(connection, cases)
        except asyncio.CancelledError:
            # A server that hangs does not confirm a cancellation either: do not wait for it.
            connection.terminate()
            raise
        self.groups += 1
        self.decisions += len(docket.made)
        self.unguarded.note(docket.standing, docket.made.values())
        if docket.promise is not None:
            messages = any(one.messages for one in docket.made.values())
            self._committed(docket.promise, messages)
        ends: list[Settled | TeamNeeded] = []
        for case in cases:
            standing = docket.standing.get(case.id)
            if standing is None:
                ends.append(TeamNeeded())
            else:
                ends.append(Settled(standing, new=docket.firsts.get(case.id) is case))
        return ends

    async def _borrow(self) -> Any:
        """One connection for all groups: to borrow one costs as much as to judge a case."""
        if self._connection is None or _is_closed(self._connection):
            await self._hand_back()
            self._connection = await self._pool.acquire()
        return self._connection

    async def _hand_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)

    def _do_without(self, one: _Waiting, *, try_again: bool) -> None:
        """Help without guards, where that may be; else try again, or let the caller do so."""
        if self._help(one):
            return
        if try_again and one.until_s > asyncio.get_running_loop().time():
            self._again.append(one)
        else:
            _fail(one, Unavailable("PostgreSQL is away, try again"))

    def _help(self, one: _Waiting) -> bool:
        """Help without guards or record. Tells whether there is nobody left to answer."""
        if one.answer.done():
            return True  # who asked has left: it would be shown to nobody
        decision = self.unguarded.decide(one.case, self._clock())
        if decision is not None:
            one.answer.set_result(Settled(decision, new=False))
        return decision is not None

    def _late(self) -> list[_Waiting]:
        """What was shown without a record: it is recorded before anything else is decided.

        Where the team is needed too, the durable path does it, which knows whom to ask.
        """
        found: list[_Waiting] = []
        loop = asyncio.get_running_loop()
        for case in self.unguarded.offer(_MAX_GROUP):
            answer: asyncio.Future[Settled] = loop.create_future()
            answer.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            found.append(_Waiting(case, answer, loop.time() + _TIMEOUT_S))
        return found

    async def _keep_policies(self, connection: Any, cases: Sequence[Case]) -> None:
        fresh: dict[str, Policy] = {
            case.policy.digest: case.policy
            for case in cases
            if case.policy.digest not in self._kept
        }
        for policy in fresh.values():
            await store.keep_policy(connection, policy, self._clock())
            self._kept.add(policy.digest)

    async def _decide_once(self, connection: Any, cases: Sequence[Case]) -> Docket:
        """By memory or by one reading; whoever was outrun takes the rows' locks and reads."""
        keys = self._court.keys(cases)
        remembered = self._memory.recall(keys) if all(map(_is_first, cases)) else None
        believed = self._memory.doubt(keys)
        try:
            docket = await self._decide(connection, cases, keys, remembered)
            self.remembered += remembered is not None
        except OUTRUN:
            self.outrun += 1
            async with transaction(connection):
                await store.lock_guards(connection, keys, self._clock())
                docket = await self._decide(connection, cases, keys, None)
            self._memory.compare(believed, docket.states)
        self._memory.keep(docket.stands)
        return docket

    async def _decide(
        self,
        connection: Any,
        cases: Sequence[Case],
        keys: set[GuardKey],
        states: Mapping[GuardKey, State] | None,
    ) -> Docket:
        """Judge and write: the statement undoes itself if it was outrun. Without states, read."""
        known: Sequence[Known] = ()
        read: Mapping[GuardKey, State] = {}
        if states is None:
            episodes = (case.emotion.id for case in cases)
            states, known = await store.read(connection, keys, episodes)
            read = states
        docket = Docket(
            standing={one.id: pb.Decision.FromString(one.record) for one in known},
            handled={(one.tenant_id, one.emotion_id) for one in known if one.intervened},
            felt={(one.tenant_id, one.emotion_id) for one in known},
            states=states,
        )
        now_ms = self._clock()
        for case in cases:
            self._court.hear(case, docket, now_ms, self.unguarded.recall(case.id))
        docket.stands = read  # what was remembered, and is not proved now, is forgotten
        if docket.made:
            changed = docket.changed()
            docket.promise = await store.write(
                connection, list(docket.made.values()), states, changed, known, now_ms
            )
            docket.stands = {**states, **_written(changed, states, now_ms)}
        return docket


def _is_first(case: Case) -> bool:
    """Whether nothing was decided about its episode before, as far as one can tell from here."""
    return case.emotion.rev == 1


def _written(
    changed: Mapping[GuardKey, bytes], before: Mapping[GuardKey, State], now_ms: int
) -> dict[GuardKey, State]:
    """What stands after a write."""
    return {key: State(new, before[key].version + 1, now_ms) for key, new in changed.items()}


def _is_closed(connection: Any) -> bool:
    try:
        return bool(connection.is_closed())
    except FAILURES:
        return True  # the pool has taken it back already, as it does with what is closed


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
