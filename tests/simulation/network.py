"""What lies between pages and edge workers, and between those and detection.

A `Channel` carries messages one way: late, in order, until it is cut. Cut, it may lose what is
under way, and its two ends hear of it at different times: for a while one of them talks to nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc.aio
from sentientiq.detection.v1.detection_service_pb2 import DetectResponse

from edge import protocol
from edge.page import Page
from tests.simulation.loop import current_process

if TYPE_CHECKING:
    from edge.worker import Worker
    from tests.simulation.world import World


class Channel:
    """One direction of a connection."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._on_way: deque[Any] = deque()
        self._arrived: deque[Any] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._cut = False
        self.ended = False
        """Whether the reader knows that nothing more comes."""

    def send(self, message: Any) -> None:
        """Put a message on its way."""
        if not self._cut:
            self._on_way.append(message)
            self._world.later(self._world.latency_s(), self._deliver)

    def cut(self, notice_s: float, lost: int) -> None:
        """Lose the last `lost` messages under way and all to come; the reader hears of it later."""
        if self._cut:
            return
        self._cut = True
        for _ in range(min(lost, len(self._on_way))):
            self._on_way.pop()
        self._world.later(notice_s, self._end)

    def close(self) -> None:
        """End it in order: what is under way arrives first."""
        if not self._cut:
            self._cut = True
            self._world.later(self._world.latency_s(), self._end)

    async def receive(self) -> Any:
        """The next message; raises EOFError at the end."""
        while not self._arrived:
            if self.ended:
                raise EOFError
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._arrived.popleft()

    def _deliver(self) -> None:
        if self._on_way and not self.ended:
            self._arrived.append(self._on_way.popleft())
            self._wake()

    def _end(self) -> None:
        self._arrived += self._on_way
        self._on_way.clear()
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Socket:
    """A WebSocket: an end for the page, and one that looks like websockets' to the edge's shell."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.up = Channel(world)
        self.down = Channel(world)
        self.close_code: int | None = None
        self._reading = asyncio.Event()
        self._reading.set()

    def cut(self) -> None:
        """Die, as networks do."""
        faults = self._world.faults
        for channel in (self.up, self.down):
            channel.cut(faults.choice((0.0, 0.1, 3.0)), faults.randrange(4))

    def leave(self) -> None:
        """Be closed by the page, which reads no more."""
        self.up.close()
        self.down.cut(0.0, 1_000)

    # -- the edge's end: the Wire of edge/page.py -------------------------------------------------

    async def serve(self, worker: Worker) -> None:
        """Carry the page's frames to the edge until either side ends it."""
        page = Page(worker, self, "*", "192.0.2.1")
        try:
            while self.close_code is None:
                await self._reading.wait()
                page.receive(await self.up.receive())
        except EOFError:
            pass
        finally:
            page.lost()

    def send(self, text: str) -> int:
        """A frame for the page."""
        if self._stands():
            self.down.send(text)
        return 0

    def acknowledge(self, seq: int) -> int:
        """The ack of everything up to `seq`."""
        return self.send(protocol.ack(seq))

    def hang_up(self, code: int, reason: str) -> None:
        """Close with a code, after what was sent."""
        if self._stands():
            self.close_code = code
            self.down.close()
            self.up.cut(0.0, 1_000)

    def pause(self) -> None:
        """Read nothing more for now."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    def _stands(self) -> bool:
        process = current_process()
        return not self.up.ended and not (process is not None and process.dead)


class DetectCall:
    """A Detect call as grpc.aio shows it to the edge, served by the real servicer."""

    def __init__(self, world: World, endpoint: str) -> None:
        self._up = Channel(world)
        self._down = Channel(world)
        self._greeting = Channel(world)
        self._world = world
        world.later(world.latency_s(), lambda: self._connect(endpoint))
        world.calls.append(self)

    def _connect(self, endpoint: str) -> None:
        detection = self._world.detections.get(endpoint)
        if detection is None or detection.process.dead:
            self.break_off()
        else:
            detection.process.spawn(self._serve(detection.servicer.Detect))

    async def _serve(self, detect: Callable[[Any, Any], Any]) -> None:
        try:
            await detect(None, self._Context(self))
        finally:
            self.break_off()

    class _Context:
        """The servicer's end."""

        def __init__(self, call: DetectCall) -> None:
            self._call = call

        async def send_initial_metadata(self, metadata: tuple[()]) -> None:
            self._call._greeting.send(metadata)

        async def read(self) -> Any:
            try:
                request = await self._call._up.receive()
            except EOFError:
                return grpc.aio.EOF
            return request.SerializeToString()

        async def write(self, told: bytes) -> None:
            self._call._down.send(DetectResponse.FromString(told))

    def break_off(self) -> None:
        """Lose the connection."""
        for channel in (self._up, self._down):
            channel.cut(0.0, self._world.faults.randrange(3))
        self._greeting.cut(0.0, 1)

    async def initial_metadata(self) -> Any:
        """Wait until it is served; one that broke has none, and is done."""
        try:
            return await self._greeting.receive()
        except EOFError:
            return ()

    def done(self) -> bool:
        """Whether it is over."""
        return self._down.ended

    async def write(self, request: Any) -> None:
        """Send a request."""
        if self._down.ended:
            raise ConnectionError("detection is gone")
        self._up.send(request)

    async def read(self) -> Any:
        """The next response."""
        try:
            return await self._down.receive()
        except EOFError:
            raise ConnectionError("detection is gone") from None

    def cancel(self) -> None:
        """End the call from the edge's side."""
        self.break_off()
        if self in self._world.calls:
            self._world.calls.remove(self)


class DetectChannel:
    """A gRPC channel and its stub in one."""

    def __init__(self, world: World, endpoint: str) -> None:
        self._world = world
        self._endpoint = endpoint

    def Detect(self) -> DetectCall:
        """Open a call."""
        return DetectCall(self._world, self._endpoint)

    async def close(self) -> None:
        """Nothing is held."""
