"""One call as its handler sees it: the part of grpc.aio's `ServicerContext` that we use."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import grpc.aio

from services.common.rpc.messages import Messages, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.common.rpc.connection import Connection

# Of a stream whose handler is behind, what may wait here; then the peer waits.
_PLENTY_BYTES: Final = 1 << 20
# Less than that is not worth a frame; the peer has the rest of its window.
_ROOM_BYTES: Final = 1 << 18


class Call:
    """A call that has begun.

    Requests come in through `feed` and `end`, from the connection; the handler reads and writes.
    """

    def __init__(
        self,
        connection: Connection,
        stream_id: int,
        metadata: tuple[tuple[str, str], ...],
        timeout_s: float | None,
        encode: Callable[[Any], bytes] | None,
    ) -> None:
        """`encode` makes bytes of what is written; None: it is bytes."""
        self.stream_id = stream_id
        self.task: asyncio.Task[None] | None = None
        self.code = grpc.StatusCode.OK
        self.details = ""
        self.began = False
        """Whether headers went out."""
        self.room = 0
        """How many bytes the caller takes of this call."""
        self.owed = 0
        """What the caller has sent and was not given room for again."""
        self.unsent = bytearray()
        """What is written and has found no room on the way yet."""
        self.ended = False
        """Whether all requests are here."""
        self.over = False
        """Whether the handler is done: what is unsent goes out, and then the status."""
        self._connection = connection
        self._metadata = metadata
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._encode = encode
        self._parts = Messages()
        self._requests: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._wake: asyncio.Future[None] | None = None

    # What the connection tells.

    def feed(self, data: bytes, owed: int) -> None:
        """Take a piece of the requests; `owed`: the room that it took on the way.

        Raises:
            BadMessage: what it completes cannot be taken.
        """
        for message in self._parts.take(data):
            self._requests.append(message)
            self._waiting_bytes += len(message)
        self.owed += owed
        self._settle()
        self._rouse()

    def end(self) -> None:
        """No more requests will come."""
        self.ended = True
        self._rouse()

    @property
    def cut(self) -> bool:
        """Whether the last request ended in its middle."""
        return self.ended and self._parts.partial

    def _settle(self) -> None:
        """Give room back, unless the handler is behind."""
        if self.owed >= _ROOM_BYTES and self._waiting_bytes <= _PLENTY_BYTES:
            owed, self.owed = self.owed, 0
            self._connection.give_room(self.stream_id, owed)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # What handlers ask for.

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """The caller's metadata."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline, if it set one."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    async def read(self) -> Any:
        """The next request as bytes; `grpc.aio.EOF` after the last one."""
        while not self._requests:
            if self.ended:
                return grpc.aio.EOF
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        message = self._requests.popleft()
        self._waiting_bytes -= len(message)
        self._settle()
        return message

    async def send_initial_metadata(self, metadata: tuple[()]) -> None:
        """Tell the caller that the call is served, before there is an answer; of it, nothing."""
        if metadata:
            raise NotImplementedError("no method of ours has metadata to send")
        if not self.began:
            self._connection.begin(self)

    def put(self, message: Any) -> None:
        """Send an answer, and do not wait."""
        self._connection.send(self, framed(self._encode(message) if self._encode else message))

    async def write(self, message: Any) -> None:
        """Send an answer; wait while the caller takes no more."""
        self.put(message)
        if self.unsent or self._connection.full:
            await self._connection.drained(self)
        else:  # others have a turn, and what is written leaves
            await asyncio.sleep(0)

    def finish(self, code: grpc.StatusCode, details: str) -> None:
        """End the call from outside of its handler."""
        self._connection.finish(self, code, details)

    def expire(self) -> None:
        """End the call, for the caller's deadline has passed."""
        self.finish(grpc.StatusCode.DEADLINE_EXCEEDED, "the caller's deadline has passed")

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        """End the call with a status."""
        self.code, self.details = code, details
        raise grpc.aio.AbortError(details)
