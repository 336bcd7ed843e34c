"""A fuzzed mix of messages, each but the mutated ones with the fate that the contract gives it."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.integration.bad_input.frames import FRAMES, spends_seq

# Where a message is counted. What closes a connection counts there, if nowhere else.
ACCEPTED, IGNORED, CLOSED = "accepted", "ignored", "closed"
MOST_BAD = 10
"""Bad messages that a connection survives."""

_REFUSED = {row: FRAMES[row] for row in FRAMES if spends_seq(FRAMES[row][1])}
_BAD = {row: FRAMES[row] for row in FRAMES if FRAMES[row][1] == "bad_message"}
_BUTTON = [1, "button#pay", 2]
_KINDS = {"good": 70, "refused": 6, "bad": 4, "unknown_type": 6, "unknown_event": 4, "again": 6}
_ENDS = {
    "mutated": 70, "none": 10, "too_large": 4, "not_utf8": 4, "too_many": 4, "gap": 4,
    "no_consent": 2, "eleventh": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, and what must come of it."""

    data: str | bytes
    where: str = ACCEPTED
    reason: str = ""
    """Of what is ignored, the counter's; of what closes, the code."""
    said: str = ""
    """The error code that answers it."""
    topic: str = ""
    """Of what is accepted."""
    odd: int = 0
    """Events of it that are from another version: left out, and counted."""


@dataclass(slots=True)
class Script:
    """What one connection says: `messages`, then `last`, whose fate is unknown if it is mutated."""

    messages: list[Message] = field(default_factory=list[Message])
    last: list[Message] = field(default_factory=list[Message])
    mutated: str | None = None
    closes: int = 0
    """The code that ends it; 0: it stays open."""

    @property
    def size(self) -> int:
        """How many messages it has."""
        return len(self.messages) + len(self.last) + (self.mutated is not None)


