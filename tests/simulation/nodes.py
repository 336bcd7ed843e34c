# pyright: reportPrivateUsage=false
"""The simulated processes: edge workers and detection, wired as their `__main__` wires them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from sentientiq.detection.v1 import detection_service_pb2 as detection

from edge import http
from edge.settings import Settings
from edge.worker import Worker
from hotpath.model import Model
from services.common.ownership import LeaseStore
from services.detection.emotions import EmotionWriter
from services.detection.keeper import Keeper
from services.detection.servicer import DetectionServicer
from services.detection.snapshots import SnapshotStore
from tests.simulation.log import LogClient
from tests.simulation.loop import Process, Task
from tests.simulation.network import Socket
from tests.simulation.stand_ins import Neighbours
from tests.simulation.state import StateClient

if TYPE_CHECKING:
    from tests.simulation.world import World


class Node:
    """A process and its loops. One that ends by itself is a violation: nothing here may end it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.process = Process(world.loop, name)
        self.stopping = False
        self._loops: list[Task[None]] = []

    @property
    def up(self) -> bool:
        """Whether it can be talked to."""
        return not self.process.dead

    def start(self, *loops: Awaitable[None]) -> None:
        """Start what runs until the process ends."""
        for loop in loops:
            task = self.process.spawn(cast("Coroutine[Any, Any, None]", loop))
            task.add_done_callback(self._ended)
            self._loops.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.world.violate(f"a loop of {self.name} ended: {task.exception()!r}")

    async def stop_loops(self) -> None:
        """Cancel the loops and wait for them."""
        self.stopping = True
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def kill(self) -> None:
        """End at once."""
        self.process.kill()


class EdgeNode(Node):
    """One edge worker with its sockets."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        settings = Settings(
            mesh_secret="secret",
            state_url="",
            log_url="",
            worker=name,
            max_buffer_bytes=world.chance.choice((2_000, 10_000, 1 << 20)),
        )
        self.worker = self.process.call(lambda: Worker(settings))
        hands_on: Any = self.worker
        hands_on.tenants = hands_on.reactor = Neighbours(world)
        hands_on.identities = hands_on.presence = Neighbours(world)
        self.heard_of: set[int] = set()
        """Partitions whose owner took something from this worker's fast lane."""
        self._serving: list[tuple[Socket, Task[None]]] = []
        self._watch_the_lane(hands_on.lane)
        self.start(self.worker.writer.run(), self.worker.lane.run(), self.worker.ticker.run())

    def _watch_the_lane(self, lane: Any) -> None:
        on_response = lane._on_response

        def watched(response: detection.DetectResponse) -> None:
            for result in response.results:
                if result.status == detection.PARTITION_STATUS_APPLIED:
                    self.heard_of.add(result.partition)
            on_response(response)

        lane._on_response = watched

    def accept(self, socket: Socket) -> None:
        """Take a connection, if the process is there and wants it."""
        if not self.up or self.worker.draining:
            socket.down.cut(0.0, 0)
            return
        task = self.process.spawn(socket.serve(self.worker))
        self._serving = [known for known in self._serving if not known[1].done()]
        self._serving.append((socket, task))

    def take_beacon(self, text: str) -> None:
        """Take what a page left with its browser. Whether it arrives, the page never hears."""
        if self.up:
            beacon = http._Beacon(self.worker, "*", "192.0.2.1")
            self.process.spawn(beacon.run(http._decoder.decode(text)))

    def sockets(self) -> list[Socket]:
        """The connections that it serves."""
        return [socket for socket, task in self._serving if not task.done()]

    def kill(self) -> None:
        for socket in self.sockets():
            socket.cut()
        super().kill()

    async def drain(self) -> None:
        """SIGTERM."""

        async def closed() -> None:
            tasks = [task for _, task in self._serving if not task.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=5.0)

        try:
            await self.worker.drain(closed)
        except TimeoutError:
            self.world.trace("drained too long", self.name)
        await self.stop_loops()


MODEL = Model()


class DetectionNode(Node):
    """One detection process."""

    def __init__(self, world: World, endpoint: str) -> None:
        super().__init__(world, endpoint)
        log = LogClient(world.log, self.process)
        client: Any = StateClient(world, world.state, self.process)
        self.emotions = EmotionWriter(log)
        self.servicer = DetectionServicer(self.emotions)
        self.keeper = Keeper(
            endpoint=endpoint,
            leases=LeaseStore(client),
            snapshots=SnapshotStore(client),
            log=log,
            threshold=50,
            streams=4096,
            model=MODEL,
            on_applied=self.servicer.on_applied,
            flush_emotions=self.emotions.flush,
        )
        self.servicer.serve_folds(self.keeper.folds)
        self.start(
            self.emotions.run(),
            self.keeper.keep_leases(),
            self.keeper.keep_level(),
            self.keeper.keep_snapshots(world.chance.choice((0.7, 2.0, 5.0))),
        )

    @property
    def recovers(self) -> bool:
        """Whether a takeover is under way."""
        hands_on: Any = self.keeper
        return bool(hands_on._recovering)

    @property
    def unwritten_emotions(self) -> int:
        """Emotions that are not in the log yet."""
        hands_on: Any = self.emotions
        return len(hands_on._queue)

    async def leave(self) -> None:
        """SIGTERM."""
        await self.stop_loops()
        await self.keeper.leave()
