"""The bodies of Segment's API: unpacked, held to their limits, cut into calls."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

MAX_CALL_BYTES = 32 * 1024
MAX_BODY_BYTES = 500 * 1024
MAX_CALLS = 2_500
_GZIP = 16 + zlib.MAX_WBITS
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Every escape, so that the second half of none is taken for one; of surrogates first the pairs.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
TOO_LARGE = f"a request is at most {MAX_BODY_BYTES >> 10} KB"


class BadRequest(Exception):
    """A request of which nothing is taken. `code` is for programs, the text says the mend."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """What one request brings."""

    calls: list[Raw]
    sent_at: object
    """As the client states it; not checked."""
    write_key: str | None
    """The libraries send the key in the body too; some others only there."""


class _Shape(Struct):
    """Tells our own beacons and Segment's batches apart."""

    hello: Raw = Raw()
    batch: Raw = Raw()


class _Batch(Struct, rename="camel"):
    batch: list[Raw]
    sent_at: Any = None
    write_key: str | None = None


class _Single(Struct, rename="camel"):
    sent_at: Any = None
    write_key: str | None = None


_shape = msgspec.json.Decoder(_Shape)
_batch = msgspec.json.Decoder(_Batch)
_single = msgspec.json.Decoder(_Single)


def whose(body: bytes) -> Literal["beacon", "segment", "nobody"]:
    """Tell whose a body of /v1/batch is: our own SDK's, by its hello, or a Segment library's."""
    try:
        shape = _shape.decode(_mended(body))
    except (msgspec.DecodeError, RecursionError):
        return "nobody"
    if bytes(shape.hello):
        return "beacon"
    return "segment" if bytes(shape.batch) else "nobody"


def unpack(body: bytes, encoding: str) -> str:
    """The text of a body.

    Raises:
        BadRequest: it is not what its headers say, or over the limit.
    """
    if encoding == "gzip":
        body = _gunzip(body)
    elif encoding not in ("", "identity"):
        raise BadRequest("bad_encoding", "Content-Encoding: expected gzip or none")
    try:
        return _mended(body).decode()
    except UnicodeDecodeError as error:
        raise BadRequest("bad_json", "expected JSON in UTF-8") from error


def _mended(body: bytes) -> bytes:
    """Half an emoji, cut off by somebody's program, becomes U+FFFD: as it is, it has no UTF-8, and
    nothing of the request could be read."""
    if not _SURROGATE.search(body):
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def _gunzip(packed: bytes) -> bytes:
    """Never makes more than the limit, however well it was packed."""
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(packed, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise BadRequest("bad_encoding", "the body is not gzip, as its header says") from error
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest("too_large", f"{TOO_LARGE}, unpacked")
    if not stream.eof or stream.unused_data:
        raise BadRequest("bad_encoding", "expected one whole gzip member")
    return body


def read_batch(text: str) -> Request:
    """The calls of a batch.

    Raises:
        BadRequest: no batch, or over a limit.
    """
    decoded: _Batch = _decode(_batch, text, "expected {batch: [calls]}")
    if len(decoded.batch) > MAX_CALLS:
        raise BadRequest(
            "too_many", f"a batch has at most {MAX_CALLS} events, this one {len(decoded.batch)}"
        )
    for number, call in enumerate(decoded.batch):
        _check_size(bytes(call), f"event {number}")
    return Request(decoded.batch, decoded.sent_at, decoded.write_key)


def read_single(text: str) -> Request:
    """The one call of a request.

    Raises:
        BadRequest: no object, or over the limit.
    """
    decoded: _Single = _decode(_single, text, "expected an object")
    _check_size(text.encode(), "the event")
    return Request([Raw(text.encode())], decoded.sent_at, decoded.write_key)


def _decode(decoder: msgspec.json.Decoder[Any], text: str, expected: str) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("bad_json", f"{expected}: {error}") from error


def _check_size(call: bytes, what: str) -> None:
    if len(call) > MAX_CALL_BYTES:
        raise BadRequest(
            "too_large",
            f"an event is at most {MAX_CALL_BYTES >> 10} KB, {what} has {len(call)} bytes",
        )
