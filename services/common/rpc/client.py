"""The client's side of one long call with messages both ways, on a connection of its own.

For hundreds of messages a second; other calls take `channels.connect`. Reads like a call of
grpc.aio, and fails like one: with `grpc.aio.AioRpcError`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Self, cast

import grpc
import grpc.aio
from hpack import Decoder, HPACKError

from services.common.rpc import frames
from services.common.rpc.frames import Code, Fault, Frames, Kind
from services.common.rpc.messages import BadMessage, Messages, framed, status_of

_STREAM: Final = 1
_WINDOW: Final = 8 << 20
_CONNECT_WITHIN_S: Final = 2.0
_PING_EACH_S: Final = 10.0
_PONG_WITHIN_S: Final = 3.0
_PING: Final = frames.frame(Kind.PING, 0, 0, b"siq-ping")


class Channel:
    """Where calls go to; nothing is opened before the first."""

    def __init__(self, address: str) -> None:
        """`address`: host:port."""
        self.address = address
        self._calls: set[Duplex] = set()

    def stream_stream(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
    ) -> Callable[..., Duplex]:
        """A method with messages both ways; called with `metadata`, it opens a call."""

        def call(metadata: grpc.aio.Metadata | None = None) -> Duplex:
            made = Duplex(self.address, path, metadata, request_serializer, response_deserializer)
            self._calls.add(made)
            made.when_done(self._calls.discard)
            return made

        return call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the calls that are open."""
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        for call in calls:
            await call.closed()


