"""Detect: entries in by the fast lane, results and emotions out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from sentientiq.detection.v1 import detection_service_pb2 as pb

from services.common import tracing
from services.common.auth import principal
from services.common.errors import InvalidArgument, ResourceExhausted
from services.detection.emotions import EmotionWriter, to_emotion, trace_emotions
from services.detection.fold import Fold
from services.detection.stream import Result, Stream

# Requests of a busy stream that come within it are answered together: an answer costs as much as
# detection itself. One that comes after a pause is answered at once.
_BETWEEN_ANSWERS_S = 0.001
SERVICE = pb.DESCRIPTOR.services_by_name["DetectionService"].full_name


class DetectionServicer:
    """Each request is answered; emotions also go out on every other open stream.

    An emotion may be tipped by an entry that another edge worker sent, or that was read from the
    log. Only the worker that has the visitor's socket acts on it; the others ignore it.
    """

    def __init__(self, writer: EmotionWriter) -> None:
        self._writer = writer
        self._streams: dict[Stream, None] = {}  # in the order in which they were opened
        self._folds: Mapping[int, Fold] = {}
        self.requests = 0

    def serve_folds(self, folds: Mapping[int, Fold]) -> None:
        """Answer from these folds; the keeper adds and removes them."""
        self._folds = folds

    def on_applied(self, fold: Fold) -> None:
        """Publish what a fold emitted outside of any request."""
        self._publish([fold], time.time_ns())

    def _publish(self, folds: list[Fold], began_ns: int) -> None:
        news = b"".join([self._news_of(fold, began_ns) for fold in folds if fold.detector.has_news])
        if news:
            for stream in self._streams:
                stream.tell(news)

    def _news_of(self, fold: Fold, began_ns: int) -> bytes:
        """What a fold has to say since the last time, as fields of a DetectResponse."""
        wakes = fold.detector.wakes_encoded()
        emissions = fold.drain()
        if not emissions:
            return wakes
        emotions = [to_emotion(emission, fold.detector.model) for emission in emissions]
        self._writer.put(emotions)
        if tracing.enabled():
            trace_emotions(emotions, fold.partition, began_ns)
        return pb.DetectResponse(emotions=emotions).SerializeToString() + wakes

    async def _tell_timers(self, stream: Stream) -> None:
        """Name every timer that is pending.

        At a takeover nobody may be listening yet, and answers get lost. A timer that is named
        twice costs a needless tick, one that nobody heard of never ends.
        """
        for fold in list(self._folds.values()):
            if timers := fold.detector.timers_encoded():
                stream.tell(timers)
            await asyncio.sleep(0)  # entries of other streams in between
            await stream.room()

    async def Detect(self, _: Any, context: Any) -> None:
        """Serve one stream: requests are read and answers written side by side."""
        principal().require_role("mesh")
        await context.send_initial_metadata(())  # that it is served, before there is an answer
        stream = Stream()
        self._streams[stream] = None
        serving = asyncio.create_task(self._serve(stream, context))
        slow = asyncio.create_task(stream.too_slow.wait())
        try:
            await asyncio.wait((serving, slow), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                raise ResourceExhausted("answers are not read")
            await serving
        finally:
            self._streams.pop(stream, None)
            serving.cancel()
            slow.cancel()

    async def _serve(self, stream: Stream, context: Any) -> None:
        writing = asyncio.create_task(_write(stream, context))
        try:
            await self._tell_timers(stream)
            while (request := await context.read()) is not grpc.aio.EOF:
                self._take(request, stream)
                if writing.done():
                    break
            stream.end()
            await writing
        finally:
            writing.cancel()

    def _take(self, data: bytes, stream: Stream) -> None:
        """Apply a request."""
        self.requests += 1
        now, began_ns = time.monotonic(), time.time_ns()
        try:
            request = pb.EncodedDetectRequest.FromString(data)
        except DecodeError:
            raise InvalidArgument("the request is not a message of this RPC") from None
        results: dict[int, Result] = {}
        applied: dict[int, Fold] = {}
        for entry in request.entries:
            partition = entry.partition
            fold = self._folds.get(partition)
            if fold is None:
                results[partition] = pb.PARTITION_STATUS_NOT_OWNER, 0, 0
            elif fold.epoch != entry.epoch:
                results[partition] = pb.PARTITION_STATUS_NOT_OWNER, fold.epoch, 0
            else:
                fold.offer(entry.offset, list(entry.batches), now)
                applied[partition] = fold
        for partition, fold in applied.items():
            status = pb.PARTITION_STATUS_APPLIED if fold.live else pb.PARTITION_STATUS_RECOVERING
            results.setdefault(partition, (status, fold.epoch, fold.applied))
        stream.answer(results)
        self._publish([fold for fold in applied.values() if fold.live], began_ns)


async def _write(stream: Stream, context: Any) -> None:
    while (told := await stream.take()) is not None:
        await context.write(told)
        await asyncio.sleep(_BETWEEN_ANSWERS_S)


def add_to_server(servicer: DetectionServicer, server: Any) -> None:
    """Serve DetectionService as its contract says; messages stay bytes until they are needed."""
    behavior: Any = servicer.Detect  # one that reads and writes by itself has no type there
    handler: Any = grpc.stream_stream_rpc_method_handler
    methods = {"Detect": handler(behavior)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_registered_method_handlers(SERVICE, methods)
