"""The live sessions of one generator process: connected at an even pace, closed at the end."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter, deque
from typing import TYPE_CHECKING

from benchmarks.mesh.socket import PageSocket

if TYPE_CHECKING:
    from benchmarks.mesh.plan import Plan

_OPEN_S = 30.0
_AT_ONCE = 64
_KEPT = 64
_LINGER_S = 1.0


class Crowd:
    """Connections, and the samples that they bring."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.acks = array("d")
        """Pairs: intended send time, latency until the ack; ms."""
        self.verdicts = array("d")
        """Pairs: when the last evidence was meant to be sent, latency until the page hears; ms."""
        self.late = array("d")
        """How much later than intended frames went out, ms."""
        self.counters: Counter[str] = Counter()
        self.acked: list[tuple[str, str, int]] = []
        self.ended: Counter[str] = Counter()
        self._sent: dict[PageSocket, deque[float]] = {}
        self._names = 0

    @property
    def pages(self) -> list[PageSocket]:
        """Those that are open."""
        return list(self._sent)

    async def open(self, **hello: object) -> PageSocket:
        """Open a page and wait for its welcome.

        Raises:
            ConnectionError: it was refused.
            TimeoutError: nobody answered.
        """
        plan = self.plan
        self._names += 1
        said = {
            "type": "hello", "key": plan.key, "stream": f"g{plan.number}-{self._names}",
            "sdk": "benchmark/1", "page": "/shop", "vw": 1280, "vh": 720, "ptr": "mouse",
            "lang": "en", "tz": "UTC", "clock": round(time.time() * 1000, 1),
            "consent": {"analytics": True, "interventions": True}, "gpc": False,
            "webdriver": False, **hello,
        }  # fmt: skip
        page = PageSocket(said, f"{plan.host}:{plan.port}", self.acks, self._hear)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_OPEN_S):
            await loop.create_connection(lambda: page, plan.host, plan.port)
            await page.welcomed
        self._sent[page] = deque(maxlen=_KEPT)
        return page

    async def open_all(self, count: int) -> float:
        """Open so many at the plan's pace; returns the seconds that it took."""
        room = asyncio.Semaphore(_AT_ONCE)
        began = time.monotonic()

        async def one() -> None:
            try:
                await self.open()
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                due = began + number / self.plan.connect_per_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await room.acquire()
                group.create_task(one())
        return time.monotonic() - began

    def holds(self, page: PageSocket, due_ms: float) -> bool:
        """Whether the edge has asked to wait beyond `due_ms`; then the frame counts as held."""
        held = due_ms < page.held_until_ms
        if held:
            self.counters["held"] += 1
        return held

    def send(self, page: PageSocket, head: str, tail: str, due_ms: float, events: int) -> None:
        """Send a frame now that was meant for `due_ms`, unless the edge has asked to wait."""
        if self.holds(page, due_ms):
            return
        page.send(head, tail, due_ms)
        self._sent[page].append(due_ms)
        self.late.append(time.time() * 1000 - due_ms)
        self.counters["frames"] += 1
        self.counters["events"] += events

    def stop_reading(self) -> None:
        """Let the plan's share of pages read nothing from now on."""
        if self.plan.deaf_every:
            for page in self.pages[:: self.plan.deaf_every]:
                page.stop_reading()

    def leave(self, page: PageSocket) -> None:
        """End a page in a moment: its visitor went on, and its last acks are still under way."""
        asyncio.get_running_loop().call_later(_LINGER_S, self.close, page)

    def close(self, page: PageSocket) -> None:
        """Count a page and end it."""
        if page not in self._sent:
            return
        if page.deaf:
            self.counters["deaf_closed"] += page.closed is not None
        else:
            if page.closed is not None:
                self.ended[f"{page.closed[0]} {page.closed[1]}".strip()] += 1
            self.counters["unacked"] += page.unacked
        self.acked.append((page.session, page.stream, page.acked))
        self._sent.pop(page, None)
        page.close()
        page.abort()

    def _hear(self, page: PageSocket, frame: dict[str, object], now_ms: float) -> None:
        kind = str(frame["type"])
        self.counters[kind] += 1
        if kind == "error":
            self.counters[f"error {frame.get('code')}"] += 1
            page.held_until_ms = now_ms + float(str(frame.get("retry_after_ms", 0)))
        elif kind == "emotion":
            felt_ms = float(str(frame["t"]))
            # Evidence that waited in the page goes out with its frame; a timer's is due by itself.
            due_ms = next((due for due in self._sent.get(page, ()) if due >= felt_ms - 1), felt_ms)
            self.verdicts.append(due_ms)
            self.verdicts.append(now_ms - due_ms)
