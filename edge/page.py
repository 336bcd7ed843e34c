"""A live page: its session core, its place in the hub, its admission and back-pressure.

Knows nothing of WebSockets: whoever carries its frames is a `Wire`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable
from typing import Protocol

from edge import protocol
from edge import session as core
from edge.effects import Accept, Admit, Effect, Hang, Send, Visible, Welcomed
from edge.limits import LINE_S
from edge.worker import Worker
from services.common import logs

_log = logs.get(__name__)


class Wire(Protocol):
    """What carries frames to and from a page."""

    def send(self, text: str) -> int:
        """Send a frame; returns the bytes that the client has not taken yet."""
        ...

    def acknowledge(self, seq: int) -> int:
        """Send the ack of everything up to `seq`, as `send` does."""
        ...

    def hang_up(self, code: int, reason: str) -> None:
        """Close with a code, after what was sent."""
        ...

    def pause(self) -> None:
        """Read nothing more for now."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


_MAX_UNSENT_BYTES = 256 * 1024
_HELLO_WITHIN_S = 5.0
_ROOM_S = 1.0
"""How long a page is asked to wait for room, at least."""
_WORTH_ASKING_S = 0.1
"""Who waits for less is not told: to ask costs as much as to answer."""
_IDLE_S = 30 * 60.0
TURN = 32
"""Frames of a page taken in one go, a millisecond or so; what else came waits for its next turn."""


