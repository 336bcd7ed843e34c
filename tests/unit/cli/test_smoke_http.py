"""The small HTTP client, against a server that answers as servers do, well and badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from cli.smoke.http import Connection, HttpError


@asynccontextmanager
async def server(*answers: bytes) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """Answers the n-th request of a connection with the n-th answer, then hangs up."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().splitlines():
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            asked.append(head + await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


def answer(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_several_requests_share_a_connection() -> None:
    async with (
        server(answer("200 OK", b"page"), answer("200 OK", b'{"nonce":"n"}')) as (url, asked),
        Connection(url, 5) as connection,
    ):
        assert await connection.request("GET", "/i/t") == b"page"
        assert await connection.request("POST", "/i/t/act", {"act": "x"}) == b'{"nonce":"n"}'
    assert asked[0].startswith(b"GET /i/t HTTP/1.1\r\n")
    assert asked[1].endswith(b'\r\n\r\n{"act": "x"}')


async def test_lines_of_a_stream_come_whole() -> None:
    body = CHUNKED + b"5\r\n: hi\n\r\n8\r\ndata: {}\r\n1\r\n\n\r\n0\r\n\r\n"
    async with server(body) as (url, _), Connection(url, 5) as connection:
        assert [line async for line in connection.lines("/s")] == [": hi", "data: {}"]


BAD: dict[str, tuple[bytes, str]] = {
    "error status": (answer("409 Conflict", b'{"error":"acted"}'), "409 .*acted"),
    "empty error": (answer("503 Service Unavailable", b""), "503"),
    "hang-up": (b"", "closed"),
    "no HTTP": (b"+PONG\r\n\r\n", "is none"),
}


@pytest.mark.parametrize("name", list(BAD))
async def test_bad_answers_are_one_error(name: str) -> None:
    raw, message = BAD[name]
    async with server(raw) as (url, _), Connection(url, 5) as connection:
        with pytest.raises(HttpError, match=message):
            await connection.request("GET", "/")


async def test_nobody_there_is_the_same_error(unused_tcp_port_factory: Callable[[], int]) -> None:
    with pytest.raises(HttpError, match="does not answer"):
        async with Connection(f"http://127.0.0.1:{unused_tcp_port_factory()}", 5):
            pass
