"""HTTP/2 as far as gRPC needs it (RFC 9113): frames taken apart, frames and header fields made.

Why not h2: docs/decisions/0012-grpc-on-our-own-loop.md. Header blocks are hpack's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST: Final = 2**31 - 1
"""The largest window, and the largest number of a stream."""
FIRST_WINDOW: Final = 65_535
FIRST_FRAME_BYTES: Final = 16_384
END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

# Settings of a peer.
TABLE_BYTES, PUSH, MOST_STREAMS, WINDOW, FRAME_BYTES, HEADER_BYTES = 1, 2, 3, 4, 5, 6

_HEADER: Final = struct.Struct(">HBBBI")
_SETTING: Final = struct.Struct(">HI")
_NUMBER: Final = struct.Struct(">I")


class Kind(IntEnum):
    """What a frame is."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class Fault(Exception):
    """The peer does not speak HTTP/2; the connection cannot go on."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


Frame = tuple[int, int, int, bytes]
"""Kind, flags, stream, payload."""


class Frames:
    """Takes what a socket brings apart."""

    def __init__(self, largest: int) -> None:
        """`largest`: the bytes that a payload may have."""
        self._largest = largest
        self._held = b""

    def take(self, data: bytes) -> list[Frame]:
        """Return the frames that a piece completes.

        Raises:
            Fault: one is too large.
        """
        if self._held:
            data = self._held + data
        found: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= 9:
            high, low, kind, flags, stream = _HEADER.unpack_from(data, at)
            size = high << 8 | low
            if size > self._largest:
                raise Fault(Code.FRAME_SIZE_ERROR, f"a frame of {size} bytes")
            if end - at < 9 + size:
                break
            at += 9
            found.append((kind, flags, stream & LARGEST, data[at : at + size]))
            at += size
        self._held = data[at:]
        return found


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Make a frame."""
    size = len(payload)
    return _HEADER.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """Make a SETTINGS frame."""
    return frame(Kind.SETTINGS, 0, 0, b"".join(_SETTING.pack(*value) for value in values))


def settings_of(payload: bytes) -> Iterator[tuple[int, int]]:
    """Read the settings of a frame.

    Raises:
        Fault: there are none in it, or one that may not be.
    """
    if len(payload) % _SETTING.size:
        raise Fault(Code.FRAME_SIZE_ERROR, f"settings of {len(payload)} bytes")
    for name, value in _SETTING.iter_unpack(payload):
        if name == WINDOW and value > LARGEST:
            raise Fault(Code.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
        if name == FRAME_BYTES and not FIRST_FRAME_BYTES <= value < 1 << 24:
            raise Fault(Code.PROTOCOL_ERROR, f"frames of {value} bytes")
        yield name, value


def room(stream: int, size: int) -> bytes:
    """Make a WINDOW_UPDATE frame."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, _NUMBER.pack(size))


def reset(stream: int, code: Code) -> bytes:
    """Make a RST_STREAM frame."""
    return frame(Kind.RST_STREAM, 0, stream, _NUMBER.pack(code))


def goodbye(last_stream: int, code: Code, reason: str = "") -> bytes:
    """Make a GOAWAY frame."""
    payload = _NUMBER.pack(last_stream) + _NUMBER.pack(code) + reason.encode()[:200]
    return frame(Kind.GOAWAY, 0, 0, payload)


def number(payload: bytes) -> int:
    """Read the payload of WINDOW_UPDATE or RST_STREAM.

    Raises:
        Fault: it is none.
    """
    if len(payload) != _NUMBER.size:
        raise Fault(Code.FRAME_SIZE_ERROR, f"{len(payload)} bytes where a number belongs")
    return int(_NUMBER.unpack(payload)[0])


def content(kind: int, flags: int, payload: bytes) -> bytes:
    """What DATA or HEADERS hold, without padding and priority.

    Raises:
        Fault: there is more padding than payload.
    """
    begin, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise Fault(Code.FRAME_SIZE_ERROR, "padding of no length")
        begin, end = 1, end - payload[0]
    if kind == Kind.HEADERS and flags & HAS_PRIORITY:
        begin += 5
    if begin > end:
        raise Fault(Code.PROTOCOL_ERROR, "more padding than payload")
    return payload[begin:end] if end - begin != len(payload) else payload


def literal(name: str, value: str, first: int = 0x00) -> bytes:
    """A header field in full; `first` 0x40 puts it into the peer's table, 0x00 does not."""
    return bytes([first]) + _text(name.encode()) + _text(value.encode())


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, more = len(text) - 127, bytearray([127])
    while rest >= 128:
        more.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*more, rest]) + text