class Duplex(asyncio.Protocol):
    """A call, and the connection that it has for itself."""

    def __init__(
        self,
        address: str,
        path: str,
        metadata: grpc.aio.Metadata | None,
        encode: Callable[[Any], bytes],
        decode: Callable[[bytes], Any],
    ) -> None:
        self._address = address
        fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", address),
            ("te", "trailers"), ("content-type", "application/grpc"), *(metadata or ()),
        ]  # fmt: skip
        self._head = b"".join(frames.literal(str(name), str(value)) for name, value in fields)
        self._encode = encode
        self._decode = decode
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(frames.FIRST_FRAME_BYTES)
        self._headers = Decoder()
        self._block = bytearray()
        self._messages = Messages()
        self._answers: deque[Any] = deque()
        self._owed = 0
        self._room = self._call_room = frames.FIRST_WINDOW
        self._first_room = frames.FIRST_WINDOW
        self._frame_bytes = frames.FIRST_FRAME_BYTES
        self._full = False
        self._changed: set[asyncio.Future[None]] = set()
        self._began = False
        self._end: tuple[grpc.StatusCode, str] | None = None
        self._ears: list[Callable[[Duplex], None]] = []
        self._pong_due: asyncio.TimerHandle | None = None
        self._ping_due: asyncio.TimerHandle | None = None
        self._opening = self._loop.create_task(self._open())

    async def _open(self) -> None:
        host, _, port = self._address.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await self._loop.create_connection(lambda: self, host.strip("[]"), int(port))
        except (OSError, TimeoutError, ValueError) as error:
            why = str(error) or "it did not answer"
            self._finish(grpc.StatusCode.UNAVAILABLE, f"cannot reach {self._address}: {why}")

    # What is asked of a call.

    def done(self) -> bool:
        """Whether it has ended."""
        return self._end is not None

    def when_done(self, ear: Callable[[Duplex], None]) -> None:
        """Hear when it has ended."""
        self._ears.append(ear)

    async def initial_metadata(self) -> None:
        """Wait until the call is served, or has ended."""
        while not self._began and self._end is None:
            await self._change()

    async def write(self, message: Any) -> None:
        """Send a message; wait while the peer takes no more.

        Raises:
            AioRpcError: the call has ended.
        """
        data = framed(self._encode(message))
        at = 0
        while at < len(data):
            if self._end is not None:
                raise self._error()
            size = min(len(data) - at, self._room, self._call_room, self._frame_bytes)
            if size <= 0 or self._full or self._transport is None:
                await self._change()
                continue
            self._room -= size
            self._call_room -= size
            self._transport.write(frames.frame(Kind.DATA, 0, _STREAM, data[at : at + size]))
            at += size

    async def read(self) -> Any:
        """The next answer; `grpc.aio.EOF` after the last one.

        Raises:
            AioRpcError: the call has failed.
        """
        while not self._answers:
            if self._end is not None:
                if self._end[0] is grpc.StatusCode.OK:
                    return grpc.aio.EOF
                raise self._error()
            await self._change()
        return self._answers.popleft()

    def cancel(self) -> None:
        """End it from here."""
        if self._end is None:
            if self._transport is not None:
                self._transport.write(frames.reset(_STREAM, Code.CANCEL))
            self._finish(grpc.StatusCode.CANCELLED, "cancelled here")

    async def closed(self) -> None:
        """Wait until its connection is gone, too."""
        while self._transport is not None:
            await self._change()

    def _error(self) -> grpc.aio.AioRpcError:
        code, details = self._end or (grpc.StatusCode.UNKNOWN, "")
        nothing = grpc.aio.Metadata()
        return grpc.aio.AioRpcError(code, nothing, nothing, details=details)

    async def _change(self) -> None:
        """Wait until anything is different."""
        changed = self._loop.create_future()
        self._changed.add(changed)
        try:
            await changed
        finally:
            self._changed.discard(changed)

    def _tell(self) -> None:
        for changed in self._changed:
            if not changed.done():
                changed.set_result(None)

    def _finish(self, code: grpc.StatusCode, details: str) -> None:
        if self._end is not None:
            return
        self._end = code, details
        self._opening.cancel()
        for timer in (self._ping_due, self._pong_due):
            if timer is not None:
                timer.cancel()
        if self._transport is not None:
            self._transport.close()
        for ear in self._ears:
            ear(self)
        self._tell()

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, and begin the call."""
        self._transport = cast("asyncio.Transport", transport)
        if self._end is not None:  # cancelled meanwhile
            self._transport.close()
            return
        self._transport.write(
            frames.PREFACE
            + frames.settings(((frames.PUSH, 0), (frames.WINDOW, _WINDOW)))
            + frames.room(0, _WINDOW - frames.FIRST_WINDOW)
            + frames.frame(Kind.HEADERS, frames.END_HEADERS, _STREAM, self._head)
        )
        self._ping_due = self._loop.call_later(_PING_EACH_S, self._ping)
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was not answered never will be."""
        self._transport = None
        self._finish(grpc.StatusCode.UNAVAILABLE, f"the connection broke: {exc or 'closed'}")
        self._tell()

    def pause_writing(self) -> None:
        """Writers wait."""
        self._full = True

    def resume_writing(self) -> None:
        """Writers go on."""
        self._full = False
        self._tell()

    def _ping(self) -> None:
        if self._transport is not None:
            self._transport.write(_PING)
            self._pong_due = self._loop.call_later(_PONG_WITHIN_S, self._unheard)

    def _unheard(self) -> None:
        self._finish(grpc.StatusCode.UNAVAILABLE, f"no pong within {_PONG_WITHIN_S:.0f} s")

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        try:
            for found in self._frames.take(data):
                self._take(*found)
        except (Fault, HPACKError) as error:
            self._finish(grpc.StatusCode.INTERNAL, f"the peer is no gRPC server: {error}")
        except BadMessage as error:
            self._finish(error.code, str(error))
        self._tell()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.DATA and stream == _STREAM:
            for message in self._messages.take(frames.content(kind, flags, payload)):
                self._answers.append(self._decode(message))
            self._give_room(len(payload))
        elif kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._block += frames.content(kind, flags, payload)
            if flags & frames.END_HEADERS:
                self._on_headers()
        elif kind == Kind.WINDOW_UPDATE:
            size = frames.number(payload)
            if stream:
                self._call_room += size
            else:
                self._room += size
        elif kind == Kind.SETTINGS and not flags & frames.ACK:
            self._on_settings(payload)
        elif kind == Kind.PING:
            self._on_ping(flags, payload)
        elif kind == Kind.RST_STREAM and stream == _STREAM:
            self._finish(grpc.StatusCode.UNAVAILABLE, f"reset, code {frames.number(payload)}")
        elif kind == Kind.GOAWAY and int.from_bytes(payload[4:8], "big") != Code.NO_ERROR:
            why = payload[8:].decode("utf-8", "replace")
            self._finish(grpc.StatusCode.UNAVAILABLE, f"the peer hangs up: {why}")

    def _on_headers(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        fields = {
            str(name, "latin-1"): str(value, "latin-1")
            for name, value in self._headers.decode(block, raw=True)
        }
        status = fields.get(":status", "200")
        if status != "200":
            self._finish(grpc.StatusCode.UNAVAILABLE, f"the peer answers with HTTP {status}")
        elif "grpc-status" in fields:
            self._finish(*status_of(fields))
        else:
            self._began = True

    def _on_settings(self, payload: bytes) -> None:
        for name, value in frames.settings_of(payload):
            if name == frames.WINDOW:
                self._call_room += value - self._first_room
                self._first_room = value
            elif name == frames.FRAME_BYTES:
                self._frame_bytes = min(value, 1 << 20)
        if self._transport is not None:
            self._transport.write(frames.frame(Kind.SETTINGS, frames.ACK, 0))

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if not flags & frames.ACK:
            if self._transport is not None:
                self._transport.write(frames.frame(Kind.PING, frames.ACK, 0, payload))
        elif self._pong_due is not None:
            self._pong_due.cancel()
            self._pong_due = None
            self._ping_due = self._loop.call_later(_PING_EACH_S, self._ping)

    def _give_room(self, size: int) -> None:
        self._owed += size
        if self._owed >= _WINDOW // 4 and self._transport is not None:
            self._transport.write(frames.room(0, self._owed) + frames.room(_STREAM, self._owed))
            self._owed = 0


def connect_plain(address: str) -> Channel:
    """Open a lazy channel that adds nothing to its calls."""
    return Channel(address)
