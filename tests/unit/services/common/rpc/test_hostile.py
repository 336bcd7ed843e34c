"""Peers that do not speak HTTP/2 as it is written: each is told what is wrong, and left."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import grpc
import grpc.aio
import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from services.common.rpc import frames
from services.common.rpc.frames import Code, Frames, Kind, frame
from services.common.rpc.messages import framed
from tests.unit.services.common.rpc.rpc_line import method, served

_HEADERS = Encoder().encode(
    [
        (":method", "POST"),
        (":path", method("One")),
        ("content-type", "application/grpc"),
    ],
    huffman=False,
)
_GREETING = frames.PREFACE + frames.settings([])
_WHOLE = frames.END_HEADERS
_ONE = frame(Kind.HEADERS, _WHOLE, 1, _HEADERS)
_ASKED = _ONE + frame(Kind.DATA, frames.END_STREAM, 1, b"\0\0\0\0\2hi")


async def heard(address: str, said: bytes) -> list[frames.Frame]:
    """What the server says to that, until it hangs up or has answered."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(said)
    parser = Frames(1 << 24)
    found: list[frames.Frame] = []
    async with asyncio.timeout(10):
        while data := await reader.read(65_536):
            found += parser.take(data)
            if any(kind == Kind.HEADERS and flags & frames.END_STREAM for kind, flags, *_ in found):
                break
    writer.close()
    return found


def window(stream: int, size: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Code.PROTOCOL_ERROR),
        (_GREETING + b"\xff" * 9, Code.FRAME_SIZE_ERROR),
        (_GREETING + frame(Kind.SETTINGS, 0, 0, b"x"), Code.FRAME_SIZE_ERROR),
        (_GREETING + frames.settings([(frames.FRAME_BYTES, 1)]), Code.PROTOCOL_ERROR),
        (_GREETING + frames.settings([(frames.WINDOW, 2**31)]), Code.FLOW_CONTROL_ERROR),
        (_GREETING + frame(Kind.PING, 0, 0, b"short"), Code.FRAME_SIZE_ERROR),
        (_GREETING + frame(Kind.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (_GREETING + frame(Kind.RST_STREAM, 0, 7, bytes(4)), Code.PROTOCOL_ERROR),
        (_GREETING + window(0, 0), Code.PROTOCOL_ERROR),
        (_GREETING + window(0, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
        (_GREETING + window(9, 1), Code.PROTOCOL_ERROR),
        (_GREETING + frame(Kind.CONTINUATION, _WHOLE, 1, _HEADERS), Code.PROTOCOL_ERROR),
        (
            _GREETING + frame(Kind.HEADERS, 0, 1, _HEADERS) + frame(Kind.PING, 0, 0, bytes(8)),
            Code.PROTOCOL_ERROR,
        ),
        (_GREETING + frame(Kind.HEADERS, _WHOLE, 2, _HEADERS), Code.PROTOCOL_ERROR),
        (_GREETING + frame(Kind.HEADERS, _WHOLE, 1, b"\xff\xff\xff\xff"), Code.COMPRESSION_ERROR),
        (_GREETING + frame(Kind.PUSH_PROMISE, _WHOLE, 1, bytes(4)), Code.PROTOCOL_ERROR),
        (
            _GREETING + frame(Kind.HEADERS, _WHOLE | frames.PADDED, 1, b"\xff" + _HEADERS),
            Code.PROTOCOL_ERROR,
        ),
        (
            _GREETING
            + frame(Kind.HEADERS, 0, 1, _HEADERS)
            + frame(Kind.CONTINUATION, 0, 1, bytes(40_000)) * 2,
            Code.ENHANCE_YOUR_CALM,
        ),
    ],
    ids=[
        "HTTP/1.1", "frame too large", "settings cut", "tiny frames", "window too large",
        "ping cut", "data before headers", "reset of nothing", "room for nothing",
        "room for too much", "room of nothing", "continuation of nothing", "block cut",
        "even stream", "bad headers", "promise", "padding too long", "headers too large",
    ],
)  # fmt: skip
async def test_a_fault_ends_the_connection_with_its_code(said: bytes, code: Code):
    async with served() as (_, server, address):
        found = await heard(address, said)
        kind, _, _, payload = found[-1]
        assert kind == Kind.GOAWAY
        assert int.from_bytes(payload[4:8], "big") == code
        async with asyncio.timeout(5):
            while server.connections:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "said",
    [
        _GREETING + _ASKED,
        _GREETING + frame(99, 0xFF, 0, b"a kind yet unknown") + _ASKED,
        _GREETING + frame(Kind.PRIORITY, 0, 1, bytes(5)) + _ASKED,
        _GREETING
        + frame(Kind.HEADERS, frames.PADDED | frames.HAS_PRIORITY, 1, b"\3" + bytes(5)
                + _HEADERS[:9] + bytes(3))
        + frame(Kind.CONTINUATION, 0, 1, _HEADERS[9:20])
        + frame(Kind.CONTINUATION, _WHOLE, 1, _HEADERS[20:])
        + frame(Kind.DATA, frames.PADDED, 1, b"\2\0\0\0\0" + bytes(2))
        + frame(Kind.DATA, frames.END_STREAM, 1, b"\2hi"),
    ],
    ids=["plain", "unknown kind", "priority", "padded and in pieces"],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1, 7, 1_000])
