"""Unary gRPC calls over HTTP/2, with as little processor time as Python can: for generators.

grpc.aio takes more for a call than a server does, and on a machine that both share a generator on
it measures itself. This knows just what one method of one server needs: the first call's headers
go into the peer's table, all others name them by index; the answer's are not read but for the
status at its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from services.common.rpc import frames
from services.common.rpc.frames import END_HEADERS, END_STREAM, Frames, Kind, frame
from services.common.rpc.messages import framed

Answered = Callable[[int, bytes, bool], None]
"""Told of each answer: the number of its call, the message, and whether it was one."""

_FIRST_DYNAMIC = 62
_INTO_THE_TABLE = 0x40
# As a server that may keep no table writes it, with and without Huffman's code for the name.
_OK = (b"grpc-status\x010", b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x010")


class Calls(asyncio.Protocol):
    """One connection, one method."""

    def __init__(self, path: str, authority: str, token: str, answered: Answered) -> None:
        fields = (
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
            ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "5S"),
            ("authorization", f"Bearer {token}"),
        )  # fmt: skip
        self._first = b"".join(
            frames.literal(name, value, _INTO_THE_TABLE) for name, value in fields
        )
        # The newest entry of the table has the lowest index.
        last = _FIRST_DYNAMIC + len(fields) - 1
        self._again = bytes(0x80 | (last - place) for place in range(len(fields)))
        self._answered = answered
        self._headers = self._first
        self._sent = 0
        self._room = frames.FIRST_WINDOW
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._frames = Frames(frames.FIRST_FRAME_BYTES)
        self._bodies: dict[int, bytes] = {}
        """Of the calls that are not answered yet."""
        self._transport: asyncio.Transport | None = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello; nothing that comes back ever has to wait for room."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(
            frames.PREFACE
            + frames.settings(((frames.TABLE_BYTES, 0), (frames.WINDOW, frames.LARGEST)))
            + frames.room(0, frames.LARGEST - frames.FIRST_WINDOW)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was not answered never will be."""
        if not self.lost.done():
            self.lost.set_result(exc)

    def call(self, message: bytes) -> None:
        """Send a call; they are numbered from 0."""
        stream = 2 * self._sent + 1
        self._sent += 1
        headers = frame(Kind.HEADERS, END_HEADERS, stream, self._headers)
        self._headers = self._again
        self._bodies[stream] = b""
        body = framed(message)
        self._waiting.append((len(body), headers + frame(Kind.DATA, END_STREAM, stream, body)))
        self._send()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        ready: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= self._room:
            size, call = self._waiting.popleft()
            self._room -= size
            ready.append(call)
        if ready and self._transport is not None:
            self._transport.write(b"".join(ready))

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        for found in self._frames.take(data):
            self._take(*found)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.DATA:
            self._bodies[stream] += payload
        elif kind == Kind.HEADERS and flags & END_STREAM:
            body = self._bodies.pop(stream)
            well = any(ok in payload for ok in _OK)
            self._answered(stream >> 1, body[5:], well and len(body) >= 5)
        elif kind == Kind.RST_STREAM and self._bodies.pop(stream, None) is not None:
            # A server that refuses a call ends its stream with a status, and then resets it too.
            self._answered(stream >> 1, b"", False)
        elif kind == Kind.WINDOW_UPDATE and stream == 0:
            self._room += frames.number(payload)
            self._send()
        elif (
            kind in (Kind.SETTINGS, Kind.PING)
            and not flags & frames.ACK
            and self._transport is not None
        ):
            self._transport.write(frame(kind, frames.ACK, 0, payload if kind == Kind.PING else b""))
        elif kind == Kind.GOAWAY and not self.lost.done():
            self.lost.set_result(None)
