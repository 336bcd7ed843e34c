"""What the sandbox received, in memory, the oldest forgotten first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

CAPACITY = 10_000
_MAX_FOLLOWERS = 64
_FOLLOWER_BUFFER = 1_000


@dataclass(slots=True)
class Received:
    """One message that a person would have got."""

    id: int
    provider: str
    to: str
    sender: str
    body: str
    received_at_ms: float
    """Wall clock when the request arrived."""
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    def as_json(self) -> dict[str, Any]:
        """The shape of the API."""
        shape = asdict(self)
        shape["from"] = shape.pop("sender")
        return shape


class Inbox:
    """Keeps and hands out messages."""

    def __init__(self) -> None:
        self._messages: deque[Received] = deque(maxlen=CAPACITY)
        self._followers: set[asyncio.Queue[Received]] = set()
        self._last_id = 0

    def add(
        self,
        provider: str,
        *,
        to: str,
        sender: str,
        body: str,
        received_at_ms: float,
        details: dict[str, Any] | None = None,
    ) -> Received:
        """Keep a message and tell whoever follows."""
        self._last_id += 1
        message = Received(self._last_id, provider, to, sender, body, received_at_ms, details or {})
        self._messages.append(message)
        self.tell(message)
        return message

    def tell(self, message: Received) -> None:
        """Tell whoever follows of a message that is new, or changed."""
        for follower in self._followers:
            if not follower.full():  # one who does not read misses some, the others none
                follower.put_nowait(message)

    def find(self, message_id: int) -> Received | None:
        """One of them, unless it is forgotten."""
        return next((one for one in self._messages if one.id == message_id), None)

    def list(self, *, provider: str = "", to: str = "", after_id: int = 0) -> list[Received]:
        """Messages, newest last."""
        return [
            one
            for one in self._messages
            if one.id > after_id
            and (not provider or one.provider == provider)
            and (not to or one.to == to)
        ]

    def clear(self) -> None:
        """Forget everything; ids go on."""
        self._messages.clear()

    @property
    def crowded(self) -> bool:
        """Whether nobody more may follow."""
        return len(self._followers) >= _MAX_FOLLOWERS

    async def follow(self) -> AsyncIterator[Received]:
        """Yield each message from now on, again when it changes."""
        queue: asyncio.Queue[Received] = asyncio.Queue(_FOLLOWER_BUFFER)
        self._followers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.discard(queue)