async def test_what_is_allowed_is_understood_in_pieces_of_any_size(said: bytes, piece: int):
    async with served() as (_, _, address):
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for at in range(0, len(said), piece):
            writer.write(said[at : at + piece])
            await asyncio.sleep(0)
        parser = Frames(1 << 24)
        found: list[frames.Frame] = []
        async with asyncio.timeout(10):
            while not any(kind == Kind.DATA for kind, *_ in found):
                found += parser.take(await reader.read(65_536))
        answers = [payload for kind, _, _, payload in found if kind == Kind.DATA]
        assert answers == [b"\0\0\0\0\2hi"]
        writer.close()


async def test_whoever_sends_more_than_there_is_room_for_is_left():
    slow = Encoder().encode(
        [(":method", "POST"), (":path", method("Slow")), ("content-type", "application/grpc")]
    )
    message = frame(Kind.DATA, 0, 1, framed(bytes(100_000)))
    async with served() as (_, _, address):
        found = await heard(
            address, _GREETING + frame(Kind.HEADERS, _WHOLE, 1, slow) + message * 20
        )
        kind, _, _, payload = found[-1]
        assert kind == Kind.GOAWAY
        assert int.from_bytes(payload[4:8], "big") == Code.FLOW_CONTROL_ERROR


async def test_what_is_no_grpc_is_answered_415():
    plain = Encoder().encode([(":method", "GET"), (":path", "/")])
    async with served() as (_, _, address):
        found = await heard(address, _GREETING + frame(Kind.HEADERS, _WHOLE | 1, 1, plain))
    assert found[-1][3].endswith(b"415")


async def test_a_request_that_ends_in_its_middle_is_refused():
    cut = _ONE + frame(Kind.DATA, frames.END_STREAM, 1, b"\0\0\0\0\x09hi")
    async with served() as (_, _, address):
        found = await heard(address, _GREETING + cut)
    assert b"ended in its middle" in found[-1][3]


kinds = st.one_of(st.integers(0, 10), st.sampled_from([0, 1, 1, 3, 8, 9]))
streams = st.sampled_from([0, 1, 1, 1, 2, 3, 3, 5, 2**31 - 1])
payloads = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([_HEADERS, b"\0\0\0\0\2hi", b"\0\0\0\0\0", bytes(4), b"\0\0\1\0"]),
)
anything = st.lists(st.tuples(kinds, st.integers(0, 255), streams, payloads), max_size=20)


@given(said=anything)
def test_no_peer_breaks_the_server(said: list[tuple[int, int, int, bytes]]):
    async def check() -> None:
        broken: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: broken.append(context))
        async with served() as (_, server, address), asyncio.timeout(20):
            host, _, port = address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(_GREETING + b"".join(frame(*each) for each in said))
            writer.write_eof()
            while await reader.read(65_536):
                pass
            writer.close()
            async with grpc.aio.insecure_channel(address) as channel:
                assert await channel.unary_unary(method("One"))(b"well") == b"well"
            while server.connections:
                await asyncio.sleep(0)
        assert not broken

    asyncio.run(check())
