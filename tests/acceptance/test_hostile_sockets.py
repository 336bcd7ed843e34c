"""AT-52: sockets that send too much, too fast or too slowly, and too many of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from cli.up.ports import free_address
from edge.protocol import MAX_FRAME_BYTES, SUBPROTOCOL
from tests.certificates import self_signed, trusting
from tests.integration import edge_line

mesh = edge_line.mesh
pytestmark = pytest.mark.asyncio(loop_scope="module")

_PER_IP = 8
_PER_TENANT = 3
_CUT_WITHIN_S = 20.0
"""10 s are promised; the rest is a busy test machine."""


def padded(seq: int, size: int) -> dict[str, Any]:
    """An events frame of exactly so many bytes."""
    frame = {"type": "events", "seq": seq, "t0": 1.7e12, "events": [[2, 0, seq, 1]], "x": ""}
    return {**frame, "x": "x" * (size - len(json.dumps(frame)))}


async def test_at_52_a_frame_of_64_kib_and_one_byte(mesh: edge_line.Mesh) -> None:
    page = await mesh.page()
    await page.send(**padded(1, MAX_FRAME_BYTES))
    await page.acked(1)
    await page.send(**padded(2, MAX_FRAME_BYTES + 1))
    assert await page.close_code() == 1009


async def test_at_52_ten_times_the_rate(mesh: edge_line.Mesh) -> None:
    """100 frames a second are allowed, and three seconds' worth at once."""
    hot, other = await mesh.page(stream="hot"), await mesh.page(stream="other")

    async def flood() -> None:
        with contextlib.suppress(ConnectionClosed):
            for seq in range(1, 1_001):
                await hot.events(seq)

    flooding = asyncio.create_task(flood())
    for seq in range(1, 21):  # meanwhile somebody behaves
        await other.events(seq)
        await other.acked(seq)
    assert await hot.close_code() == 4429
    await flooding


# -- too slow -------------------------------------------------------------------------------------

_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 20


async def cut_after(url: str, said: bytes, again: bytes) -> float:
    """Say something, then a bit more each second; how long it was borne."""
    there = urlsplit(url)
    reader, writer = await asyncio.open_connection(there.hostname, there.port)
    began_s = time.monotonic()

    async def dribble() -> None:
        writer.write(said)
        while again:
            await asyncio.sleep(1)
            writer.write(again)

    dribbling = asyncio.create_task(dribble())
    try:
        async with asyncio.timeout(_CUT_WITHIN_S):
            with contextlib.suppress(ConnectionError):
                while await reader.read(1024):
                    pass
        return time.monotonic() - began_s
    finally:
        dribbling.cancel()
        writer.transport.abort()
        await asyncio.gather(dribbling, return_exceptions=True)


SLOW = {
    "nothing": (b"", b""),
    "half a request": (_REQUEST, b""),
    "a request, byte by byte": (b"GET / HT", b"T"),
    "a request, header by header": (_REQUEST, b"X: y\r\n"),
}
SLOW_TLS = {
    "nothing, TLS": (b"", b""),
    "half a ClientHello": (_CLIENT_HELLO, b""),
    "a ClientHello, byte by byte": (_CLIENT_HELLO, b"x"),
}


async def test_at_52_slow_handshakes_are_cut(mesh: edge_line.Mesh, secure: edge_line.Mesh) -> None:
    cases = [*((mesh.ws, *SLOW[name]) for name in SLOW)]
    cases += [*((secure.ws, *SLOW_TLS[name]) for name in SLOW_TLS)]
    borne_s = await asyncio.gather(*(cut_after(*case) for case in cases))
    for name, each_s in zip([*SLOW, *SLOW_TLS], borne_s, strict=True):
        print(f"{name}: cut after {each_s:.1f} s")
    # Both still serve.
    for served in (mesh, secure):
        await served.page(stream="after")


async def test_at_52_a_tls_handshake_without_a_request_is_cut(secure: edge_line.Mesh) -> None:
    there = urlsplit(secure.ws)
    reader, writer = await asyncio.open_connection(there.hostname, there.port, ssl=secure.tls)
    async with asyncio.timeout(_CUT_WITHIN_S):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.transport.abort()


# -- too many -------------------------------------------------------------------------------------


async def second_edge(mesh: edge_line.Mesh, **env: str) -> AsyncIterator[edge_line.Mesh]:
    """Another worker of the same mesh, with settings of its own."""
    addresses = {name: free_address() for name in ("SIQ_WS_LISTEN", "SIQ_HTTP_LISTEN")}
    scheme = "s" if "SIQ_TLS_CERT" in env else ""
    context = trusting(Path(env["SIQ_TLS_CERT"])) if scheme else None
    other = edge_line.Mesh(
        {**mesh.env, **addresses, "SIQ_WORKER": f"edge-{addresses['SIQ_WS_LISTEN']}", **env},
        mesh.log,
        ws=f"ws{scheme}://{addresses['SIQ_WS_LISTEN']}",
        http=f"http{scheme}://{addresses['SIQ_HTTP_LISTEN']}",
        tls=context,
    )
    other.key = mesh.key
    await other.start_edge()
    yield other
    other.edge.kill()
    await other.channel.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def secure(
    mesh: edge_line.Mesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[edge_line.Mesh]:
    cert, key = self_signed(tmp_path_factory.mktemp("tls"))
    async for other in second_edge(mesh, SIQ_TLS_CERT=str(cert), SIQ_TLS_KEY=str(key)):
        yield other


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def capped(mesh: edge_line.Mesh) -> AsyncIterator[edge_line.Mesh]:
    async for other in second_edge(
        mesh,
        SIQ_MAX_CONNECTIONS_PER_IP=str(_PER_IP),
        SIQ_MAX_CONNECTIONS_PER_TENANT=str(_PER_TENANT),
    ):
        yield other


async def test_at_52_more_sockets_than_a_tenant_and_an_address_may_have(
    capped: edge_line.Mesh,
) -> None:
    for number in range(_PER_TENANT):
        await capped.page(stream=f"p{number}")
    assert await (await capped.open(stream="one-more")).close_code() == 4429

    async def idle() -> None:
        """A socket that says nothing: it counts for its address only."""
        await connect(capped.ws, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None)

    for _ in range(_PER_IP - _PER_TENANT):
        await idle()
    with pytest.raises(InvalidStatus) as refused:
        await idle()
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"]
