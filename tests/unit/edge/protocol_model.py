"""The protocol, said a second time as simply as possible: what a frame must bring about.

Nothing here looks into the session core. A `Page` is a client that keeps the protocol; a `Worker`
is what surrounds a session core on one edge worker, with the log writer's rules (rounds in order,
a round that got no answer is written again as it is, acks only after that); a `Wire` is one
connection and what the model expects of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from nacl.public import PrivateKey

from edge.effects import Accept, Admit, Effect, Hang, Send, Visible, Welcomed
from edge.protocol import Close
from edge.seal import Sealer
from edge.session import Session
from edge.streams import StreamMemory, StreamRecord
from edge.tenants import Grant
from edge.tokens import ResumeTokens

TENANT = "acme"
ORIGIN = "https://shop.example"
GRANT = Grant(TENANT, (ORIGIN,), {"coalesce_ms": 250}, emotions_to_page=True)
RESUME = ResumeTokens("secret")
SEALER = Sealer(bytes(PrivateKey.generate().public_key))
FORGED = "0" * 32
BURST = 300
PER_S = 100
BAD_SURVIVED = 10

Seen = tuple[Any, ...]
"""One effect, reduced to what the protocol promises about it."""

StreamKey = tuple[str, str]
"""Session and stream; the tenant is always the same."""


def seen(effect: Effect) -> Seen:
    """Reduce an effect."""
    match effect:
        case Send(text):
            frame = json.loads(text)
            match frame["type"]:
                case "ack":
                    return ("ack", frame["seq"])
                case "error":
                    return ("error", frame["code"], frame.get("seq"))
                case other:
                    return (other, frame["session"], frame["acked"])
        case Hang(code):
            return ("hang", code)
        case Accept(topic, _, seq):
            return ("accept", topic, seq)
        case Visible(visible):
            return ("visible", visible)
        case Admit():
            return ("admit",)
        case Welcomed(_, session, stream):
            return ("welcomed", session, stream)


@dataclass
class Page:
    """A client that keeps the protocol: it holds what is not acknowledged, and resends it."""

    stream: str
    session: str | None = None
    token: str | None = None
    said: int = 0
    acked: int = 0
    unacked: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    refused: set[int] = field(default_factory=set[int])

    def say(self, note: str, frame: dict[str, Any]) -> None:
        """Number a message and keep it. `note` travels as a field that the edge does not know."""
        self.said += 1
        self.unacked[self.said] = {**frame, "note": note, "seq": self.said}

    def hear(self, text: str) -> None:
        """Take a frame of the server."""
        frame = json.loads(text)
        match frame["type"]:
            case "ack":
                self._acked(frame["seq"])
            case "welcome":
                self.session, self.token = frame["session"], frame["resume"]
                self._acked(frame["acked"])
            case "error" if frame.get("seq") and frame["code"] not in ("slow", "seq_gap"):
                # Spent, but its place is kept: what is sent again must be dense.
                self.refused.add(frame["seq"])
            case _:
                pass

    def _acked(self, seq: int) -> None:
        self.acked = max(self.acked, seq)
        self.unacked = {key: frame for key, frame in self.unacked.items() if key > self.acked}


@dataclass
class Known:
    """What the model knows that a worker knows of a stream."""

    accepted: int = 0
    acked: int = 0


Queued = tuple[StreamRecord, StreamKey, int]


class Worker:
    """One worker's memory and writer. A crash is a new Worker."""

    def __init__(self, log: list[tuple[StreamKey, int]]) -> None:
        self.memory = StreamMemory()
        self.known: dict[StreamKey, Known] = {}
        self.taken: set[tuple[StreamKey, int]] = set()
        self._log = log
        self._queue: list[Queued] = []
        self._round: list[Queued] = []
        self._landed = False

    def put(self, record: StreamRecord, key: StreamKey, seq: int) -> None:
        """Queue what a session accepted: never the same twice."""
        assert (key, seq) not in self.taken
        self.taken.add((key, seq))
        self._queue.append((record, key, seq))

    def write(self) -> None:
        """Bring the round into the log, perhaps again because the answer was lost."""
        if not self._round:
            self._round, self._queue = self._queue, []
            self._landed = False
        self._log += [(key, seq) for _, key, seq in self._round]
        self._landed = bool(self._round)

    def answer(self) -> None:
        """Let the log's answer arrive: everything in the round is safe, and acknowledged."""
        if not self._landed:
            return
        newest: dict[StreamKey, tuple[StreamRecord, int]] = {}
        for record, key, seq in self._round:
            newest[key] = (record, seq)
        self._round, self._landed = [], False
        for key, (record, seq) in newest.items():
            self.known[key].acked = max(self.known[key].acked, seq)
            record.appended(seq)

    def settle(self) -> None:
        """Write and answer until nothing waits."""
        while self._queue or self._round:
            self.write()
            self.answer()


class Phase(Enum):
    """Where a connection stands."""

    NEW = auto()
    WAITING = auto()
    OPEN = auto()
    CLOSED = auto()


