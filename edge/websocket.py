"""The WebSocket shell: bytes of a socket into the frames of a page, and back.

Handshakes, closing, fragments and whatever else is rare are left to `websockets`' protocol without
I/O; frames as nearly every client sends them are read at once, without a task, a queue or an object
of the library's a connection (docs/decisions/0006-own-websocket-transport.md).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import ClassVar, Final, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from edge import protocol
from edge.headers import GPC, GPC_REFUSAL, asks_for_privacy, security_headers
from edge.page import TURN, Page
from edge.sources import FORWARDED
from edge.worker import Worker
from hotpath.websocket import ack_frame, pong_frame, read_frames, text_frame

# What clients do wrong is counted, not written.
_LIBRARY_LOG: Final = logging.getLogger("websockets.server")
_LIBRARY_LOG.setLevel(logging.ERROR)
_MAX_REQUEST_BYTES: Final = 16 * 1024
_MAX_FRAGMENTS: Final = 4_096
_PING_AFTER_S: Final = 20.0
_PING_ANSWER_S: Final = 20.0
_CLOSE_WITHIN_S: Final = 2.0
_OPEN_WITHIN_S: Final = 5.0
_RETRY_AFTER_S: Final = "10"
_PING: Final = b"\x89\x00"
_HEAD_END: Final = b"\r\n\r\n"


class WebSocket(asyncio.Protocol):
    """One connection. Its page is there from the handshake on."""

    __slots__ = (
        "_binary", "_closing", "_fragments", "_library", "_page", "_paused", "_reads_s", "_rest",
        "_since_s", "_source", "_transport", "_worker", "due_s",
    )  # fmt: skip

    most_bytes: ClassVar[int] = protocol.MAX_FRAME_BYTES
    """Of a message."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._transport: asyncio.Transport | None = None
        self._page: Page | None = None
        self._source = ""
        self._rest = b""
        """The beginning of a request or frame."""
        self._library: Protocol | None = None
        """Reads everything, once something came that is not read here."""
        self._fragments: list[bytes] = []
        self._binary = False
        """Whether the fragments are of a binary message."""
        self._reads_s = time.monotonic()
        """When it last proved that it reads: by the handshake, then by each pong."""
        self._since_s = self._reads_s
        """Since when a request, a pong or the end is waited for; 0: nothing is."""
        self._closing = False
        self._paused = False
        self.due_s = 0.0
        """When it is to be checked next; 0: each time."""

    # -- asyncio ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._worker.sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the page."""
        self._transport = None
        self._worker.sockets.discard(self)
        # Nothing here may wait for the garbage collector (services.common.collector).
        page, self._page = self._page, None
        library, self._library = self._library, None
        if library is not None:
            library.parser.close()  # it and the library hold each other
        if page is not None:
            self._worker.limits.of_source.free(self._source)
            page.lost()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._page is None:
            self._shake_hands(data)
            return
        if self._library is not None:
            self._read_with_library(data)
        else:
            self._read(data)

    def check(self, now_s: float) -> None:
        """Ping, or give up; called each second or so. `now_s` is monotonic."""
        self.due_s = 0.0
        if self._transport is None or (self._paused and not self._closing):
            return  # paused, the silence is ours
        if self._since_s:
            if now_s - self._since_s > self._patience_s():
                self._worker.counters["silent"] += 1
                self._transport.abort()
        elif self._page is not None:
            if now_s - self._reads_s > _PING_AFTER_S:
                self._since_s = now_s
                self._transport.write(_PING)
            if self._page.check(now_s) and not self._since_s:
                self.due_s = self._reads_s + _PING_AFTER_S

    def abort(self) -> None:
        """Tear the connection down."""
        if self._transport is not None:
            self._transport.abort()

    def _patience_s(self) -> float:
        if self._closing:
            return _CLOSE_WITHIN_S
        return _OPEN_WITHIN_S if self._page is None else _PING_ANSWER_S

    # -- Wire -------------------------------------------------------------------------------------

    def send(self, text: str) -> int:
        """Send a frame; returns the bytes that the client has not taken yet."""
        return self._write(text_frame(text))

    def acknowledge(self, seq: int) -> int:
        """Send the ack of everything up to `seq`, as `send` does."""
        return self._write(ack_frame(seq))

    def _write(self, frame: bytes) -> int:
        transport = self._transport
        if transport is None or self._closing:
            return 0
        transport.write(frame)
        return transport.get_write_buffer_size()

    def hang_up(self, code: int, reason: str) -> None:
        """Close with a code, after what was sent."""
        if self._transport is None or self._closing:
            return
        library = self._take_library()
        if library.state is OPEN:
            library.send_close(code, reason)
        self._send_of(library)

    def pause(self) -> None:
        """Read nothing more for now."""
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if self._since_s and not self._closing:  # a pong may have come meanwhile
            self._since_s = time.monotonic()
        if self._transport is not None and not self._closing:
            self._transport.resume_reading()

    # -- handshake --------------------------------------------------------------------------------

    def _shake_hands(self, data: bytes) -> None:
        assert self._transport is not None
        if self._closing:
            return
        head, end, rest = data.partition(_HEAD_END)
        if not end and len(head) <= _MAX_REQUEST_BYTES:
            self._rest = data
            return
        library = ServerProtocol(
            subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], logger=_LIBRARY_LOG
        )
        library.receive_data(head[:_MAX_REQUEST_BYTES] + _HEAD_END)
        request = next((e for e in library.events_received() if isinstance(e, Request)), None)
        if request is not None:
            peer = self._transport.get_extra_info("peername")
            forwarded = request.headers.get_all(FORWARDED)
            self._source = self._worker.sources.of(peer[0] if peer else "", forwarded)
            response = _answer(self._worker, library, request, self._source)
            response.headers.update(security_headers(self._worker.settings))
            library.send_response(response)
        for part in library.data_to_send():
            if part:
                self._transport.write(part)
        library.parser.close()
        if request is None or library.state is not OPEN:
            self._closing, self._since_s = True, time.monotonic()
            self._transport.close()
            return
        self._worker.counters["connections"] += 1
        self._since_s, self._reads_s = 0.0, time.monotonic()
        self._worker.limits.of_source.take(self._source)
        self._page = self._new_page(request.headers.get("Origin"))
        if rest:
            self._read(rest)

    def _new_page(self, origin: str | None) -> Page:
        return Page(self._worker, self, origin, self._source)

    # -- frames -----------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        assert self._page is not None
        messages, taken, strange = read_frames(data, self.most_bytes)
        if self._library is not None:  # closing has begun
            strange = True
        for place, message in enumerate(messages):
            # An end loses nothing that came before, and a pong says that all before it was heard:
            # neither may come while frames rest.
            if place == TURN and not strange and all(isinstance(m, str) for m in messages[TURN:]):
                self._page.rest_a_turn()
            if isinstance(message, str):
                self._page.receive(message)
            elif message is None:
                self._ponged()
            elif self._transport is not None and not self._closing:
                self._transport.write(pong_frame(message))
                self._count_unread()
        if strange:
            self._take_library()
            self._read_with_library(data[taken:])
        elif taken < len(data):
            self._rest = data[taken:]

    def _count_unread(self) -> None:
        """Pongs pile up too."""
        if self._transport is not None and not self._closing and self._page is not None:
            self._page.unread(self._transport.get_write_buffer_size())

    def _ponged(self) -> None:
        """It reads. What it sends proves nothing: a client may send and never read."""
        if not self._closing:
            self._since_s, self._reads_s = 0.0, time.monotonic()

    def _take_library(self) -> Protocol:
        if self._library is None:
            self._library = Protocol(SERVER, max_size=self.most_bytes, logger=_LIBRARY_LOG)
        return self._library

    def _read_with_library(self, data: bytes) -> None:
        library = self._library
        assert library is not None
        library.receive_data(data)
        answers = iter(library.data_to_send())
        for event in library.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode is Opcode.PING:  # its pong goes out in its turn
                answer = next(answers)
                if self._transport is not None:
                    self._transport.write(answer)
            elif not self._closing:
                self._take(library, event)
        failed = library.close_sent
        if failed is not None and library.close_rcvd is None and not self._closing:
            self._worker.closed[str(int(failed.code))] += 1  # the library's own decision
        self._send_of(library, answers)
        self._count_unread()

    def _take(self, library: Protocol, frame: Frame) -> None:
        assert self._page is not None
        if frame.opcode is Opcode.PONG:
            self._ponged()
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
        self._fragments.append(bytes(frame.data))
        if len(self._fragments) > _MAX_FRAGMENTS:
            library.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        elif frame.fin:
            whole = b"".join(self._fragments)
            self._fragments = []
            try:
                self._page.receive(whole if self._binary else whole.decode())
            except UnicodeDecodeError as error:
                library.fail(CloseCode.INVALID_DATA, f"{error.reason} at {error.start}")

    def _send_of(self, library: Protocol, before: Iterable[bytes] = ()) -> None:
        """Send what the library wants sent, and follow it into closing."""
        if self._transport is None:
            return
        parts = [*before, *library.data_to_send()]
        for part in parts:
            if part:
                self._transport.write(part)
        if library.state is not OPEN and not self._closing:
            self._closing, self._since_s, self.due_s = True, time.monotonic(), 0.0
            self._transport.resume_reading()  # for the client's close frame
        if b"" in parts:
            # Closed with bytes unread, a socket may take back what was sent: the client would not
            # hear why. So what it is still sending is read, and passed over.
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()