class Page:
    """One connection of one stream. The hub and the log writer talk to it."""

    __slots__ = (
        "_asked_until_s",
        "_closing",
        "_heard_s",
        "_key",
        "_left",
        "_resting",
        "_session",
        "_source",
        "_task",
        "_waiting",
        "_wire",
        "_worker",
    )

    def __init__(self, worker: Worker, wire: Wire, origin: str | None, source: str) -> None:
        """`source` is who answers for what the page sends: see sources.py."""
        self._worker = worker
        self._source = source
        self._key = ""
        """The key that its frames count for, once it is let in."""
        self._wire = wire
        self._session = worker.new_session(origin)
        self._closing: tuple[int, str] | None = None
        self._left = False
        self._task: asyncio.Task[None] | None = None
        self._resting = False
        """Whether that only lets others in between."""
        self._waiting: list[str | bytes] = []
        self._heard_s = time.monotonic()
        self._asked_until_s = 0.0
        """Until when it was asked to send nothing."""

    @property
    def stream(self) -> str:
        """The page instance."""
        return self._session.stream

    @property
    def key(self) -> str:
        """The publishable key it was admitted with."""
        return self._session.key

    @property
    def interventions_allowed(self) -> bool:
        """Whether the visitor wants help in the page."""
        return self._session.interventions_allowed

    @property
    def language(self) -> str:
        """The page's language, as its hello said."""
        return self._session.locale[0]

    @property
    def zone(self) -> str:
        """The visitor's time zone, as its hello said."""
        return self._session.locale[1]

    @property
    def offset_ms(self) -> float:
        """Server clock minus client clock."""
        return self._session.offset_ms

    # -- from the wire ----------------------------------------------------------------------------

    def receive(self, data: str | bytes) -> None:
        """Take a frame. While the page waits for something, it waits too."""
        if self._closing is not None:
            return
        if self._task is not None:
            self._waiting.append(data)
            return
        free_since_s = max(self._heard_s, self._asked_until_s)
        self._heard_s = time.monotonic()
        limits = self._worker.limits
        refusal = limits.frame(self._source, "", self._heard_s)
        if refusal:
            self._refuse(refusal)
            return
        # Not before it is let in: else whoever knows a key, which is public, could use it up.
        if self._key and (wait_s := limits.turn(self._key, self._heard_s)):
            if wait_s > LINE_S:
                self._refuse("frames_per_key")
                return
            # What was asked for may have a moment to go: timers are of milliseconds.
            if wait_s > _WORTH_ASKING_S and self._heard_s + wait_s > self._asked_until_s:
                self._ask_to_wait(wait_s)
            self._wait_in(self._take_in_turn(data, wait_s))
            return
        self._carry_out(self._session.receive(data, time.time() * 1000))
        if self._task is None and self._closing is None:
            room = self._slow_down(self._heard_s - free_since_s)
            if room is not None:
                self._wait_in(room)

    async def _take_in_turn(self, data: str | bytes, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        if self._closing is None:
            self._carry_out(self._session.receive(data, time.time() * 1000))
        room = self._slow_down(wait_s) if self._closing is None else None
        if room is not None:
            await room

    def _slow_down(self, gap_s: float) -> Awaitable[None] | None:
        """Ask the page to wait where the worker is behind; returns what to wait for without room.

        Who sends once in `gap_s` is not asked for much less than that: it would change nothing, and
        to ask ten thousand pages costs as much as to answer them.
        """
        writer = self._worker.writer
        wait_s = writer.pacing.accepted()
        if writer.full:
            self._ask_to_wait(max(wait_s, _ROOM_S))
            return writer.room()
        if wait_s > gap_s / 2 and self._heard_s >= self._asked_until_s:
            self._ask_to_wait(wait_s)
        return None

    def _ask_to_wait(self, wait_s: float) -> None:
        self._asked_until_s = self._heard_s + wait_s
        self._worker.counters["asked_to_wait"] += 1
        wait_ms = math.ceil(wait_s * 1_000)
        self.send(protocol.frame("error", code="slow", message="slow", retry_after_ms=wait_ms))

    def rest_a_turn(self) -> None:
        """Let others in between: what comes now is taken when the loop comes round again."""
        if self._task is None and self._closing is None:
            self._resting = True
            self._wait_in(asyncio.sleep(0))

    def lost(self) -> None:
        """The connection is gone. What only rests was heard before: a last word, often."""
        if self._resting:
            self._resting, self._task = False, None
            queued, self._waiting = self._waiting, []
            for data in queued:
                self.receive(data)
        if self._closing is None:
            self._closing = (1000, "")
        self._leave()

    def check(self, now_s: float) -> bool:
        """Close if nothing was heard for too long; `now_s` is monotonic.

        Returns whether the page is open: then it is patience of many minutes.
        """
        is_open = self._session.state is core.State.OPEN
        if now_s - self._heard_s > (_IDLE_S if is_open else _HELLO_WITHIN_S):
            self.close(protocol.Close.TIMEOUT, "nothing heard")
        return is_open

    # -- to the wire ------------------------------------------------------------------------------

    def acknowledged(self, seq: int) -> None:
        """Tell the client that everything up to `seq` is in the log."""
        if self._closing is None:
            self.unread(self._wire.acknowledge(seq))

    def send(self, text: str) -> None:
        """Send a frame; a client that does not read is cut off."""
        if self._closing is None:
            self.unread(self._wire.send(text))

    def unread(self, unsent_bytes: int) -> None:
        """Cut a client off that leaves too much unread."""
        if unsent_bytes > _MAX_UNSENT_BYTES and self._closing is None:
            self._worker.counters["slow_reader"] += 1
            self.close(protocol.Close.TRY_LATER, "not reading")

    def close(self, code: int, reason: str) -> None:
        """Close after what was sent."""
        if self._closing is None:
            self._closing = (code, reason)
            self._worker.closed[str(code)] += 1
            self._wire.hang_up(code, reason)
            self._leave()

    # -- effects ----------------------------------------------------------------------------------

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Accept():
                    self._worker.accept(self._session, effect)
                case Send(text):
                    self.send(text)
                case Visible(visible):
                    self._show(visible)
                case Admit():
                    refusal = self._worker.limits.hello(self._source, self._heard_s)
                    if refusal:
                        self._refuse(refusal)
                    else:
                        self._wait_in(self._admit(effect))
                case Welcomed(tenant, session):
                    self._join(tenant, session)
                case Hang(code, reason):
                    if code == protocol.Close.TOO_FAST:
                        self._worker.limits.refuse("frames_per_connection")
                    self.close(code, reason)

    def _refuse(self, refusal: str) -> None:
        self.close(protocol.Close.TOO_FAST, f"over the limit: {refusal}")

    async def _admit(self, admit: Admit) -> None:
        effects = await self._worker.admit(self._session, admit)
        if not self._left:
            self._carry_out(effects)

    def _wait_in(self, waiting: Awaitable[None]) -> None:
        """Take no frames until it is over; those that come queue up."""
        self._wire.pause()
        self._task = asyncio.ensure_future(self._wait(waiting))

    async def _wait(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:  # the boundary of a connection: nobody else would hear of it
            self._worker.counters["unexpected"] += 1
            _log.error("a page failed", exc_info=error)
            self.close(protocol.Close.INTERNAL, "internal error")
            return
        self._task, self._resting = None, False
        queued, self._waiting = self._waiting, []
        for place, data in enumerate(queued):
            if place == TURN:
                self._waiting = queued[place:]
                self.rest_a_turn()
                return
            self.receive(data)
            if self._task is not None:  # it waits again, for something else
                self._waiting = queued[place + 1 :] + self._waiting
                return
        if not self._left:
            self._wire.resume()

    def _join(self, tenant: str, session: str) -> None:
        limits = self._worker.limits
        if limits.of_tenant.full(tenant) and not self._worker.hub.has(tenant, session, self.stream):
            self._refuse(limits.refuse("connections_per_tenant"))
            return
        limits.of_tenant.take(tenant)
        self._key = self._session.key
        record = self._session.record
        # A page that has just been opened is looked at; one that comes back is where it was.
        at_ms = time.time() * 1000 if record.front_at_ms is None else record.front_at_ms
        live = self._worker.hub.join(tenant, session, self, at_ms)
        record.connection = self
        self._worker.presence.changed(live)
        self._worker.welcome(live, self.stream)

    def _show(self, visible: bool) -> None:
        at_ms = self._session.record.front_at_ms = time.time() * 1000 if visible else 0.0
        live = self._worker.hub.find(self._session.tenant, self._session.session)
        if live is not None:
            live.visible_at_ms[self.stream] = at_ms
            self._worker.presence.changed(live)

    def _leave(self) -> None:
        if self._left:
            return
        self._left = True
        session = self._session
        if self._key:
            self._worker.limits.of_tenant.free(session.tenant)
        if session.record.connection is self:
            session.record.left(time.monotonic())
        if session.tenant and self._worker.hub.leave(session.tenant, session.session, self):
            self._worker.presence.gone(session.tenant, session.session, session.stream)
            self._worker.departed(session, self._closing[0] if self._closing else None)
