"""A visitor's page as a client of protocol v1: hello, seq, acks, resume; for smoke, replay, tests.

What was sent and not acknowledged is kept and sent again after a reconnect, as the SDK does, so
that nothing acknowledged is lost and nothing is accepted twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin, Subprotocol

SUBPROTOCOL = "sentientiq.v1"
_OPEN_S = 10.0
_RETRY_S = (0.1, 5.0)
# Codes after which trying again would only be refused again.
_FINAL = {1000, 1009, 4400, 4401, 4403, 4413}
# Errors that name a seq and refuse nothing for good.
_NOT_REFUSED = {"slow", "seq_gap"}

Frame = dict[str, Any]
Event = Sequence[Any]
Target = tuple[int, str, int]


class Refused(Exception):
    """The edge closed the connection for good."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Page:
    """One stream: a page from load to unload, over as many connections as it takes.

    A page with a `sibling` is another one of the same visit.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        page: str = "/",
        origin: str | None = None,
        hello: Mapping[str, Any] | None = None,
        sibling: Page | None = None,
        on_frame: Callable[[Frame, float], None] | None = None,
    ) -> None:
        self.stream = uuid.uuid4().hex[:16]
        self.session: str = sibling.session if sibling else ""
        self.offset_ms = 0.0
        """Server's clock minus ours, as the edge took it."""
        self.sent = 0
        """Messages with a seq, the first time each."""
        self.acked = 0
        self.connections = 0
        self.counters: Counter[str] = Counter()
        self.refused: Refused | None = None
        self._url = url
        self._key = key
        self._page = page
        self._origin = Origin(origin) if origin else None
        self._hello = dict(hello or {})
        self._on_frame = on_frame or _ignore
        self._resume: str | None = sibling._resume if sibling else None
        self._unacked: dict[int, str] = {}
        self._spent: set[int] = set()
        self._socket: ClientConnection | None = None
        self._sending = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and be welcomed.

        Raises:
            Refused: the edge does not admit us.
            TimeoutError: nobody welcomed us within 10 s.
        """
        self._task = asyncio.create_task(self._run())
        await self._until(lambda: self._socket is not None, _OPEN_S)

    async def close(self) -> None:
        """Say bye and end."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await socket.send('{"type":"bye"}')
            await socket.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def drop(self) -> None:
        """Tear the connection down as a dying network would; it comes back by itself."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def send_events(
        self, t0: float, events: Sequence[Event], targets: Sequence[Target] = (), **fields: Any
    ) -> int:
        """Send what the visitor did. `targets` must hold all that the events name: a frame is
        self-contained, so that it can be sent again on another connection. Returns its seq.
        """
        self.counters["events"] += len(events)
        return await self._send("events", t0=t0, targets=targets, events=events, **fields)

    async def identify(self, **fields: Any) -> int:
        """Say who the visitor is: user_id, email, traits, token. Returns the seq."""
        return await self._send("identify", t=_now_ms(), **fields)

    async def outcome(self, intervention: str, kind: str, action: str = "") -> int:
        """Say what became of an intervention: shown, clicked, dismissed, failed."""
        return await self._send(
            "outcome", t=_now_ms(), intervention=intervention, kind=kind, action=action
        )

    async def message(self, type_name: str, **fields: Any) -> int:
        """Send any other message that carries a seq: consent, reset."""
        return await self._send(type_name, **fields)

    async def drained(self, timeout_s: float) -> None:
        """Wait until everything sent is acknowledged or was refused.

        Raises:
            Refused: the connection ended for good before.
            TimeoutError: acks are missing.
        """
        await self._until(lambda: not self.unacked, timeout_s)

    async def ping(self) -> None:
        """Wait for a pong: what the edge had sent before it has been received.

        Raises:
            ConnectionClosed: there is no connection.
        """
        socket = self._socket
        if socket is None:
            raise ConnectionClosed(None, None)
        await (await socket.ping())

    @property
    def unacked(self) -> int:
        """How many messages wait for their ack, those that were refused left out."""
        return len(self._unacked.keys() - self._spent)

    async def _send(self, type_name: str, **fields: Any) -> int:
        async with self._sending:
            self.sent += 1
            seq = self.sent
            text = json.dumps({"type": type_name, "seq": seq, **fields}, separators=(",", ":"))
            self._unacked[seq] = text
            if self._socket is not None:
                # Closed just now: it goes out again with everything unacknowledged.
                with contextlib.suppress(ConnectionClosed):
                    await self._socket.send(text)
        return seq

    async def _until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: holds() or self.refused is not None)
        if not holds() and self.refused is not None:
            raise self.refused

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run(self) -> None:
        attempt = 0
        while self.refused is None:
            try:
                await self._converse()
                attempt = 0
            except ConnectionClosed as error:
                close = error.rcvd
                if close is not None and close.code in _FINAL:
                    self.refused = Refused(close.code, close.reason)
                elif self._socket is not None:
                    attempt = 0
            except (OSError, InvalidHandshake, TimeoutError, ValueError) as error:
                self.counters[f"connect_{type(error).__name__}"] += 1
            self._socket = None
            await self._notify()
            # Full jitter: a fleet that lost its edge must not come back as one wave.
            ceiling = min(_RETRY_S[0] * 2**attempt, _RETRY_S[1])
            attempt += 1
            if self.refused is None:
                await asyncio.sleep(random.uniform(0, ceiling))

    async def _converse(self) -> None:
        """Hold one connection until it closes."""
        async with connect(
            self._url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            origin=self._origin,
            compression=None,
            open_timeout=_OPEN_S,
            close_timeout=2,
        ) as socket:
            self.connections += 1
            clock = float(self._hello.get("clock", _now_ms()))
            await socket.send(json.dumps(self._say_hello(clock)))
            welcome: Frame = json.loads(await socket.recv())
            if welcome.get("type") != "welcome":
                self.counters["no_welcome"] += 1
                await socket.wait_closed()
                await socket.recv()  # raises what it was closed with
            await self._welcomed(socket, welcome, clock)
            async for text in socket:
                at_ms = time.time() * 1000
                self._receive(json.loads(text), at_ms)
                await self._notify()
            # A normal close ends the loop above without an exception.
            self.refused = Refused(socket.close_code or 1000, socket.close_reason or "")

    def _say_hello(self, clock: float) -> Frame:
        hello: Frame = {
            "type": "hello",
            "key": self._key,
            "stream": self.stream,
            "sdk": "sentientiq-cli/1",
            "page": self._page,
            "vw": 1280,
            "vh": 800,
            "ptr": "mouse",
            "lang": "en",
            "tz": "UTC",
            "clock": clock,
            "consent": {"analytics": True, "interventions": True},
            "gpc": False,
            "webdriver": False,
            **self._hello,
        }
        if self._resume is not None:
            hello |= {"session": self.session, "resume": self._resume}
        return hello

    async def _welcomed(self, socket: ClientConnection, welcome: Frame, clock: float) -> None:
        async with self._sending:
            if self.connections == 1:
                self.offset_ms = float(welcome["clock"]) - clock
            if self.session not in ("", welcome["session"]):
                self.counters["session_lost"] += 1
            self.session, self._resume = welcome["session"], welcome["resume"]
            self._acknowledge(int(welcome["acked"]))
            for text in list(self._unacked.values()):
                await socket.send(text)
            if self.connections > 1:
                self.counters["resent"] += len(self._unacked)
            self._socket = socket
        await self._notify()

    def _receive(self, frame: Frame, at_ms: float) -> None:
        kind = frame.get("type")
        self.counters[f"got_{kind}"] += 1
        if kind == "ack":
            self._acknowledge(int(frame["seq"]))
        elif kind == "error" and "seq" in frame and frame.get("code") not in _NOT_REFUSED:
            # It keeps its place: what is sent again must be dense.
            self._spent.add(int(frame["seq"]))
        self._on_frame(frame, at_ms)

    def _acknowledge(self, seq: int) -> None:
        self.acked = max(self.acked, seq)
        for done in [number for number in self._unacked if number <= seq]:
            del self._unacked[done]
            self._spent.discard(done)


def _ignore(_frame: Frame, _at_ms: float) -> None:
    """Where nobody listens."""


def _now_ms() -> float:
    return round(time.time() * 1000, 1)
