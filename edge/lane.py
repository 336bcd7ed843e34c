"""The fast lane to detection: entries that were just appended, straight to their owners.

Best effort by design. Whatever does not arrive is read from the log by the owner within a second;
so nothing here is ever resent, and a detection process that is slow or gone costs no ack.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
from redis.exceptions import RedisError
from sentientiq.detection.v1 import detection_service_pb2 as pb

from edge.writer import Appended
from services.common import logs
from services.common.channels import bearer
from services.common.ownership import Lease, LeaseStore
from services.common.rpc.client import connect_plain

_log = logs.get(__name__)
_LOOK_S = 0.5
_LOOK_OFTEN_S = 0.1
_LATE_S = 0.25
_SILENT_S = 0.4
_GIVEN_UP_S = 0.75
_WATCH_S = 0.05
_MAX_QUEUED = 20_000
_MAX_QUEUED_BYTES = 8 << 20
_MESSAGE_ENTRIES = 512
_MESSAGE_BYTES = 1 << 20

_DETECT = "/" + pb.DESCRIPTOR.services_by_name["DetectionService"].full_name + "/Detect"

OnResponse = Callable[[pb.DetectResponse], None]
OnSent = Callable[[list[pb.EncodedPartitionEntry]], None]


class Link:
    """One Detect stream to one detection process, reopened when it breaks or falls silent.

    A silent process may only be busy: its partitions stay its own until the leases say otherwise.
    """

    def __init__(
        self,
        endpoint: str,
        token: str,
        on_response: OnResponse,
        on_sent: OnSent | None,
        on_silent: Callable[[], None],
    ) -> None:
        self.endpoint = endpoint
        self.silent = False
        """Whether batches have waited too long or the stream broke, and nothing came since."""
        self.counters: Counter[str] = Counter()
        self._on_silent = on_silent
        self._token = token
        self._on_response = on_response
        self._on_sent = on_sent
        self._queue: deque[pb.EncodedPartitionEntry] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._sent_at: deque[float] = deque()
        self._closed = False
        self._task = asyncio.create_task(self._run())

    def send(self, entries: list[pb.EncodedPartitionEntry]) -> None:
        """Queue entries; the oldest fall out when detection is away or slow for long."""
        for entry in entries:
            self._queue.append(entry)
            self._queued_bytes += entry.ByteSize()
        while len(self._queue) > _MAX_QUEUED or self._queued_bytes > _MAX_QUEUED_BYTES:
            self._queued_bytes -= self._queue.popleft().ByteSize()
            self.counters["dropped"] += 1
        self._wake.set()

    def _next(self) -> list[pb.EncodedPartitionEntry]:
        """The oldest entries, as many as one message may hold."""
        taken: list[pb.EncodedPartitionEntry] = []
        size = 0
        while self._queue and len(taken) < _MESSAGE_ENTRIES and size < _MESSAGE_BYTES:
            taken.append(self._queue.popleft())
            size += taken[-1].ByteSize()
        self._queued_bytes -= size
        return taken

    async def close(self) -> None:
        """End the stream."""
        # A task group whose child fails as it is cancelled raises the failure and forgets the
        # cancellation; without the flag the link would be reopened, and this wait for ever.
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        channel = connect_plain(self.endpoint)
        try:
            while not self._closed:
                self._sent_at.clear()
                call = open_detect(channel, bearer(self._token))
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._write(call))
                        group.create_task(self._watch())
                        group.create_task(self._greet(call))
                        await self._read(call)
                        raise ConnectionError("stream ended")
                except* (
                    grpc.aio.AioRpcError,
                    ConnectionError,
                    asyncio.InvalidStateError,
                ) as errors:
                    self.counters["reopened"] += 1
                    first = errors.exceptions[0]
                    why = first.details() if isinstance(first, grpc.aio.AioRpcError) else str(first)
                    _log.warning("detect stream reopened", endpoint=self.endpoint, why=why)
                    self._fall_silent()
                finally:
                    call.cancel()
                await asyncio.sleep(0.1)
        finally:
            await channel.close()

    async def _greet(self, call: Any) -> None:
        """Hear that the call is served: with nothing to send, nothing else would tell."""
        await call.initial_metadata()
        if not call.done():  # one that failed has some too, of its own making
            self.silent = False

    async def _write(self, call: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                entries = self._next()
                self._sent_at.append(time.monotonic())
                if self._on_sent is not None:
                    self._on_sent(entries)
                await call.write(pb.EncodedDetectRequest(entries=entries))

    async def _read(self, call: Any) -> None:
        while True:
            response = await call.read()
            if response is grpc.aio.EOF:
                return
            self.silent = False
            now = time.monotonic()
            for _ in range(min(response.answered, len(self._sent_at))):
                self.counters["late"] += now - self._sent_at.popleft() > _LATE_S
            self._on_response(response)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            waited_s = time.monotonic() - self._sent_at[0] if self._sent_at else 0.0
            if waited_s > _SILENT_S:
                self._fall_silent()
            if waited_s > _GIVEN_UP_S:
                raise ConnectionError("silent with batches waiting")

    def _fall_silent(self) -> None:
        if not self.silent:
            self.silent = True
            self.counters["silent"] += 1
            self._on_silent()


def open_detect(channel: Any, metadata: grpc.aio.Metadata | None = None) -> Any:
    """Call Detect as its contract says, with batches that stay as the log has them."""
    return channel.stream_stream(
        _DETECT,
        request_serializer=pb.EncodedDetectRequest.SerializeToString,
        response_deserializer=pb.DetectResponse.FromString,
    )(metadata=metadata)


class FastLane:
    """Routes entries to the holders of their partitions."""

    def __init__(
        self,
        leases: LeaseStore,
        token: str,
        on_response: OnResponse,
        on_sent: OnSent | None = None,
    ) -> None:
        """`on_sent`, where given, hears of entries as they leave."""
        self._leases = leases
        self._token = token
        self._on_response = on_response
        self._on_sent = on_sent
        self._owners: dict[int, Lease] = {}
        self._links: dict[str, Link] = {}
        self._look_now = asyncio.Event()
        self.counters: Counter[str] = Counter()

    @property
    def links(self) -> int:
        """How many detection processes there is a stream to."""
        return len(self._links)

    def troubles(self) -> Counter[str]:
        """What went wrong so far, on links that are gone too."""
        return sum((link.counters for link in self._links.values()), self.counters)

    def send(self, appended: list[Appended]) -> None:
        """Send entries to their owners; what has none waits in the log."""
        per_endpoint: dict[str, list[pb.EncodedPartitionEntry]] = {}
        for entry in appended:
            lease = self._owners.get(entry.partition)
            if lease is None:
                self.counters["no_owner"] += 1
                self._look_now.set()
                continue
            per_endpoint.setdefault(lease.endpoint, []).append(
                pb.EncodedPartitionEntry(
                    partition=entry.partition,
                    epoch=lease.epoch,
                    offset=entry.offset,
                    batches=entry.batches,
                )
            )
        for endpoint, entries in per_endpoint.items():
            self._links[endpoint].send(entries)

    async def run(self) -> None:
        """Follow the leases until cancelled."""
        try:
            while True:
                try:
                    await self._end_silent()
                    await self._look()
                except (RedisError, OSError) as error:
                    _log.warning("state store away, owners as last known", error=str(error))
                silent = any(link.silent for link in self._links.values())
                try:
                    async with asyncio.timeout(_LOOK_OFTEN_S if silent else _LOOK_S):
                        await self._look_now.wait()
                    await asyncio.sleep(0.05)
                except TimeoutError:
                    pass
                self._look_now.clear()
        finally:
            await asyncio.gather(*(link.close() for link in self._links.values()))

    async def _end_silent(self) -> None:
        """Let others go on for a process that neither answers nor renews its leases."""
        for endpoint, link in self._links.items():
            if link.silent:
                held = [p for p, lease in self._owners.items() if lease.endpoint == endpoint]
                self.counters["ended"] += await self._leases.end_silent(endpoint, held)

    async def _look(self) -> None:
        owners = await self._leases.owners()
        for partition, lease in owners.items():
            known = self._owners.get(partition)
            if known is None or lease.epoch > known.epoch:
                self._owners[partition] = lease
        in_use = {lease.endpoint for lease in self._owners.values()}
        for endpoint in sorted(in_use - self._links.keys()):
            self._links[endpoint] = Link(
                endpoint, self._token, self._receive, self._on_sent, self._look_now.set
            )
        for endpoint in sorted(self._links.keys() - in_use):
            link = self._links.pop(endpoint)
            await link.close()
            self.counters.update(link.counters)

    def _receive(self, response: pb.DetectResponse) -> None:
        for result in response.results:
            if result.status == pb.PARTITION_STATUS_NOT_OWNER:
                self.counters["not_owner"] += 1
                self._look_now.set()
        self._on_response(response)
