"""One simulated mesh: what is in it, what it remembers, and the way of its messages."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1.intervention_pb2 import Outcome

from services.common.log import BEHAVIOR, EMOTION, IDENTITY, OUTCOME, Entry
from tests.simulation.log import LogServer
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import DetectCall
from tests.simulation.nodes import DetectionNode, EdgeNode
from tests.simulation.state import StateServer
from tests.simulation.visitor import Visitor

_BEGIN_US = 1_700_000_000_000_000
_LAST_LINES = 60


class Violation(Exception):
    """A promise was broken."""


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, *, keep_trace: bool = False) -> None:
        self.seed = seed
        # One source of chance for each concern: a change in one leaves the others as they were.
        self.loop = VirtualLoop(random.Random(f"{seed} order"))
        self.chance = random.Random(f"{seed} chance")
        self.faults = random.Random(f"{seed} faults")
        self._network = random.Random(f"{seed} network")
        self._outside = contextvars.Context()
        self._digest = blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=None if keep_trace else _LAST_LINES)
        self.violations: list[str] = []
        self.log = LogServer(self, self._on_entry)
        self.state = StateServer(self, self._on_lease)
        self.edges: dict[str, EdgeNode] = {}
        self.detections: dict[str, DetectionNode] = {}
        self.visitors: list[Visitor] = []
        self.calls: list[DetectCall] = []
        self.emotions = 0
        self._logged: set[tuple[str, str, str, int]] = set()
        self._outcomes: set[tuple[str, str, str]] = set()
        self._leases: dict[int, tuple[str, int]] = {}

    # -- time and messages --------------------------------------------------------------------

    def wall_us(self) -> int:
        """The wall clock, in microseconds since 1970."""
        return _BEGIN_US + round(self.loop.time() * 1e6)

    def wall_ms(self) -> int:
        """The wall clock, in milliseconds since 1970."""
        return self.wall_us() // 1_000

    def latency_s(self) -> float:
        """How long a message takes: mostly a moment, at times long."""
        if self._network.random() < 0.02:
            return self._network.uniform(0.02, 0.4)
        return self._network.uniform(0.0002, 0.003)

    def later(self, delay_s: float, what: Callable[[], object]) -> None:
        """Do something outside of all processes, so that none of them can hold it up."""
        self.loop.call_later(delay_s, what, context=self._outside)

    async def request(
        self, process: Process, arrive: Callable[[], Any], *, extra_s: float = 0.0
    ) -> Any:
        """Ask an engine: `arrive` runs there, after a while, even if the asker is gone by then."""
        if process.dead:
            raise asyncio.CancelledError
        answer: asyncio.Future[Any] = self.loop.create_future()

        def reach() -> None:
            try:
                value, error = arrive(), None
            except Exception as raised:
                value, error = None, raised
            self.later(self.latency_s(), lambda: settle(value, error))

        def settle(value: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        self.later(self.latency_s() + extra_s, reach)
        return await answer

    # -- who is there -------------------------------------------------------------------------

    def start_edge(self, name: str) -> None:
        """Start an edge worker, with nothing in its memory."""
        self.trace("start", name)
        self.edges[name] = EdgeNode(self, name)

    def start_detection(self, endpoint: str) -> None:
        """Start a detection process."""
        self.trace("start", endpoint)
        self.detections[endpoint] = DetectionNode(self, endpoint)

    def some_edge(self) -> EdgeNode | None:
        """Where a load balancer sends a connection."""
        well = [edge for edge in self.edges.values() if edge.up and not edge.worker.draining]
        return self.chance.choice(well) if well else None

    # -- what is remembered and checked as it happens -------------------------------------------

    def trace(self, *words: Any) -> None:
        """Note what happens. Equal traces: equal runs."""
        line = f"{self.loop.time():.6f} " + " ".join(map(str, words))
        self._digest.update(line.encode())
        self.lines.append(line)

    @property
    def trace_hash(self) -> str:
        """A hash over the whole trace."""
        return self._digest.hexdigest()

    def violate(self, what: str) -> None:
        """Note a broken promise; the seed ends at the next look."""
        self.trace("VIOLATION", what)
        self.violations.append(what)

    def has(self, key: tuple[str, str, str], seq: int) -> bool:
        """Whether the log has a message."""
        return (*key, seq) in self._logged or (*key[:2], f"{key[2]}-{seq}") in self._outcomes

    def _on_entry(self, topic: str, entry: Entry) -> None:
        self.trace("log", topic, entry.partition, entry.offset, len(entry.records))
        if topic == EMOTION:
            self.emotions += len(entry.records)
        for record in entry.records:
            if topic == BEHAVIOR:
                batch = BehaviorBatch.FromString(record.value)
                self._logged.add((batch.tenant_id, batch.session_id, batch.stream_id, batch.seq))
            elif topic == IDENTITY:
                sealed = SealedIdentify.FromString(record.value)
                self._logged.add(
                    (sealed.tenant_id, sealed.session_id, sealed.stream_id, sealed.seq)
                )
            elif topic == OUTCOME:
                outcome = Outcome.FromString(record.value)
                self._outcomes.add((outcome.tenant_id, outcome.session_id, outcome.intervention_id))

    def _on_lease(self, partition: int, endpoint: str, epoch: int) -> None:
        known = self._leases.get(partition)
        if known == (endpoint, epoch):
            return
        self._leases[partition] = (endpoint, epoch)
        self.trace("lease", partition, endpoint, epoch)
        if known is not None and epoch < known[1]:
            self.violate(f"the epoch of {partition} fell: {known} to {(endpoint, epoch)}")
        elif known is not None and epoch == known[1]:
            self.violate(f"partition {partition} has two holders: {known}, {(endpoint, epoch)}")

    # -- the end ------------------------------------------------------------------------------

    async def close(self) -> None:
        """End every process; what is left must end too."""
        for visitor in self.visitors:
            visitor.leave()
        nodes = [*self.edges.values(), *self.detections.values()]
        for node in nodes:
            node.kill()
        processes = [node.process for node in nodes]
        processes += [visitor.process for visitor in self.visitors]
        for process in processes:
            await asyncio.gather(*process.tasks, return_exceptions=True)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        """Run a story to its end."""
        try:
            self.loop.run(story)
        finally:
            self.loop.close()