class Wire:
    """One connection: the real session core, and what must come out of it."""

    def __init__(self, worker: Worker, page: Page, *, sealed: bool, at_home: bool) -> None:
        self.worker = worker
        self.page = page
        self.phase = Phase.NEW
        self.heard = True
        """Whether the client still reads: a connection may die without the server knowing."""
        self.greeted = False
        """Whether the client heard the welcome."""
        self.key: StreamKey = ("", "")
        self.sent = 0
        """Highest seq that the client sent here; it resends the rest on the next connection."""
        self.flight: list[dict[str, Any]] = []
        """What it sent and the server has not read yet; survives the death of the connection."""
        self._session = Session(
            memory=worker.memory,
            resume=RESUME,
            sealer=SEALER if sealed else Sealer(),
            origin=ORIGIN if at_home else "https://elsewhere.example",
        )
        self.sealed = sealed
        """Whether identity's key is known here."""
        self._at_home = at_home
        self._hello: Admit | None = None
        self.first = True
        """Whether no message with a seq was read: the first one is taken at its word."""
        self._bad = 0
        self._tokens = float(BURST)
        self._at_ms = 0.0
        self._consented = False

    # -- carrying out ---------------------------------------------------------------------------

    def acknowledged(self, seq: int) -> None:
        """Be the record's sink, as the shell is."""
        self._tell(json.dumps({"type": "ack", "seq": seq}))

    def _tell(self, text: str) -> None:
        if self.heard:
            self.page.hear(text)

    def _carry_out(self, effects: list[Effect], expected: list[Seen]) -> None:
        assert [seen(effect) for effect in effects] == expected
        for effect in effects:
            match effect:
                case Send(text):
                    self._tell(text)
                case Admit():
                    self._hello = effect
                case Accept(_, _, seq):
                    assert self._consented
                    self.worker.put(self._session.record, self.key, seq)
                case Welcomed():
                    self._session.record.connection = self
                case _:
                    pass

    # -- frames ---------------------------------------------------------------------------------

    def receive(
        self, frame: dict[str, Any] | str | bytes, now_ms: float, expect: Callable[[], list[Seen]]
    ) -> None:
        """Give the core a frame. `expect` says what it means, if the connection takes it at all."""
        data = json.dumps(frame) if isinstance(frame, dict) else frame
        expected = self._gate(data, now_ms, expect)
        self._carry_out(self._session.receive(data, now_ms), expected)

    def _gate(
        self, data: str | bytes, now_ms: float, expect: Callable[[], list[Seen]]
    ) -> list[Seen]:
        if self.phase is Phase.CLOSED:
            return []
        if isinstance(data, bytes):
            return self.bad()
        refill = max(0.0, now_ms - self._at_ms) / 1000 * PER_S
        self._tokens = min(BURST, self._tokens + refill) - 1
        self._at_ms = now_ms
        if self._tokens < 0:
            return self.closes(Close.TOO_FAST)
        return expect()

    def closes(self, code: int) -> list[Seen]:
        """The connection ends."""
        self.phase = Phase.CLOSED
        return [("hang", code)]

    def bad(self, code: str = "bad_message", seq: int | None = None) -> list[Seen]:
        """An error; the eleventh closes, and any before the welcome does."""
        self._bad += 1
        error: Seen = ("error", code, seq)
        if self.phase is not Phase.OPEN or self._bad > BAD_SURVIVED:
            return [error, *self.closes(Close.BAD_MESSAGE)]
        return [error]

    def hello(self, consent: bool) -> list[Seen]:
        """What a hello brings about."""
        if self.phase is not Phase.NEW:
            return self.bad()
        if not consent:
            return self.closes(Close.CONSENT)
        self.phase = Phase.WAITING
        return [("admit",)]

    def other(self, meaning: Callable[[], list[Seen]]) -> list[Seen]:
        """What any other well-formed message brings about."""
        if self.phase is Phase.NEW:
            return self.closes(Close.BAD_MESSAGE)
        if self.phase is Phase.WAITING:
            return self.bad()
        return meaning()

    def numbered(
        self, seq: int, meaning: Callable[[Known], list[Seen]], *, withdraws: bool = False
    ) -> list[Seen]:
        """What a message with a seq brings about: `meaning`, if it is its turn.

        A withdrawn consent is obeyed even when it is heard again.
        """

        def in_turn() -> list[Seen]:
            known = self.worker.known[self.key]
            first, self.first = self.first, False
            if seq <= known.accepted:
                again: list[Seen] = [("ack", known.acked)] if seq <= known.acked else []
                return again + self.closes(Close.CONSENT) if withdraws else again
            if seq > known.accepted + 1 and not first:
                return [("error", "seq_gap", seq), *self.closes(Close.BAD_MESSAGE)]
            return meaning(known)

        return self.other(in_turn)

    # -- admission ------------------------------------------------------------------------------

    def admit(self, now_ms: float, *, allowed: bool) -> None:
        """Let the tenant directory answer. The session is kept exactly if the token is its own."""
        assert self._hello is not None
        hello = self._hello.hello
        self._hello = None
        if not allowed:
            refused = self._session.refuse(Close.TRY_LATER, "try again")
            self._carry_out(refused, self.closes(Close.TRY_LATER))
            return
        effects = self._session.admit(hello, GRANT, now_ms)
        if not self._at_home:
            self._carry_out(effects, self.closes(Close.KEY_OR_ORIGIN))
            return
        self.phase = Phase.OPEN
        self._consented = True
        session = self._session.session
        kept = hello.session is not None and hello.resume not in (None, FORGED)
        assert (session == hello.session) is kept
        self.key = (session, self.page.stream)
        self.greeted = self.heard
        known = self.worker.known.setdefault(self.key, Known())
        self._carry_out(
            effects,
            [("welcomed", session, self.page.stream), ("welcome", session, known.acked)],
        )