def _answer(worker: Worker, library: ServerProtocol, request: Request, source: str) -> Response:
    """Answer a request: a health check, or the upgrade."""
    if request.path in ("/healthz", "/readyz"):
        if worker.draining:
            return library.reject(HTTPStatus.SERVICE_UNAVAILABLE, "draining\n")
        if request.path == "/readyz" and not worker.writer.well:
            return library.reject(HTTPStatus.SERVICE_UNAVAILABLE, "the log is behind\n")
        return library.reject(HTTPStatus.OK, "ok\n")
    if worker.draining:
        return library.reject(HTTPStatus.SERVICE_UNAVAILABLE, "draining, try again\n")
    # `get` raises where a header stands twice.
    if asks_for_privacy(request.headers.get_all(GPC)):
        return library.reject(HTTPStatus.FORBIDDEN, f"{GPC_REFUSAL}\n")
    asked_for = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    if protocol.SUBPROTOCOL not in asked_for:
        return library.reject(HTTPStatus.BAD_REQUEST, "ask for sentientiq.v1\n")
    if worker.limits.of_source.full(source):
        worker.limits.refuse("connections_per_ip")
        response = library.reject(HTTPStatus.TOO_MANY_REQUESTS, "too many open connections\n")
        response.headers["Retry-After"] = _RETRY_AFTER_S
        return response
    return library.accept(request)
