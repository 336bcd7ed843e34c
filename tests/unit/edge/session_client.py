"""A client's end of one connection of the session core, for tests: no socket, no clock."""

from __future__ import annotations

import json
from typing import Any

from nacl.public import PrivateKey
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from edge.effects import Accept, Admit, Effect, Hang, Send
from edge.seal import Sealer
from edge.session import Session
from edge.streams import StreamMemory
from edge.tenants import Grant
from edge.tokens import ResumeTokens
from services.common.log import BEHAVIOR

NOW = 1_700_000_000_000.0
GRANT = Grant("acme", ("https://shop.example",), {"coalesce_ms": 250}, emotions_to_page=True)
ORIGIN = "https://shop.example"
RESUME = ResumeTokens("secret")


class Client:
    """A client's end of one connection: remembers what the session told it."""

    def __init__(
        self,
        memory: StreamMemory | None = None,
        *,
        grant: Grant = GRANT,
        origin: str | None = ORIGIN,
        sealer: Sealer | None = None,
    ) -> None:
        self.session = Session(
            memory=StreamMemory() if memory is None else memory,
            resume=RESUME,
            sealer=sealer or Sealer(bytes(PrivateKey.generate().public_key)),
            origin=origin,
        )
        self.grant = grant
        self.accepted: list[Accept] = []
        self.sent: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.reason = ""
        self.others: list[Effect] = []

    def say(self, now_ms: float = NOW, /, **frame: Any) -> Client:
        return self.say_raw(json.dumps(frame), now_ms)

    def say_raw(self, data: str | bytes, now_ms: float = NOW) -> Client:
        self._take(self.session.receive(data, now_ms), now_ms)
        return self

    def _take(self, effects: list[Effect], now_ms: float) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    self.sent.append(json.loads(text))
                case Hang(code, reason):
                    self.closed, self.reason = code, reason
                case Accept():
                    self.accepted.append(effect)
                case Admit(hello):
                    self._take(self.session.admit(hello, self.grant, now_ms), now_ms)
                case _:
                    self.others.append(effect)

    def hello(self, **more: Any) -> Client:
        return self.say(
            **{"type": "hello", "key": "pk_test", "stream": "p1", "clock": NOW, "page": "/", **more}
        )

    def clicks(self, seq: int, **more: Any) -> Client:
        return self.say(
            **{
                "type": "events",
                "seq": seq,
                "t0": NOW,
                "targets": [[1, "button#pay", 2]],
                "events": [[3, 0, 10, 20, 1]],
                **more,
            }
        )

    @property
    def last(self) -> dict[str, Any]:
        return self.sent[-1]


def batch_of(accept: Accept) -> BehaviorBatch:
    assert accept.topic == BEHAVIOR
    return BehaviorBatch.FromString(accept.value)
