"""One HTTP/2 connection of a server: frames in, calls out of them, answers back.

What is ready to go is written once a round of the loop: answers that come together leave together.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final, cast

import grpc
from hpack import HPACKError

from services.common import logs
from services.common.rpc import frames
from services.common.rpc.call import Call
from services.common.rpc.frames import Code, Fault, Frames, Kind
from services.common.rpc.headers import Head, HeaderBlocks
from services.common.rpc.messages import BadMessage, status_fields, timeout_s

if TYPE_CHECKING:
    from services.common.rpc.server import Server

_log = logs.get(__name__)
_STREAM_WINDOW: Final = 1 << 20
_CONNECTION_WINDOW: Final = 32 << 20
_MOST_CALLS: Final = 4_096
_LARGEST_FRAME: Final = 1 << 20
_HEADER_BYTES: Final = 1 << 16
_SETTINGS: Final = frames.settings(
    (
        (frames.MOST_STREAMS, _MOST_CALLS),
        (frames.WINDOW, _STREAM_WINDOW),
        (frames.FRAME_BYTES, _LARGEST_FRAME),
        (frames.HEADER_BYTES, _HEADER_BYTES),
    )
)
# Nothing that is sent goes into a table, so these never change. 0x88: `:status 200`.
_REPLY: Final = b"\x88" + frames.literal("content-type", "application/grpc")
_OK: Final = frames.literal("grpc-status", "0")
_UNSUPPORTED: Final = frames.literal(":status", "415")


class Connection(asyncio.Protocol):
    """A peer, and the calls that it has under way."""

    def __init__(self, server: Server) -> None:
        self.calls: dict[int, Call] = {}
        self.full = False
        """Whether the socket takes no more for now."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(_LARGEST_FRAME)
        self._preface = frames.PREFACE
        self._headers = HeaderBlocks(_HEADER_BYTES)
        self._block: tuple[int, int, bytearray] | None = None
        """Stream, flags and pieces of a header block that has not ended."""
        self._newest = 0
        self._owed = 0
        self._room = frames.FIRST_WINDOW
        self._call_room = frames.FIRST_WINDOW
        self._frame_bytes = frames.FIRST_FRAME_BYTES
        self._out: list[bytes] = []
        self._waiting: dict[Call, asyncio.Future[None]] = {}

    # The socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._server.connections.add(self)
        self._put(_SETTINGS, frames.room(0, _CONNECTION_WINDOW - frames.FIRST_WINDOW))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waited for the answers is gone."""
        self._transport = None
        self._out.clear()
        for call in list(self.calls.values()):
            self._drop(call)
        self._server.lost(self)

    def pause_writing(self) -> None:
        """Whoever does not read is not read either."""
        self.full = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.full = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        for call in list(self._waiting):
            if not call.unsent:
                self._wake(call)

    def data_received(self, data: bytes) -> None:
        """Take frames; a peer that does not speak HTTP/2 is told so, and left."""
        try:
            if self._preface:
                data = self._take_preface(data)
            for found in self._frames.take(data):
                self._take(*found)
        except Fault as error:
            _log.warning("connection is no HTTP/2", why=str(error))
            self._put(frames.goodbye(self._newest, error.code, str(error)))
            self.close()

    def _take_preface(self, data: bytes) -> bytes:
        size = min(len(data), len(self._preface))
        if data[:size] != self._preface[:size]:
            raise Fault(Code.PROTOCOL_ERROR, "it does not begin as HTTP/2 does")
        self._preface = self._preface[size:]
        return data[size:]

    # What the peer says.

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and (kind != Kind.CONTINUATION or stream != self._block[0]):
            raise Fault(Code.PROTOCOL_ERROR, "a header block is cut by another frame")
        if kind == Kind.DATA:
            self._on_data(flags, stream, payload)
        elif kind == Kind.HEADERS:
            block = frames.content(kind, flags, payload)
            self._on_block(stream, flags, bytearray(block), whole=bool(flags & frames.END_HEADERS))
        elif kind == Kind.CONTINUATION:
            if self._block is None:
                raise Fault(Code.PROTOCOL_ERROR, "nothing to continue")
            _, first_flags, begun = self._block
            begun += payload
            self._on_block(stream, first_flags, begun, whole=bool(flags & frames.END_HEADERS))
        elif kind == Kind.WINDOW_UPDATE:
            self._on_room(stream, frames.number(payload))
        elif kind == Kind.RST_STREAM:
            frames.number(payload)
            self._must_have_been(stream)
            if (call := self.calls.get(stream)) is not None:
                self._drop(call)
        elif kind == Kind.SETTINGS and not flags & frames.ACK:
            self._on_settings(payload)
        elif kind == Kind.PING and not flags & frames.ACK:
            if len(payload) != 8:
                raise Fault(Code.FRAME_SIZE_ERROR, f"a ping of {len(payload)} bytes")
            self._put(frames.frame(Kind.PING, frames.ACK, 0, payload))
        elif kind == Kind.PUSH_PROMISE:
            raise Fault(Code.PROTOCOL_ERROR, "a client promises nothing")
        # PRIORITY, GOAWAY and kinds yet unknown ask for nothing.

    def _must_have_been(self, stream: int) -> None:
        if not 0 < stream <= self._newest:
            raise Fault(Code.PROTOCOL_ERROR, f"stream {stream} never began")

    def _on_settings(self, payload: bytes) -> None:
        for name, value in frames.settings_of(payload):
            if name == frames.FRAME_BYTES:
                self._frame_bytes = min(value, _LARGEST_FRAME)
            elif name == frames.WINDOW:
                change, self._call_room = value - self._call_room, value
                for call in self.calls.values():
                    call.room += change
        self._put(frames.frame(Kind.SETTINGS, frames.ACK, 0))
        self._pump_all()

    def _on_room(self, stream: int, size: int) -> None:
        if not 0 < size <= frames.LARGEST:
            raise Fault(Code.PROTOCOL_ERROR, f"room for {size} bytes")
        if stream == 0:
            self._room += size
            if self._room > frames.LARGEST:
                raise Fault(Code.FLOW_CONTROL_ERROR, "more room than a window has")
            self._pump_all()
            return
        self._must_have_been(stream)
        call = self.calls.get(stream)
        if call is not None:
            call.room += size
            if call.room > frames.LARGEST:
                raise Fault(Code.FLOW_CONTROL_ERROR, "more room than a window has")
            self._pump(call)

    def _on_block(self, stream: int, flags: int, block: bytearray, *, whole: bool) -> None:
        if len(block) > _HEADER_BYTES:
            raise Fault(Code.ENHANCE_YOUR_CALM, "headers are too large")
        if not whole:
            self._block = stream, flags, block
            return
        self._block = None
        try:
            head = self._headers.decode(bytes(block))
        except HPACKError as error:
            raise Fault(Code.COMPRESSION_ERROR, f"headers: {error}") from error
        if stream > self._newest and stream % 2:
            self._newest = stream
            self._begin(stream, head)
        else:  # trailers, of which gRPC's clients have none
            self._must_have_been(stream)
        if flags & frames.END_STREAM:
            self._on_end(stream)

    def _begin(self, stream: int, head: Head) -> None:
        if len(self.calls) >= _MOST_CALLS:
            self._put(frames.reset(stream, Code.REFUSED_STREAM))
            return
        headers = head.fields
        if not headers.get("content-type", "").startswith("application/grpc"):
            ends = frames.END_HEADERS | frames.END_STREAM
            self._put(frames.frame(Kind.HEADERS, ends, stream, _UNSUPPORTED))
            return
        try:
            within_s = timeout_s(headers["grpc-timeout"]) if "grpc-timeout" in headers else None
        except ValueError as error:
            self._refuse(stream, grpc.StatusCode.INTERNAL, str(error))
            return
        method = self._server.methods.get(headers.get(":path", ""))
        if method is None:
            self._refuse(stream, grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
            return
        call = Call(self, stream, head.metadata, within_s, method.encode)
        call.room = self._call_room
        self.calls[stream] = call
        method.serve(call)

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._must_have_been(stream)
        self._owed += len(payload)
        if self._owed >= _CONNECTION_WINDOW // 4:
            self._put(frames.room(0, self._owed))
            self._owed = 0
        call = self.calls.get(stream)
        if call is None:  # refused, or answered before it was read
            return
        try:
            call.feed(frames.content(Kind.DATA, flags, payload), len(payload))
        except BadMessage as error:
            self.finish(call, error.code, str(error))
            return
        if call.owed > _STREAM_WINDOW:
            raise Fault(Code.FLOW_CONTROL_ERROR, "more than there was room for")
        if flags & frames.END_STREAM:
            self._on_end(stream)

    def _on_end(self, stream: int) -> None:
        call = self.calls.get(stream)
        if call is None:
            return
        call.end()
        if call.cut:
            self.finish(call, grpc.StatusCode.INTERNAL, "the request ended in its middle")

    # Answers.

    def _refuse(self, stream: int, code: grpc.StatusCode, details: str) -> None:
        """Answer a call that never began."""
        ends = frames.END_HEADERS | frames.END_STREAM
        self._put(frames.frame(Kind.HEADERS, ends, stream, _REPLY + _status(code, details)))

    def give_room(self, stream: int, size: int) -> None:
        """Let the peer send as much again in a call."""
        self._put(frames.room(stream, size))

    def begin(self, call: Call) -> None:
        """Send the headers of an answer."""
        call.began = True
        if self._lives(call):
            self._put(frames.frame(Kind.HEADERS, frames.END_HEADERS, call.stream_id, _REPLY))

    def send(self, call: Call, data: bytes) -> None:
        """Send a piece of an answer, as far as there is room; the rest follows by itself."""
        if not self._lives(call):
            return
        if not call.began:
            self.begin(call)
        if not call.unsent and len(data) <= min(self._room, call.room, self._frame_bytes):
            self._room -= len(data)
            call.room -= len(data)
            self._put(frames.frame(Kind.DATA, 0, call.stream_id, data))
            return
        call.unsent += data
        self._pump(call)

    def finish(self, call: Call, code: grpc.StatusCode, details: str) -> None:
        """End a call, whether its handler is done or not, with all that it wrote before."""
        if call.over:
            return
        call.code, call.details, call.over = code, details, True
        if call.task is not None and call.task is not asyncio.current_task():
            call.task.cancel()
        if self._lives(call):
            self._pump(call)

    async def drained(self, call: Call) -> None:
        """Wait until what a call has written is on its way."""
        if not self._lives(call):
            return
        waiting = self._waiting[call] = self._loop.create_future()
        try:
            await waiting
        finally:
            del self._waiting[call]

    def _lives(self, call: Call) -> bool:
        return self._transport is not None and self.calls.get(call.stream_id) is call

    def _pump(self, call: Call) -> None:
        """Send what the peer has room for; the status when all is sent."""
        unsent = call.unsent
        while unsent:
            size = min(len(unsent), self._room, call.room, self._frame_bytes)
            if size <= 0:
                return
            self._room -= size
            call.room -= size
            self._put(frames.frame(Kind.DATA, 0, call.stream_id, bytes(unsent[:size])))
            del unsent[:size]
        if call.over:
            self._end(call)
        elif not self.full:
            self._wake(call)

    def _pump_all(self) -> None:
        for call in list(self.calls.values()):
            if call.unsent:
                self._pump(call)

    def _end(self, call: Call) -> None:
        fields = _status(call.code, call.details)
        ends = frames.END_HEADERS | frames.END_STREAM
        block = fields if call.began else _REPLY + fields
        self._put(frames.frame(Kind.HEADERS, ends, call.stream_id, block))
        if not call.ended:
            # The caller may go on sending what nobody will read.
            self._put(frames.reset(call.stream_id, Code.NO_ERROR))
        self._forget(call)

    def _drop(self, call: Call) -> None:
        """Give a call up that nobody waits for any more."""
        call.over = True
        if call.task is not None:
            call.task.cancel()
        self._forget(call)

    def _forget(self, call: Call) -> None:
        del self.calls[call.stream_id]
        self._wake(call)
        self._server.ended(self)

    def _wake(self, call: Call) -> None:
        waiting = self._waiting.get(call)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _put(self, *pieces: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += pieces

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    # The end.

    def say_goodbye(self) -> None:
        """Ask the peer to open no more calls here; those under way go on."""
        self._put(frames.goodbye(frames.LARGEST, Code.NO_ERROR, "the server stops"))

    def close(self) -> None:
        """Hang up, once what is written is out."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()


def _status(code: grpc.StatusCode, details: str) -> bytes:
    if code is grpc.StatusCode.OK and not details:
        return _OK
    return b"".join(frames.literal(*field) for field in status_fields(code, details))
