"""One edge worker: its parts, and how they hang together.

socket → Session → LogWriter → log → ack
                      ├→ FastLane → detection → Reactor → Decide → Hub → socket
                      └→ Identities
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1 import detection_service_pb2 as detection
from sentientiq.identity.v1 import identity_service_pb2 as identity
from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from sentientiq.intervention.v1 import intervention_pb2 as intervention
from sentientiq.intervention.v1.intervention_service_pb2_grpc import InterventionServiceStub
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub

from edge import session as core
from edge.effects import Accept, Admit, Effect
from edge.hub import Hub, Live
from edge.identities import Identities
from edge.lane import FastLane
from edge.limits import Limits
from edge.places import place_of
from edge.presence import Presence
from edge.pressure import Pressure
from edge.protocol import Close, frame
from edge.reactor import Reactor
from edge.sdk_config import SdkConfigs
from edge.seal import Sealer
from edge.settings import Settings
from edge.sockets import Sockets
from edge.sources import Sources
from edge.streams import StreamMemory, StreamRecord
from edge.tenants import DirectoryUnavailable, TenantDirectory, UnknownKey
from edge.ticks import Ticker
from edge.tokens import ResumeTokens
from edge.traces import FrameTraces
from edge.writer import Appended, LogWriter, Pending
from services.common import logs, state, tracing
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME, open_log
from services.common.ownership import LeaseStore

_log = logs.get(__name__)
_KEY_CHECK_S = 4.0
_DRAIN_STEP_S = 0.05
_CLOSE_WITHIN_S = 6.0
"""A socket that never said hello is given up after 5 s anyway."""
_FLUSHED_WITHIN_S = 10.0


class Worker:
    """Everything that connections share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = Limits(settings)
        self.sources = Sources(settings.trusted_proxies)
        self.counters: Counter[str] = Counter()
        self.session_counters: Counter[str] = Counter()
        """What all sessions, past ones included, ignored or refused."""
        self.closed: Counter[str] = Counter()
        """Connections by the code that we closed them with."""
        self.draining = False
        self.sockets = Sockets()
        self._tasks: set[asyncio.Task[None]] = set()
        self.log = open_log(settings.log_url)
        self._state = state.connect(settings.state_url)
        token = make_token(settings.mesh_secret, subject=settings.worker)
        self._channels = [
            connect(settings.identity_addr, token),
            connect(settings.intervention_addr, token),
        ]
        to_identity, to_intervention = self._channels
        self.sealer = Sealer()
        """Seals what is said about a person, to identity."""
        self._resume = ResumeTokens(settings.mesh_secret)
        self._memory = StreamMemory()
        self._pressure = Pressure()
        self.hub = Hub()
        self.tenants = TenantDirectory(TenantServiceStub(to_identity))
        self.sdk_configs = SdkConfigs(
            TenantServiceStub(to_identity), self.hub, lambda tenant: self.tenants.forget(tenant)
        )
        self.identity = IdentityServiceStub(to_identity)
        self.identities = Identities(self.identity, self.sealer)
        self.reactor = Reactor(
            self.hub, self.identities, self.tenants, InterventionServiceStub(to_intervention)
        )
        self.presence = Presence(self._state, settings.worker, self.hub)
        self._traces = FrameTraces() if tracing.enabled() else None
        self.lane = FastLane(
            LeaseStore(self._state),
            token,
            self._on_detected,
            on_sent=self._traces.sent if self._traces else None,
        )
        self.writer = LogWriter(
            self.log,
            max_bytes=settings.max_buffer_bytes,
            on_behavior=self._send_traced if self._traces else self.lane.send,
            on_other=self._on_appended,
            pressure=self._pressure,
        )
        self.ticker = Ticker(self.hub, self._write_tick)

    def new_session(self, origin: str | None) -> core.Session:
        """A session core for a new connection."""
        return core.Session(
            memory=self._memory,
            resume=self._resume,
            sealer=self.sealer,
            origin=origin,
            counters=self.session_counters,
            pressure=self._pressure,
        )

    def departed(self, session: core.Session, code: int | None) -> None:
        """Go on ticking the timers of a stream whose socket or beacon ended, with this close code.

        None of the session's, if its visitor took consent back.
        """
        if not session.tenant:
            return
        if code == Close.CONSENT:
            self.ticker.forget(session.tenant, session.session)
        else:
            self.ticker.left(session.tenant, session.session, session.stream)

    async def admit(self, session: core.Session, admit: Admit) -> list[Effect]:
        """Resolve the key of a hello and open or refuse the session."""
        try:
            grant = await self.tenants.resolve(admit.hello.key)
        except UnknownKey:
            return session.refuse(Close.KEY_OR_ORIGIN, "unknown or revoked key")
        except DirectoryUnavailable:
            return session.refuse(Close.TRY_LATER, "try again")
        return session.admit(admit.hello, grant, time.time() * 1000)

    def accept(self, session: core.Session, accept: Accept) -> None:
        """Queue an accepted message for the log."""
        self.counters[accept.topic] += 1
        traced = accept.topic == OUTCOME and self._traces is not None
        if isinstance(accept.message, intervention.Outcome):
            self.hub.answered(session.tenant, session.session, accept.message.intervention_id)
        self.writer.put(
            accept.topic,
            session.place,
            accept.value,
            seq=accept.seq,
            stream=session.record,
            message=accept.message,
            traceparent=self._trace_outcome(session, accept.message) if traced else "",
        )

    def _trace_outcome(self, session: core.Session, message: Message | None) -> str:
        """What a page did with an intervention, as a span; returns it as a header."""
        live = self.hub.find(session.tenant, session.session)
        if live is None or not isinstance(message, intervention.Outcome):
            return ""
        pushed = live.pushed.get(message.intervention_id)
        above = tracing.parse(pushed.traceparent) if pushed is not None else None
        if above is None:
            return ""
        here = above.fresh()
        word = intervention.OutcomeKind.Name(message.kind).removeprefix("OUTCOME_KIND_").lower()
        tracing.record(
            f"page.{word}",
            parent=above,
            at=here,
            kind="server",
            start_ns=message.occurred_at_ms * 1_000_000,
        )
        return here.traceparent

    def welcome(self, live: Live, stream: str) -> None:
        """Push, to a page that just opened, what still waits for its visitor."""
        self.ticker.came(live.tenant, live.session, stream)
        task = asyncio.create_task(self.reactor.pending(live))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_appended(self, pending: Pending) -> None:
        if pending.topic == IDENTITY and isinstance(pending.message, identity.SealedIdentify):
            self.identities.identify(pending.message)

    def _send_traced(self, appended: list[Appended]) -> None:
        assert self._traces is not None
        self._traces.appended(appended)
        self.lane.send(appended)

    def _on_detected(self, response: detection.DetectResponse) -> None:
        if self._traces is not None:
            for emotion in response.emotions:
                live = self.hub.find(emotion.tenant_id, emotion.session_id)
                self._traces.behind(emotion, here=live is not None)
        if response.emotions:
            self.reactor.react(list(response.emotions))
        if response.wakes:
            self.ticker.ask(response.wakes)

    def _write_tick(self, batch: BehaviorBatch) -> None:
        self.writer.put(
            BEHAVIOR,
            place_of(batch.tenant_id, batch.session_id),
            batch.SerializeToString(),
            seq=0,
            stream=StreamRecord(),
        )

    async def _check_keys(self) -> None:
        while True:
            await asyncio.sleep(_KEY_CHECK_S)
            gone = await self.tenants.revoked(self.hub.keys())
            for connection in self.hub.connections() if gone else ():
                if connection.key in gone:
                    connection.close(Close.KEY_OR_ORIGIN, "key revoked")

    def loops(self) -> list[Awaitable[None]]:
        """What runs beside the sockets."""
        return [
            self.identities.learn_key(),
            self.identities.watch_values(),
            self.identities.watch_profiles(),
            self.writer.run(),
            self.writer.watch_fullness(),
            self.lane.run(),
            self.presence.register(),
            self.presence.listen(),
            self.ticker.run(),
            self.sockets.look_after(),
            self._check_keys(),
            self.sdk_configs.watch(),
        ]

    async def drain(self, wait_closed: Callable[[], Awaitable[None]]) -> None:
        """Send every page away over a moment, wait until what they sent is in the log."""
        self.draining = True
        leaving = list(self.hub.connections())
        steps = max(1, round(self.settings.drain_s / _DRAIN_STEP_S))
        for step in range(steps):
            for connection in leaving[step::steps]:
                connection.send(frame("drain", after_ms=random.randint(100, 2_000)))
                connection.close(Close.RESTART, "restarting")
            if len(leaving) > step + 1:
                await asyncio.sleep(_DRAIN_STEP_S)
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await wait_closed()
        except TimeoutError:
            self.sockets.abort()
        try:
            async with asyncio.timeout(_FLUSHED_WITHIN_S):
                await self.writer.flushed()
        except TimeoutError:
            # Nothing of it was acknowledged: pages send it again, to another worker.
            _log.warning("stopping without the log", left_bytes=self.writer.buffered_bytes)

    async def close(self) -> None:
        """Release connections."""
        for channel in self._channels:
            await channel.close()
        await self.log.close()
        await self._state.aclose()
