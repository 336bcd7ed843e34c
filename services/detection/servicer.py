"""Detect: entries in by the fast lane, results and emotions out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
from sentientiq.detection.v1 import detection_service_pb2 as pb

from services.common import tracing
from services.common.auth import principal
from services.detection.emotions import EmotionWriter, to_emotion, trace_emotions
from services.detection.fold import Fold

SERVICE = pb.DESCRIPTOR.services_by_name["DetectionService"].full_name
_Outbox = asyncio.Queue[pb.DetectResponse | None]
_TIMERS_KEPT_MS = 10_000


class DetectionServicer:
    """One response to each request; emotions also go out on every other open stream.

    An emotion may be tipped by an entry that another edge worker sent, or that was read from the
    log. Only the worker that has the visitor's socket acts on it; the others ignore it.
    """

    def __init__(self, writer: EmotionWriter) -> None:
        self._writer = writer
        self._streams: dict[_Outbox, None] = {}  # in the order in which they were opened
        self._folds: Mapping[int, Fold] = {}
        # When a stream's timer is due, in the order of naming. Named again to whoever opens a
        # Detect stream: at a takeover nobody may be listening yet, and responses get lost. One
        # that is named twice costs a needless tick, one that nobody heard of never ends.
        self._timers: dict[tuple[str, str, str], int] = {}
        self.requests = 0

    def serve_folds(self, folds: Mapping[int, Fold]) -> None:
        """Answer from these folds; the keeper adds and removes them."""
        self._folds = folds

    def on_applied(self, fold: Fold) -> None:
        """Publish what a fold emitted outside of any request."""
        response = pb.DetectResponse()
        self._collect(fold, response, time.time_ns())
        self._forget_old_timers()
        self._publish(response, except_for=None)

    def _collect(self, fold: Fold, response: pb.DetectResponse, began_ns: int) -> None:
        if emissions := fold.drain():
            calibrations = fold.detector.model.calibrations
            emotions = [to_emotion(e, calibrations[e.emotion]) for e in emissions]
            self._writer.put(emotions)
            if tracing.enabled():
                trace_emotions(emotions, fold.partition, began_ns)
            response.emotions.extend(emotions)
        for tenant, session, stream, due in fold.detector.wakes():
            response.wakes.append(_wake((tenant, session, stream), due))
            self._timers.pop((tenant, session, stream), None)
            self._timers[tenant, session, stream] = due

    def _forget_old_timers(self) -> None:
        oldest_ms = time.time() * 1000 - _TIMERS_KEPT_MS
        while self._timers and next(iter(self._timers.values())) < oldest_ms:
            del self._timers[next(iter(self._timers))]

    def _publish(self, response: pb.DetectResponse, except_for: _Outbox | None) -> None:
        if response.emotions or response.wakes:
            copy = pb.DetectResponse(emotions=response.emotions, wakes=response.wakes)
            for outbox in self._streams:
                if outbox is not except_for:
                    outbox.put_nowait(copy)

    async def Detect(
        self, request_iterator: AsyncIterator[pb.EncodedDetectRequest], context: Any
    ) -> AsyncIterator[pb.DetectResponse]:
        principal().require_role("mesh")
        outbox: _Outbox = asyncio.Queue()
        self._streams[outbox] = None
        if self._timers:
            timers = [_wake(key, due) for key, due in self._timers.items()]
            outbox.put_nowait(pb.DetectResponse(wakes=timers))

        async def receive() -> None:
            try:
                async for request in request_iterator:
                    outbox.put_nowait(self._answer(request, outbox))
            finally:
                outbox.put_nowait(None)

        receiver = asyncio.create_task(receive())
        try:
            while (response := await outbox.get()) is not None:
                yield response
            await receiver
        finally:
            self._streams.pop(outbox, None)
            receiver.cancel()

    def _answer(self, request: pb.EncodedDetectRequest, origin: _Outbox) -> pb.DetectResponse:
        self.requests += 1
        now, began_ns = time.monotonic(), time.time_ns()
        response = pb.DetectResponse()
        outcomes: dict[int, tuple[Fold | None, pb.PartitionStatus.ValueType]] = {}
        for entry in request.entries:
            fold = self._folds.get(entry.partition)
            if fold is None or fold.epoch != entry.epoch:
                outcomes[entry.partition] = fold, pb.PARTITION_STATUS_NOT_OWNER
                continue
            fold.offer(entry.offset, list(entry.batches), now)
            status = pb.PARTITION_STATUS_APPLIED if fold.live else pb.PARTITION_STATUS_RECOVERING
            outcomes[entry.partition] = fold, status
        for partition, (fold, status) in outcomes.items():
            result = response.results.add(partition=partition, status=status)
            if fold is not None:
                result.epoch = fold.epoch
                if status != pb.PARTITION_STATUS_NOT_OWNER:
                    result.through_offset = fold.applied
                if status == pb.PARTITION_STATUS_APPLIED:
                    self._collect(fold, response, began_ns)
        self._forget_old_timers()
        self._publish(response, except_for=origin)
        return response


def add_to_server(servicer: DetectionServicer, server: Any) -> None:
    """Serve DetectionService as its contract says, reading requests as EncodedDetectRequest."""
    detect = grpc.stream_stream_rpc_method_handler(
        servicer.Detect,
        request_deserializer=pb.EncodedDetectRequest.FromString,
        response_serializer=pb.DetectResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Detect": detect}),)
    )


def _wake(key: tuple[str, str, str], due_at_ms: int) -> pb.Wake:
    tenant, session, stream = key
    return pb.Wake(tenant_id=tenant, session_id=session, stream_id=stream, due_at_ms=due_at_ms)
