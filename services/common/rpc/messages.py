"""What gRPC lays on top of HTTP/2: messages with their length, deadlines, statuses.

As https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md has them.
"""

from __future__ import annotations

import struct
from typing import Final
from urllib.parse import quote, unquote

import grpc

MOST_BYTES: Final = 16 << 20
"""What a message may have at most that is taken."""

_PREFIX: Final = struct.Struct(">BI")
_UNITS_S: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_CODES: Final = {str(code.value[0]): code for code in grpc.StatusCode}
# Printable ASCII stays as it is; "%" itself does not.
_PLAIN: Final = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) != "%")


class BadMessage(Exception):
    """A message that cannot be taken; `code` answers it."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Messages:
    """Puts the messages of one direction of a call together, from pieces of any size."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._held)

    def take(self, data: bytes) -> list[bytes]:
        """Take a piece and return the messages that it completes.

        Raises:
            BadMessage: one is compressed, or larger than `MOST_BYTES`.
        """
        if not self._held and len(data) >= 5:
            size = _size(data)
            if len(data) == 5 + size:  # nearly always
                return [data[5:]]
        self._held += data
        found: list[bytes] = []
        at = 0
        while len(self._held) - at >= 5:
            size = _size(self._held, at)
            if len(self._held) - at < 5 + size:
                break
            found.append(bytes(self._held[at + 5 : at + 5 + size]))
            at += 5 + size
        del self._held[:at]
        return found


def _size(data: bytes | bytearray, at: int = 0) -> int:
    compressed, size = _PREFIX.unpack_from(data, at)
    if compressed:
        raise BadMessage(grpc.StatusCode.UNIMPLEMENTED, "compressed messages are not taken")
    if size > MOST_BYTES:
        raise BadMessage(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"the message has {size} bytes, {MOST_BYTES} are the most",
        )
    return int(size)


def framed(message: bytes) -> bytes:
    """A message with its length, uncompressed."""
    return _PREFIX.pack(0, len(message)) + message


def timeout_s(value: str) -> float:
    """Read `grpc-timeout`.

    Raises:
        ValueError: it is none.
    """
    digits, unit = value[:-1], value[-1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 8 and unit in _UNITS_S):
        raise ValueError(f"{value!r} is no timeout: up to eight digits and one of HMSmun")
    return int(digits) * _UNITS_S[unit]


def status_fields(code: grpc.StatusCode, details: str) -> list[tuple[str, str]]:
    """The trailers that end a call."""
    fields = [("grpc-status", str(code.value[0]))]
    if details:
        fields.append(("grpc-message", quote(details, safe=_PLAIN)))
    return fields


def status_of(fields: dict[str, str]) -> tuple[grpc.StatusCode, str]:
    """Read the trailers of a call; without a status it is UNKNOWN."""
    code = _CODES.get(fields.get("grpc-status", ""), grpc.StatusCode.UNKNOWN)
    return code, unquote(fields.get("grpc-message", ""))