class Mix:
    """Writes scripts, chosen from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seq = 0
        self._bad = 0

    def script(self) -> Script:
        """What one connection says."""
        self._seq = self._bad = 0
        made = Script()
        for _ in range(self._random.randint(10, 40)):
            made.messages.append(self._message(self._chosen(_KINDS), made.messages))
        self._end(made)
        return made

    def _chosen(self, weights: dict[str, int]) -> str:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _message(self, kind: str, before: list[Message]) -> Message:
        # The last one may be bad in its turn.
        if kind in ("refused", "bad") and self._bad < MOST_BAD - 1:
            self._bad += 1
            return self._refused() if kind == "refused" else self._unreadable()
        if kind == "unknown_type":
            return self._unknown_type()
        if kind == "unknown_event":
            return self._events([[2, 0, 1, 1], [200, 5, "from the future"]], odd=1)
        known = [message for message in before if message.where == ACCEPTED]
        if kind == "again" and known:
            return Message(self._random.choice(known).data, IGNORED, "duplicate")
        return self._good()

    # -- what is accepted -------------------------------------------------------------------------

    def _good(self) -> Message:
        what = self._random.random()
        seq, now = self._seq + 1, time.time() * 1000
        if what < 0.85:
            return self._events([self._event() for _ in range(self._random.randint(0, 12))])
        self._seq = seq
        if what < 0.90:
            frame: dict[str, Any] = {
                "type": "outcome",
                "intervention": uuid.UUID(int=self._random.getrandbits(128)).hex,
                "kind": self._random.choice(("shown", "clicked", "dismissed", "failed")),
            }
            topic = "outcome.v1"
        elif what < 0.93:
            frame = {"type": "identify", "user_id": f"u{seq}", "traits": {"plan": "pro"}}
            topic = "identity.v1"
        elif what < 0.97:
            frame = {"type": "consent", "analytics": True, "interventions": seq % 2 == 0}
            topic = "behavior.v1"
        else:
            frame, topic = {"type": "reset"}, "behavior.v1"
        return Message(json.dumps({**frame, "seq": seq, "t": now}), topic=topic)

    def _event(self) -> list[Any]:
        pick, number = self._random, self._random.randint(0, 2_000)
        return pick.choice(
            [
                [1, 0, f"/page/{number}", 1],
                [2, 16, number, number / 3],
                [3, 150, number, 300, 1, 0, 1],
                [4, 20, pick.randint(0, 9)],
                [5, 30, number, 4_000],
                [6, 10, 1, number, 1],
                [9, 40, 1, 5, 2, number],
                [13, 5, "TypeError: x is \u00fcndefined \U0001f4a5"],
                [14, 5, number],
                [19, 5, 0, 1.5, -2.5],
                [21, 5, "track", {"n": number, "nested": {"a": [1, None, True]}}],
            ]
        )

    def _events(self, events: list[list[Any]], odd: int = 0) -> Message:
        self._seq += 1
        frame = {"type": "events", "seq": self._seq, "t0": time.time() * 1000 - 5_000}
        data = json.dumps({**frame, "targets": [_BUTTON], "events": events})
        return Message(data, topic="behavior.v1", odd=odd)

    # -- what is not ------------------------------------------------------------------------------

    def _refused(self) -> Message:
        frame, code = self._random.choice(list(_REFUSED.values()))
        self._seq += 1
        return Message(json.dumps({**frame, "seq": self._seq}), IGNORED, "bad_message", code)

    def _unreadable(self) -> Message:
        frame, code = self._random.choice(list(_BAD.values()))
        data = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        return Message(data, IGNORED, "bad_message", code)

    def _unknown_type(self) -> Message:
        frame: dict[str, Any] = {"type": "from-the-future", "what": self._random.random()}
        if self._random.random() < 0.5:
            self._seq += 1
            frame["seq"] = self._seq
        return Message(json.dumps(frame), IGNORED, "unknown_type")

    # -- the end ----------------------------------------------------------------------------------

    def _end(self, script: Script) -> None:
        kind = self._chosen(_ENDS)
        seq = self._seq + 1
        if kind == "mutated":
            script.mutated = self._mutation(str(self._good().data))
        elif kind == "too_large":
            script.last = [Message("x" * (64 * 1024 + 1), CLOSED, "1009")]
            script.closes = 1009
        elif kind == "not_utf8":
            script.last = [Message(b'{"type": "\xff\xfe"}', CLOSED, "1007")]
            script.closes = 1007
        elif kind == "too_many":
            frame = {**FRAMES["W26"][0], "seq": seq}
            script.last = [Message(json.dumps(frame), CLOSED, "4413")]
            script.closes = 4413
        elif kind == "gap":
            self._seq += 5
            script.last = [Message(self._events([]).data, IGNORED, "seq_gap", "seq_gap")]
            script.closes = 4400
        elif kind == "no_consent":
            frame = {"type": "consent", "seq": seq, "analytics": False, "interventions": False}
            script.last = [Message(json.dumps(frame), topic="behavior.v1")]
            script.closes = 4403
        elif kind == "eleventh":
            script.last = [self._unreadable() for _ in range(MOST_BAD + 1 - self._bad)]
            script.closes = 4400

    def _mutation(self, text: str) -> str:
        """A good message with a few of its characters changed, left out or doubled."""
        characters = list(text)
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(characters))
            match self._random.randrange(3):
                case 0:
                    characters[place] = self._random.choice('0123456789{}[],:"-+.eEnull tx\\\x00')
                case 1:
                    del characters[place]
                case _:
                    characters.insert(place, characters[place])
        return "".join(characters)


def tally(scripts: list[Script]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Of what is no mutation: how much must be counted where, and which codes must be heard."""
    counted: Counter[tuple[str, str]] = Counter()
    heard: Counter[str] = Counter()
    for script in scripts:
        for message in (*script.messages, *script.last):
            counted[message.where, message.topic or message.reason] += 1
            if message.said:
                heard[message.said] += 1
    return counted, heard
