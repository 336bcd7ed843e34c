"""The session core: protocol v1 as a state machine, without I/O.

Frames go in as text, effects (effects.py) come out; the WebSocket and HTTP shells carry them out.
Time is an argument. One core serves one connection of one stream.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from sys import intern
from typing import Any

from google.protobuf.message import Message
from sentientiq.identity.v1 import identity_service_pb2 as identity
from sentientiq.intervention.v1 import intervention_pb2 as intervention

from edge import protocol
from edge.browsers import recognized
from edge.effects import Accept, Admit, Effect, Hang, Send, Visible, Welcomed
from edge.places import NOWHERE, place_of
from edge.pressure import Pressure, lightened
from edge.protocol import Close
from edge.seal import NoSealingKey, Sealer
from edge.streams import StreamMemory, StreamRecord
from edge.tenants import Grant, origin_allowed
from edge.tokens import ResumeTokens, Visitor, new_session_id
from hotpath.batch import encode_batch, encode_sender
from hotpath.columns import Columns, WireError, from_wire
from hotpath.events import EventKind
from services.common.ids import outcome_id
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME

_BAD_BEFORE_CLOSE = 10
_FRAMES_PER_S = 100.0
_BURST = 300.0
_POINTERS = {"mouse": 0, "touch": 1, "pen": 2}
_OUTCOMES = {
    "shown": intervention.OUTCOME_KIND_SHOWN,
    "clicked": intervention.OUTCOME_KIND_CLICKED,
    "dismissed": intervention.OUTCOME_KIND_DISMISSED,
    "failed": intervention.OUTCOME_KIND_FAILED,
}
_AHEAD_MS = 24 * 3600 * 1000
"""A page that is further ahead of us has a broken clock."""
_PAGE_VIEW = int(EventKind.PAGE_VIEW)
_VISIBILITY = int(EventKind.VISIBILITY)
_FOLLOWED = 1 << _PAGE_VIEW | 1 << _VISIBILITY
_Marker = protocol.ConsentChange | protocol.Reset


class State(Enum):
    """Where a connection stands."""

    AWAIT_HELLO = auto()
    AWAIT_ADMISSION = auto()
    OPEN = auto()
    CLOSED = auto()


class Session:
    """One connection of one stream."""

    __slots__ = (
        "_bad", "_ignored", "_memory", "_numbered", "_origin", "_page", "_pointer", "_pressure",
        "_resume", "_sealer", "_sender", "_targets", "_tokens", "_tokens_at", "counters",
        "interventions_allowed", "key", "locale", "place", "record", "session", "state", "stream",
        "tenant",
    )  # fmt: skip

    def __init__(
        self,
        *,
        memory: StreamMemory,
        resume: ResumeTokens,
        sealer: Sealer,
        origin: str | None,
        counters: Counter[str] | None = None,
        pressure: Pressure | None = None,
    ) -> None:
        """`counters` and `pressure` are those of the worker, where it has more than one session."""
        self.state = State.AWAIT_HELLO
        self.counters: Counter[str] = Counter() if counters is None else counters
        self.tenant = self.session = self.stream = self.key = ""
        self.place = NOWHERE
        self._sender = b""
        self.interventions_allowed = True
        self.locale = ("", "")  # language and time zone
        self.record = StreamRecord()
        self._memory = memory
        self._resume = resume
        self._sealer = sealer
        self._pressure = Pressure() if pressure is None else pressure
        self._origin = origin
        self._pointer, self._page = 0, ""
        self._targets: dict[int, tuple[str, int]] = {}
        self._numbered = False  # whether this connection has brought a seq yet
        self._ignored: int = 0  # last seq of an unknown type that came in turn: may be skipped
        self._bad = 0
        self._tokens = _BURST
        self._tokens_at = 0.0

    @property
    def offset_ms(self) -> float:
        """Server clock minus client clock."""
        return self.record.offset_ms or 0.0

    def receive(self, data: bytes | str, now_ms: float) -> list[Effect]:
        """Take one frame."""
        if self.state is State.CLOSED:
            return []
        if isinstance(data, bytes):
            return self._bad_message("binary frames are not of this protocol")
        if not self._take_token(now_ms):
            return self._close(Close.TOO_FAST, "too many frames")
        try:
            message = protocol.decode(data)
        except protocol.UnknownType as error:
            self.counters["unknown_type"] += 1
            if self.state is not State.OPEN:
                return self._bad_message(f"expected hello: {error}")
            if error.seq is not None and error.seq == max(self.record.accepted, self._ignored) + 1:
                self._ignored = error.seq
            return []
        except protocol.BadMessage as error:
            return self._bad_message(str(error))
        if self.state is State.AWAIT_HELLO:
            if not isinstance(message, protocol.Hello):
                return self._close(Close.BAD_MESSAGE, "the first frame must be hello")
            return self._hello(message)
        if self.state is State.AWAIT_ADMISSION:
            return self._bad_message("wait for welcome")
        match message:
            case protocol.Events():
                return self._events(message, now_ms)
            case protocol.Identify():
                return self._identify(message, now_ms)
            case protocol.Outcome():
                return self._outcome(message, now_ms)
            case protocol.ConsentChange():
                return self._consent(message, now_ms)
            case protocol.Reset():
                return self._accept_marker(message, [int(EventKind.RESET), 0], now_ms)
            case protocol.Bye():
                return self._close(1000, "bye")
            case protocol.Hello():
                return self._bad_message("hello was said before")

    # -- opening ------------------------------------------------------------------------------

    def _hello(self, hello: protocol.Hello) -> list[Effect]:
        if hello.gpc or not hello.consent.analytics:
            return self._close(Close.CONSENT, "no consent, nothing is stored")
        self.state = State.AWAIT_ADMISSION
        self.key = hello.key
        self._pointer = _POINTERS.get(hello.ptr, 0)
        self._page = hello.page
        self.interventions_allowed = hello.consent.interventions
        self.locale = intern(hello.lang), intern(hello.tz)  # many visitors share few
        self.stream = hello.stream
        return [Admit(hello)]

    def admit(self, hello: protocol.Hello, grant: Grant, now_ms: float) -> list[Effect]:
        """Open the stream under the key's tenant, if the origin may use the key."""
        if not origin_allowed(self._origin, grant.origins):
            return self._close(Close.KEY_OR_ORIGIN, "this origin may not use the key")
        self.tenant = grant.tenant
        resumed = hello.session is not None and self._resume.valid(
            grant.tenant, hello.session, hello.resume
        )
        self.session = hello.session if resumed and hello.session else new_session_id()
        self.place = place_of(self.tenant, self.session)
        self._sender = encode_sender(self.tenant, self.session, self.stream)
        self.record = self._memory.record(self.tenant, self.session, self.stream)
        if self.record.offset_ms is None:
            self.record.offset_ms = now_ms - hello.clock if hello.clock else 0.0
        self.state = State.OPEN
        visitor = self._resume.visitor(grant.tenant, hello.resume)
        if visitor is None:
            visitor = Visitor(self.session, round(now_ms))
        welcome = protocol.frame(
            "welcome",
            session=self.session,
            resume=self._resume.make(self.tenant, self.session, visitor),
            acked=self.record.acked,
            clock=round(now_ms),
            config=grant.sdk_config,
        )
        effects: list[Effect] = [Welcomed(self.tenant, self.session, self.stream), Send(welcome)]
        if visitor.visitor_id != self.session:
            # Said again at each hello: what is in the log of a stream comes after it.
            record = recognized(self.tenant, self.session, visitor, now_ms)
            effects.append(Accept(IDENTITY, record, 0))
        return effects

    def refuse(self, code: int, reason: str) -> list[Effect]:
        """End an admission that failed."""
        return self._close(code, reason)

    # -- messages that carry a seq ----------------------------------------------------------------

    def _next(self, seq: int) -> list[Effect] | None:
        """None if `seq` is the next one, else what to do instead of accepting it."""
        expected = self.record.accepted + 1
        first, self._numbered = not self._numbered, True
        if seq == expected or expected < seq <= self._ignored + 1 or (first and seq > expected):
            # A connection starts at the client's first unacknowledged seq. A worker that saw
            # nothing of the stream, or not the last of it, takes its word for what came before.
            return None
        if seq < expected:
            self.counters["duplicate"] += 1
            # Already safe: say so again, that ack may have been lost. In flight: its ack follows.
            return [Send(protocol.ack(self.record.acked))] if seq <= self.record.acked else []
        self.counters["seq_gap"] += 1
        return [
            Send(protocol.frame("error", code="seq_gap", message=f"expected {expected}", seq=seq)),
            *self._close(Close.BAD_MESSAGE, "seq must be dense; reconnect and resend"),
        ]

    def _take(self, topic: str, message: Message, seq: int) -> list[Effect]:
        self.record.accepted = seq
        return [Accept(topic, message.SerializeToString(), seq, message)]

    def _take_batch(self, batch: bytes, seq: int) -> list[Effect]:
        self.record.accepted = seq
        return [Accept(BEHAVIOR, batch, seq)]

    def _events(self, message: protocol.Events, now_ms: float) -> list[Effect]:
        not_next = self._next(message.seq)
        if not_next is not None:
            return not_next
        if len(message.events) > protocol.MAX_EVENTS:
            return self._close(
                Close.TOO_MANY_EVENTS, f"at most {protocol.MAX_EVENTS} events a frame"
            )
        for index, descriptor, flags in message.targets:
            self._targets[index] = (descriptor, flags & 0xFFFFFFFF)
        page = message.page or self._page
        t0_ms = round(message.t0 + self.offset_ms)
        if not 0 <= t0_ms <= now_ms + _AHEAD_MS:
            return self._refuse(message.seq, f"t0 is {t0_ms} ms on our clock", "bad_time")
        if self._pressure.high:
            message.events, shed = lightened(message.events)
            self.counters["shed"] += shed
        try:
            columns = from_wire(message.events, self._targets, client=True)
        except WireError as error:
            return self._refuse(message.seq, f"event {error.index}: {error.reason}", error.reason)
        if columns.skipped:
            self.counters["unknown_event"] += columns.skipped
        visible = self._follow(message.events) if columns.kinds & _FOLLOWED else None
        pointer = self._pointer if message.ptr is None else _POINTERS.get(message.ptr, 0)
        batch = self._batch(
            message.seq, t0_ms, columns, page, pointer, received_at_ns=int(now_ms * 1e6)
        )
        effects = self._take_batch(batch, message.seq)
        if visible is not None:
            effects.append(Visible(visible))
        return effects

    def _follow(self, events: list[list[Any]]) -> bool | None:
        """Follow the visitor through a valid frame to another page, to another tab and back.

        Returns whether the page is in front after it; None if it did not change.
        """
        visible: bool | None = None
        for event in events:
            if event[0] == _PAGE_VIEW:
                self._page = event[2]
            elif event[0] == _VISIBILITY:
                visible = event[2] == 1
        return visible

    def _batch(
        self,
        seq: int,
        t0_ms: int,
        columns: Columns,
        page: str,
        pointer: int,
        *,
        received_at_ns: int = 0,
    ) -> bytes:
        return encode_batch(
            self._sender,
            seq,
            t0_ms,
            page,
            pointer,
            columns.count,
            columns.blob,
            columns.targets,
            columns.strings,
            received_at_ns,
        )

    def _moment_ms(self, t: float, now_ms: float) -> int:
        """When something was, on our clock. A broken clock costs its time, not the message."""
        return round(max(0, min(t + self.offset_ms, now_ms + _AHEAD_MS)))

    def _accept_marker(self, message: _Marker, event: list[Any], now_ms: float) -> list[Effect]:
        not_next = self._next(message.seq)
        if not_next is not None:
            return not_next
        at_ms = self._moment_ms(message.t, now_ms)
        batch = self._batch(message.seq, at_ms, from_wire([event], {}), self._page, self._pointer)
        return self._take_batch(batch, message.seq)

    def _identify(self, message: protocol.Identify, now_ms: float) -> list[Effect]:
        not_next = self._next(message.seq)
        if not_next is not None:
            return not_next
        content = {
            "user_id": message.user_id,
            "email": message.email,
            "traits": message.traits,
            "token": message.token,
        }
        try:
            sealed, key_id = self._sealer.seal(content)
        except NoSealingKey:
            slow = protocol.frame(
                "error", code="slow", message="not ready", seq=message.seq, retry_after_ms=2_000
            )
            return [Send(slow), *self._close(Close.TRY_LATER, "identity is starting")]
        record = identity.SealedIdentify(
            tenant_id=self.tenant,
            session_id=self.session,
            stream_id=self.stream,
            seq=message.seq,
            sealed=sealed,
            key_id=key_id,
            occurred_at_ms=self._moment_ms(message.t, now_ms),
        )
        return self._take(IDENTITY, record, message.seq)

    def _outcome(self, message: protocol.Outcome, now_ms: float) -> list[Effect]:
        not_next = self._next(message.seq)
        if not_next is not None:
            return not_next
        kind = _OUTCOMES.get(message.kind)
        if kind is None:
            return self._refuse(message.seq, f"outcome kind {message.kind!r}", "bad_kind")
        record = intervention.Outcome(
            id=outcome_id(self.tenant, self.session, message.intervention, message.kind),
            tenant_id=self.tenant,
            session_id=self.session,
            intervention_id=message.intervention,
            kind=kind,
            occurred_at_ms=self._moment_ms(message.t, now_ms),
            channel="page",
            detail=message.action,
        )
        return self._take(OUTCOME, record, message.seq)

    def _consent(self, message: protocol.ConsentChange, now_ms: float) -> list[Effect]:
        event = [int(EventKind.CONSENT), 0, int(message.analytics), int(message.interventions)]
        effects = self._accept_marker(message, event, now_ms)
        if self.state is State.CLOSED:  # out of turn: it comes again, in turn
            return effects
        self.interventions_allowed = message.interventions
        if not message.analytics:
            effects += self._close(Close.CONSENT, "consent withdrawn")
        return effects

    # -- refusing -----------------------------------------------------------------------------

    def _take_token(self, now_ms: float) -> bool:
        elapsed_s = max(0.0, now_ms - self._tokens_at) / 1000
        self._tokens = min(_BURST, self._tokens + elapsed_s * _FRAMES_PER_S)
        self._tokens_at = now_ms
        self._tokens -= 1
        return self._tokens >= 0

    def _refuse(self, seq: int, why: str, code: str) -> list[Effect]:
        """Refuse a message for good. Its seq is spent: sent again it would be refused again."""
        self.record.accepted = seq
        return self._bad_message(why, seq=seq, code=code)

    def _bad_message(
        self, why: str, *, seq: int | None = None, code: str = "bad_message"
    ) -> list[Effect]:
        self.counters["bad_message"] += 1
        self._bad += 1
        error = Send(protocol.frame("error", code=code, message=why[:200], seq=seq))
        if self.state is not State.OPEN or self._bad > _BAD_BEFORE_CLOSE:
            return [error, *self._close(Close.BAD_MESSAGE, "bad message")]
        return [error]

    def _close(self, code: int, reason: str) -> list[Effect]:
        self.state = State.CLOSED
        return [Hang(code, reason)]
