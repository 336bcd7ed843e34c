"""One page of the crowd: protocol v1 over a WebSocket, as cheap by the frame as Python allows.

The generator shares the machine with what it measures, so it masks with a key of zeros (what the
edge has to do is the same) and reads only what it counts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

_MASK: Final = b"\0\0\0\0"
_ACK: Final = b'{"type":"ack","seq":'
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


def encode_frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """Frame a client's message, whole."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + _MASK + payload


class PageSocket(asyncio.Protocol):
    """One connection of one stream, from handshake to the end of the run.

    `acks` takes (intended send time, latency) pairs, both in ms; `on_frame` every other frame.
    """

    def __init__(
        self,
        hello: dict[str, object],
        host: str,
        acks: array[float],
        on_frame: Callable[[PageSocket, dict[str, object], float], None],
    ) -> None:
        self.stream = str(hello["stream"])
        self.session = ""
        self.resume = ""
        self.seq = 0
        self.acked = 0
        self.held_until_ms = 0.0
        """Until when the edge wants no frames, as it said last."""
        self.deaf = False
        """Whether nothing is read any more."""
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: tuple[int, str] | None = None
        self._hello = hello
        self._host = host
        self._acks = acks
        self._on_frame = on_frame
        self._due_ms: deque[float] = deque()
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None

    @property
    def unacked(self) -> int:
        """Messages sent whose ack is missing."""
        return self.seq - self.acked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET / HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: sentientiq.v1\r\n\r\n".encode()
        )

    def send(self, head: str, tail: str, due_ms: float) -> None:
        """Send the next message, `head` SEQ `tail`, that was meant to go out at `due_ms`."""
        self.seq += 1
        self._due_ms.append(due_ms)
        if self._transport is not None:
            self._transport.write(encode_frame(f"{head}{self.seq}{tail}".encode()))

    def stop_reading(self) -> None:
        """Read nothing from now on, but stay and go on sending."""
        self.deaf = True
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        """Say bye."""
        if self._transport is not None:
            self._transport.write(encode_frame(b'{"type":"bye"}'))

    def abort(self) -> None:
        """Tear the connection down."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what the edge sent."""
        if self._buffer:
            data = self._buffer + data
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            status = data[: data.find(b"\r\n")].decode(errors="replace")
            if " 101 " not in status:
                self._fail(f"no upgrade: {status}")
                return
            self._upgraded = True
            data = data[end + 4 :]
            assert self._transport is not None
            self._transport.write(encode_frame(json.dumps(self._hello).encode()))
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                if size - at < 10:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if size - start < length:
                break
            self._take(data[at] & 0x0F, data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        now_ms = time.time() * 1000
        if payload.startswith(_ACK):
            acked = int(payload[len(_ACK) : -1])
            for _ in range(acked - self.acked):
                due_ms = self._due_ms.popleft()
                self._acks.append(due_ms)
                self._acks.append(now_ms - due_ms)
            self.acked = max(self.acked, acked)
        elif opcode == _TEXT:
            frame: dict[str, object] = json.loads(payload)
            if frame["type"] == "welcome":
                self.session, self.resume = str(frame["session"]), str(frame["resume"])
                if not self.welcomed.done():
                    self.welcomed.set_result(None)
            self._on_frame(self, frame, now_ms)
        elif opcode == _PING and self._transport is not None:
            self._transport.write(encode_frame(payload, _PONG))
        elif opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.closed = (code, payload[2:].decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep why it ended."""
        self._transport = None
        if self.closed is None:
            self.closed = (1006, str(exc or "end of stream"))
        if not self.welcomed.done():
            self._fail(f"closed before welcome: {self.closed}")

    def _fail(self, why: str) -> None:
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionError(why))
        self.abort()
