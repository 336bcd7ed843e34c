"""From an emotion to help in the page: the fast path.

If anything on it fails, intervention decides from emotion.v1 half a second later; then only the
team hears of it, since help that comes late is none.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import grpc
import grpc.aio
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as pb
from sentientiq.intervention.v1.intervention_pb2 import Intervention
from sentientiq.intervention.v1.intervention_service_pb2_grpc import InterventionServiceStub

from edge.histograms import DECIDE_S, VERDICT_S
from edge.hub import Hub, Live
from edge.identities import Identities, Unsettled
from edge.push import emotion_frame
from edge.tenants import DirectoryUnavailable, TenantDirectory, UnknownKey
from services.common import logs, tracing

_log = logs.get(__name__)
_HELP_WITHIN_MS = 3_000
_DECIDE_TIMEOUT_S = 2.0
_LONGEST_DELAY_MS = 3_600_000


class Reactor:
    """Reacts to emotions of sessions that are live on this worker."""

    def __init__(
        self,
        hub: Hub,
        identities: Identities,
        tenants: TenantDirectory,
        stub: InterventionServiceStub,
    ) -> None:
        self._hub = hub
        self._identities = identities
        self._tenants = tenants
        self._stub: Any = stub
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters: Counter[str] = Counter()

    def react(self, emotions: list[emotion_pb2.Emotion]) -> None:
        """Decide on each emotion whose visitor is here."""
        for emotion in emotions:
            live = self._hub.find(emotion.tenant_id, emotion.session_id)
            if live is None:
                self.counters["not_here"] += 1
                continue
            self.counters["emotions"] += 1
            task = asyncio.create_task(self._one(emotion, live))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, emotion: emotion_pb2.Emotion, live: Live) -> None:
        with tracing.span("edge.react", tracing.of_emotion(emotion.id, emotion.rev)):
            await self._react(emotion, live)

    async def _react(self, emotion: emotion_pb2.Emotion, live: Live) -> None:
        began = time.time()
        VERDICT_S.record(max(0.0, began - emotion.occurred_at_ms / 1000))
        await self._tell_page(emotion, live)
        try:
            with tracing.span("identity.resolve", tracing.current(), kind="client"):
                identity = await self._identities.resolve(emotion.tenant_id, emotion.session_id)
        except Unsettled:
            # A decision stands for good: better the team hears late than that nobody hears who.
            self.counters["unsettled"] += 1
            return
        try:
            with tracing.span("edge.decide", tracing.current(), kind="client"):
                response = await self._stub.Decide(
                    pb.DecideRequest(emotion=emotion, identity=identity, visitor=live.visitor()),
                    timeout=_DECIDE_TIMEOUT_S,
                )
        except grpc.aio.AioRpcError as error:
            self.counters["decide_failed"] += 1
            _log.warning("decision left to the durable path", error=error.details())
            return
        now_ms = time.time() * 1000
        DECIDE_S.record(now_ms / 1000 - began)
        if now_ms - emotion.detected_at_ms > _HELP_WITHIN_MS:
            self.counters["too_late"] += 1
        elif response.decision.HasField("intervention"):
            await self._show(response.decision.intervention, live, now_ms)

    async def _show(self, intervention: Intervention, live: Live, now_ms: float) -> None:
        """Push it, once its moment has come and if nobody has stopped it since."""
        wait_ms = min(intervention.show_at_ms - now_ms, _LONGEST_DELAY_MS)
        if intervention.show_at_ms and wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)
            await self.pending(live)
        else:
            self._hub.push(intervention, time.time() * 1000)

    async def _tell_page(self, emotion: emotion_pb2.Emotion, live: Live) -> None:
        connection = live.connections.get(emotion.stream_id)
        if connection is None:
            return
        try:
            grant = await self._tenants.resolve(connection.key)
        except (UnknownKey, DirectoryUnavailable):
            return  # the page is not told; the decision is none of its
        if grant.emotions_to_page:
            connection.send(emotion_frame(emotion, connection.offset_ms))

    async def pending(self, live: Live) -> None:
        """Push what a session that says hello has not been shown yet."""
        try:
            response = await self._stub.ListPending(
                pb.ListPendingRequest(tenant_id=live.tenant, session_id=live.session), timeout=2.0
            )
        except grpc.aio.AioRpcError as error:
            self.counters["pending_failed"] += 1
            _log.warning("pending interventions not known", error=error.details())
            return
        for intervention in response.interventions:
            self._hub.push(intervention, time.time() * 1000)
