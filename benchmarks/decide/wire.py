"""Unary gRPC calls over HTTP/2, with as little processor time as Python can: for generators.

grpc.aio takes as much for a call as its server does, and on a machine that both share a generator
on it measures itself. This knows just what one method of one server needs: the first call's headers
go into the peer's table, all others name them by index; the answer's are not read but for the
status at its end.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

Answered = Callable[[int, bytes, bool], None]
"""Told of each answer: the number of its call, the message, and whether it was one."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_TABLE_SIZE, _INITIAL_WINDOW = 1, 4
_LARGEST = 2**31 - 1
_FIRST_DYNAMIC = 62
# As a server that may keep no table writes it, with and without Huffman's code for the name.
_OK = (b"grpc-status\x010", b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x010")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return struct.pack(">BHBBI", size >> 16, size & 0xFFFF, kind, flags, stream) + payload


class Calls(asyncio.Protocol):
    """One connection, one method."""

    def __init__(self, path: str, authority: str, token: str, answered: Answered) -> None:
        fields = (
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority),
            ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "5S"),
            ("authorization", f"Bearer {token}"),
        )  # fmt: skip
        self._first = b"".join(_literal(name, value) for name, value in fields)
        # The newest entry of the table has the lowest index.
        last = _FIRST_DYNAMIC + len(fields) - 1
        self._again = bytes(0x80 | (last - place) for place in range(len(fields)))
        self._answered = answered
        self._headers = self._first
        self._sent = 0
        self._room = 65_535
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._unread = b""
        self._bodies: dict[int, bytes] = {}
        """Of the calls that are not answered yet."""
        self._transport: asyncio.Transport | None = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello; nothing that comes back ever has to wait for room."""
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(">HIHI", _TABLE_SIZE, 0, _INITIAL_WINDOW, _LARGEST)
        room = struct.pack(">I", _LARGEST - self._room)
        self._transport.write(
            _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW, 0, 0, room)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was not answered never will be."""
        if not self.lost.done():
            self.lost.set_result(exc)

    def call(self, message: bytes) -> None:
        """Send a call; they are numbered from 0."""
        stream = 2 * self._sent + 1
        self._sent += 1
        headers = _frame(_HEADERS, _END_HEADERS, stream, self._headers)
        self._headers = self._again
        self._bodies[stream] = b""
        body = struct.pack(">BI", 0, len(message)) + message
        self._waiting.append((len(body), headers + _frame(_DATA, _END_STREAM, stream, body)))
        self._send()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        ready: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= self._room:
            size, frames = self._waiting.popleft()
            self._room -= size
            ready.append(frames)
        if ready and self._transport is not None:
            self._transport.write(b"".join(ready))

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        data = self._unread + data
        at, end = 0, len(data)
        while end - at >= 9:
            size = int.from_bytes(data[at : at + 3], "big")
            if end - at < 9 + size:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            self._take(kind, flags, stream, data[at + 9 : at + 9 + size])
            at += 9 + size
        self._unread = data[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._bodies[stream] += payload
        elif kind == _HEADERS and flags & _END_STREAM:
            body = self._bodies.pop(stream)
            well = any(ok in payload for ok in _OK)
            self._answered(stream >> 1, body[5:], well and len(body) >= 5)
        elif kind == _RESET and self._bodies.pop(stream, None) is not None:
            # A server that refuses a call ends its stream with a status, and then resets it too.
            self._answered(stream >> 1, b"", False)
        elif kind == _WINDOW and stream == 0:
            self._room += int.from_bytes(payload, "big")
            self._send()
        elif kind in (_SETTINGS, _PING) and not flags & _ACK and self._transport is not None:
            self._transport.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _GOAWAY and not self.lost.done():
            self.lost.set_result(None)


def _literal(name: str, value: str) -> bytes:
    """A header field that goes into the peer's table."""
    return b"\x40" + _text(name.encode()) + _text(value.encode())


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, more = len(text) - 127, bytearray([127])
    while rest >= 128:
        more.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*more, rest]) + text
