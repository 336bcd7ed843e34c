"""A visitor's page, perhaps one of two of the same visit: keeps the protocol, as the SDK does.

It numbers what it has to say, keeps it until an ack passes it, and sends what is left on each new
connection, on whichever worker that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from tests.simulation.loop import Process, Task
from tests.simulation.network import Socket
from tests.simulation.stand_ins import GRANT

if TYPE_CHECKING:
    from tests.simulation.world import World

_PATIENCE_S = 4.0
_TARGETS = [[1, "button#pay", 2], [2, "a.more", 1]]
_REFUSALS = ("slow", "seq_gap")


class Visitor:
    """One stream."""

    def __init__(self, world: World, number: int, sibling: Visitor | None = None) -> None:
        self.stream = f"p{number}"
        self.session: str | None = None
        self.acked = 0
        self.said = 0
        self.unacked: dict[int, str] = {}
        self.spoiled: set[int] = set()
        """What it said wrong on purpose: spent without ever being in the log."""
        self._world = world
        self._chance = world.chance
        self._sibling = sibling
        self.token: str | None = None
        self._offset_ms = world.chance.uniform(-5_000, 5_000)
        self._sent = 0
        self._socket: Socket | None = None
        self._welcomed = False
        self.process = Process(world.loop, self.stream)
        self._talking: Task[None] = self.process.spawn(self._talk())
        for task in (self._talking, self.process.spawn(self._stay_connected())):
            task.add_done_callback(self._ended)

    def hush(self) -> None:
        """Say nothing new, but one last thing."""
        self._talking.cancel()
        self._say("events", t0=self._now_ms(), events=[[2, 0, 1, 1]])

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._world.violate(f"{self.stream} failed: {task.exception()!r}")

    def leave(self) -> None:
        """Go away."""
        self.process.kill()

    def _now_ms(self) -> float:
        return round(self._world.wall_us() / 1e3 + self._offset_ms, 1)

    # -- what it says -------------------------------------------------------------------------

    async def _talk(self) -> None:
        while True:
            rushed = self._chance.random() < 0.6
            await asyncio.sleep(self._chance.uniform(0.05, 0.3 if rushed else 1.5))
            self._say_something()

    def _say_something(self) -> None:
        now_ms, chance = self._now_ms(), self._chance
        kind = chance.random()
        if kind < 0.6:
            target = chance.choice((1, 1, 1, 2))
            presses = [
                [3, 0 if index == 0 else chance.randint(80, 400), 100, 100, target, 0, 1]
                for index in range(chance.randint(1, 3))
            ]
            self._say("events", t0=now_ms, targets=_TARGETS, events=presses)
        elif kind < 0.75:
            self._say("events", t0=now_ms, events=[[2, 0, 5, 5], [2, 30, 9, 9]])
        elif kind < 0.85:
            self._say("events", t0=now_ms, events=[[4, 0, 0]])  # the page answers
        elif kind < 0.9:
            self._say(
                "outcome", t=now_ms, intervention=f"{self.stream}-{self.said + 1}", kind="shown"
            )
        elif kind < 0.94:
            self._say("identify", t=now_ms, user_id="u1")
        elif kind < 0.97:
            self._say("reset", t=now_ms)
        else:
            self.spoiled.add(self.said + 1)
            self._say("events", t0=now_ms, events=[[3, -1, 0, 0, 0]])

    def _say(self, type_name: str, **fields: Any) -> None:
        self.said += 1
        self.unacked[self.said] = json.dumps({"type": type_name, "seq": self.said, **fields})
        self._flush()

    def _flush(self) -> None:
        if self._socket is None or not self._welcomed:
            return
        for seq, text in self.unacked.items():
            if seq > self._sent:
                self._socket.up.send(text)
                self._sent = seq

    # -- its connection -----------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.0, 0.8))
            node = self._world.some_edge()
            if self._sibling is not None and self.session is None:
                self.session, self.token = self._sibling.session, self._sibling.token
            if node is None or (self._sibling is not None and self.session is None):
                continue
            socket = self._socket = Socket(self._world)
            self._world.trace("connect", self.stream, node.name)
            self._world.later(self._world.latency_s(), lambda to=node, of=socket: to.accept(of))
            socket.up.send(json.dumps(self._hello()))
            with contextlib.suppress(EOFError):
                await self._converse(socket)
            self._world.trace("closed", self.stream, socket.close_code)
            socket.leave()
            self._socket, self._welcomed = None, False
            if self._chance.random() < 0.2:
                self._leave_a_beacon()
            if socket.close_code == 4400:
                self._world.violate(f"{self.stream} kept the protocol and was closed with 4400")

    def _hello(self) -> dict[str, Any]:
        hello = {"type": "hello", "key": "pk", "stream": self.stream, "clock": self._now_ms()}
        if self.session is not None:
            hello |= {"session": self.session, "resume": self.token}
        return hello

    def _leave_a_beacon(self) -> None:
        """Send what is left over HTTP, as a page does that is hidden; it may come back."""
        node = self._world.some_edge()
        if node is not None and self.session is not None and self.unacked:
            self._world.trace("beacon", self.stream, node.name, len(self.unacked))
            messages = ",".join(self.unacked.values())
            text = f'{{"hello":{json.dumps(self._hello())},"messages":[{messages}]}}'
            self._world.later(self._world.latency_s(), lambda: node.take_beacon(text))

    async def _converse(self, socket: Socket) -> None:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    frame: dict[str, Any] = json.loads(await socket.down.receive())
            except TimeoutError:
                if self._welcomed and not self.unacked:
                    continue
                return  # silent while something waits for its ack: it may be gone
            match frame["type"]:
                case "welcome":
                    self._welcome(frame)
                case "ack":
                    self._acknowledged(frame["seq"])
                case "error" if frame["code"] not in _REFUSALS:
                    if frame.get("seq") not in self.spoiled:
                        self._world.violate(f"{self.stream} was refused {frame}")
                case "drain":
                    await asyncio.sleep(self._chance.uniform(0, frame["after_ms"] / 1000))
                    return
                case _:
                    pass

    def _welcome(self, frame: dict[str, Any]) -> None:
        if self.session not in (None, frame["session"]):
            self._world.violate(f"{self.stream} lost its session")
        self.session, self.token = frame["session"], frame["resume"]
        self._acknowledged(frame["acked"])
        self._sent = self.acked
        self._welcomed = True
        self._flush()

    def _acknowledged(self, seq: int) -> None:
        for promised in range(self.acked + 1, seq + 1):
            if promised not in self.spoiled and not self._world.has(self.key, promised):
                self._world.violate(f"{self.stream} was acknowledged {promised}: not in the log")
            self.unacked.pop(promised, None)
        if seq > self.acked:
            self._world.trace("acked", self.stream, seq)
            self.acked = seq

    @property
    def key(self) -> tuple[str, str, str]:
        """Tenant, session, stream."""
        return (GRANT.tenant, self.session or "", self.stream)
