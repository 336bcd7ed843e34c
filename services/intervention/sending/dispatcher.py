"""Sends messages to people: many at once, none twice, and no slow destination holds up another.

A message is claimed in PostgreSQL before it is sent, so that a crash leaves a trace. What is
certainly not sent is repeated with growing, jittered pauses; what may have been sent is looked up
or left alone; all of it ends as an outcome, before the message would be of no use any more. What
failed stays for a week as a dead letter (store/dead_letters.py). Lanes, breaker and budgets decide
what is claimed at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs, tracing
from services.intervention.channels import pagerduty
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict
from services.intervention.clock import Clock
from services.intervention.database import FAILURES
from services.intervention.histograms import ALERT_S, SEND_S
from services.intervention.sending.breaker import Breaker, circuit
from services.intervention.sending.budgets import Budgets
from services.intervention.sending.lanes import MOST, full_lanes
from services.intervention.sending.pauses import pause_before
from services.intervention.sending.secrets import Sealer
from services.intervention.sending.settlement import Settlement
from services.intervention.store import dead_letters
from services.intervention.store import messages as store
from services.intervention.switches import Switches

MAX_ATTEMPTS = 8
_POLL_S = 1.0
_PURGE_MS = 3_600_000
_MAX_CLAIM = 8
_MAX_PER_DESTINATION = {"sms": 32, "pagerduty": 32}
_MAX_PER_OTHER_DESTINATION = 8
_KINDS: dict[Ending, pb.OutcomeKind.ValueType] = {
    Ending.DELIVERED: pb.OUTCOME_KIND_DELIVERED,
    Ending.WITHDRAWN: pb.OUTCOME_KIND_WITHDRAWN,
}
_log = logs.get(__name__)


class Sender(Protocol):
    """A channel."""

    async def deliver(self, message: Message) -> Verdict:
        """Make one attempt; never raises for what the other side does."""
        ...


class Dispatcher:
    """Claims due messages and carries each to its end."""

    def __init__(
        self,
        pool: Any,
        senders: Mapping[str, Sender],
        sealer: Sealer,
        clock: Clock,
        *,
        budgets: Budgets,
        breaker: Breaker,
        switches: Switches,
        committed: Callable[[], None],
    ) -> None:
        """`committed` is called after each commit that left an outcome in the outbox."""
        self._pool = pool
        self._budgets = budgets
        self._breaker = breaker
        self._switches = switches
        self._settlement = Settlement(pool, sealer, clock)
        self._senders = senders
        self._sealer = sealer
        self._clock = clock
        self._committed = committed
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: Counter[str] = Counter()
        self._lanes: Counter[int] = Counter()
        self._purged_ms = 0
        self._stopping = False
        self.attempts = 0
        self.failures = 0
        self.dead = 0
        self.withdrawn = 0

    @property
    def under_way(self) -> int:
        """Attempts that have not ended."""
        return len(self._tasks)

    @property
    def breaker(self) -> Breaker:
        """Which destinations are left alone."""
        return self._breaker

    @property
    def budgets(self) -> Budgets:
        """What had to wait for its turn."""
        return self._budgets

    def wake(self) -> None:
        """Tell that a message is due."""
        self._wake.set()

    async def run(self) -> None:
        """Send until `stop`. Cancelling could lose a claim between its commit and its task."""
        while not self._stopping:
            try:
                claimed = await self._claim()
                await self._purge()
            except FAILURES as error:
                self.failures += 1
                _log.warning("messages wait for PostgreSQL", error=repr(error))
                claimed = 0
                await asyncio.sleep(_POLL_S)
            if claimed == _MAX_CLAIM:
                continue
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    def stop(self) -> None:
        """Claim no more."""
        self._stopping = True
        self._wake.set()

    async def drain(self, timeout_s: float) -> None:
        """Wait for the attempts under way; what is left is looked up by the next process."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in self._tasks:
            task.cancel()

    async def _claim(self) -> int:
        free = min(_MAX_CLAIM, MOST - len(self._tasks))
        if free <= 0:
            return 0
        busy = [name for name, count in self._in_flight.items() if count >= _room(name)]
        rows = await store.claim(
            self._pool,
            self._clock(),
            busy=busy,
            shut=self._breaker.shut(),
            held=self._breaker.held(),
            full_lanes=full_lanes(self._lanes),
            channels=self._senders.keys(),
            limit=free,
        )
        for row in rows:
            self._in_flight[row.destination] += 1
            self._lanes[row.lane] += 1
            self._breaker.claimed(circuit(row.tenant_id, row.destination))
            task = asyncio.create_task(self._attempt(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(rows)

    async def _attempt(self, row: store.Claimed) -> None:
        began_ns = time.time_ns()
        try:
            verdict = self._refuse(row) or await self._wait_for_turn(row) or self._stopped(row)
            if verdict is None:
                verdict = await self._deliver(row)
            if verdict is _LATER:
                return
            answered_ns = time.time_ns()
            SEND_S.record((answered_ns - began_ns) / 1e9, row.channel, verdict.ending.value)
            if verdict.ending in (Ending.SENT, Ending.DELIVERED):
                ALERT_S.record(max(0.0, answered_ns / 1e9 - row.created_at_ms / 1000), row.channel)
            ended = await self._record(row, verdict)
            _trace(row, verdict, began_ns, answered_ns, ended=ended)
        except FAILURES as error:
            # The claim's lease will end, and the next attempt begins by looking the message up.
            self.failures += 1
            _log.warning("attempt not recorded", message=row.id, error=repr(error))
        except Exception as error:
            # The boundary of a task that nobody awaits.
            self.failures += 1
            _log.error("attempt failed", message=row.id, exc_info=error)
        finally:
            self._breaker.left(circuit(row.tenant_id, row.destination))
            self._leave(row.destination, row.lane)

    def _leave(self, destination: str, lane: int) -> None:
        # Only where somebody may have been turned away is it worth asking PostgreSQL again.
        crowded = self._in_flight[destination] >= _room(destination)
        if crowded or full_lanes(self._lanes):
            self._wake.set()
        self._lanes[lane] -= 1
        self._in_flight[destination] -= 1
        if not self._in_flight[destination]:
            del self._in_flight[destination]

    def _refuse(self, row: store.Claimed) -> Verdict | None:
        """Why a message is not even tried."""
        if row.off_reason is not None:
            return Verdict(Ending.DROP, f"endpoint_off:{row.off_reason}")
        if self._clock() >= row.expires_at_ms:
            return Verdict(Ending.DROP, "unknown" if row.uncertain else "expired")
        return None

    def _stopped(self, row: store.Claimed) -> Verdict | None:
        """Whether a kill switch stops what was promised before it was thrown."""
        if not row.stoppable:
            return None
        switch = self._switches.stops(row.tenant_id, row.rules)
        if switch and row.uncertain:  # it may be out already; nothing more is tried
            return Verdict(Ending.DROP, "unknown")
        return Verdict(Ending.WITHDRAWN, f"withdrawn:{switch}") if switch else None

    async def _wait_for_turn(self, row: store.Claimed) -> Verdict | None:
        """Take the message's place in its tenant's budget; None if it may go now."""
        if row.budgeted or row.attempts > 1:
            return None
        now_ms = self._clock()
        try:
            at_ms = await self._budgets.place(
                row.tenant_id, row.channel, now_ms=now_ms, expires_at_ms=row.expires_at_ms
            )
            if at_ms is None:
                return Verdict(Ending.DROP, "over_budget")
            if at_ms <= now_ms:
                return None
            await store.postpone(self._pool, row, at_ms=at_ms, now_ms=now_ms)
        except FAILURES as error:
            # Left claimed it would come back as perhaps sent, and some channels then give it up.
            _log.warning("budget not asked, sending", message=row.id, error=repr(error))
            return None
        self._call_later((at_ms - now_ms) / 1000)
        return _LATER

    async def _deliver(self, row: store.Claimed) -> Verdict:
        sender = self._senders[row.channel]
        try:
            fields = self._sealer.unseal(row.sealed or b"")
        except ValueError as error:
            return Verdict(Ending.DROP, f"cannot_open:{error}")
        self.attempts += 1
        verdict = await sender.deliver(
            Message(
                id=row.id,
                tenant_id=row.tenant_id,
                session_id=row.session_id,
                decision_id=row.decision_id,
                channel=row.channel,
                endpoint_hash=row.endpoint_hash,
                address=fields["address"],
                secret=fields["secret"],
                body=fields["body"],
                attempts=row.attempts,
                uncertain=row.uncertain,
                created_at_ms=row.created_at_ms,
                expires_at_ms=row.expires_at_ms,
            )
        )
        self._learn(row, verdict)
        return verdict

    def _learn(self, row: store.Claimed, verdict: Verdict) -> None:
        """Tell the breaker what an attempt says about where it went."""
        if verdict.retry_after_s is not None:
            self._breaker.hold(row.endpoint_hash, verdict.retry_after_s)
        way = circuit(row.tenant_id, row.destination)
        if not verdict.down:
            self._breaker.well(way)
        elif (pause_s := self._breaker.ill(way)) is not None:
            self._call_later(pause_s)
            _log.warning(
                "destination left alone",
                tenant=row.tenant_id,
                destination=row.destination,
                detail=verdict.detail,
                pause_s=round(pause_s, 3),
            )

    async def _settle(self, row: store.Claimed) -> None:
        """An alert that went out after its work was done must not stay open."""
        if await self._settlement.of_a_late_page(row.decision_id, row.created_at_ms):
            self._wake.set()

    def _call_later(self, pause_s: float) -> None:
        """Look for due messages after a pause, not only at the next poll."""
        asyncio.get_running_loop().call_later(pause_s, self._wake.set)

    async def _purge(self) -> None:
        """Once an hour: forget the texts of old dead letters."""
        now_ms = self._clock()
        if now_ms - self._purged_ms >= _PURGE_MS:
            self._purged_ms = now_ms
            await dead_letters.purge(self._pool, now_ms)

    async def _record(self, row: store.Claimed, verdict: Verdict) -> bool:
        """Write down how an attempt ended. Tells whether it was the message's last."""
        now_ms = self._clock()
        ending = verdict.ending
        pause_s = pause_before(row.attempts, verdict)
        again = ending in (Ending.RETRY, Ending.UNKNOWN) and row.attempts < MAX_ATTEMPTS
        # What would come too late is given up now, while another way may still be taken.
        if again and now_ms + int(pause_s * 1000) < row.expires_at_ms:
            # An attempt that only looked up leaves the message as uncertain as it was.
            uncertain = ending is Ending.UNKNOWN
            await store.try_again(
                self._pool,
                row.id,
                at_ms=now_ms + int(pause_s * 1000),
                detail=verdict.detail,
                uncertain=uncertain,
                now_ms=now_ms,
            )
            self._call_later(pause_s)
            _log.warning(
                "message not sent yet", message=row.id, detail=verdict.detail, pause_s=pause_s
            )
            return False
        if ending is Ending.SENT:
            await store.mark_sent(self._pool, row, verdict.provider_id, now_ms)
        else:
            kind = _KINDS.get(ending, pb.OUTCOME_KIND_FAILED)
            off = ending is Ending.ENDPOINT_OFF
            detail = "unknown" if ending is Ending.UNKNOWN else verdict.detail
            await store.finish(
                self._pool,
                row,
                kind=kind,
                detail=detail,
                now_ms=now_ms,
                endpoint_off=off,
            )
            if ending is Ending.WITHDRAWN:
                self.withdrawn += 1
                _log.warning("message withdrawn", message=row.id, detail=detail)
            elif ending is Ending.DELIVERED:
                if row.channel == pagerduty.DESTINATION and row.stoppable:
                    await self._settle(row)
            else:
                self.dead += 1
                _log.error("message failed", message=row.id, channel=row.channel, detail=detail)
        self._committed()
        return True


_LATER = Verdict(Ending.RETRY, "its turn has not come")
"""Marks an attempt that was none."""


def _trace(
    row: store.Claimed, verdict: Verdict, began_ns: int, answered_ns: int, *, ended: bool
) -> None:
    """Record an attempt; what the provider reports later hangs on the one that ended it."""
    above = tracing.parse(row.traceparent)
    if above is None:
        return
    here = tracing.of_message(above, row.id) if ended else above.fresh()
    tracing.record(
        "message.dispatch",
        parent=above,
        at=here,
        start_ns=began_ns,
        kind="producer",
        channel=row.channel,
        attempt=row.attempts,
        ending=verdict.ending.value,
    )
    tracing.record(
        "provider.send",
        parent=here,
        start_ns=began_ns,
        end_ns=answered_ns,
        kind="client",
        channel=row.channel,
    )


def _room(destination: str) -> int:
    return _MAX_PER_DESTINATION.get(destination, _MAX_PER_OTHER_DESTINATION)
