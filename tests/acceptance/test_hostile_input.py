"""Acceptance tests of what must be refused at the edge's port."""

from __future__ import annotations

import json
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.integration import edge_line

mesh = edge_line.mesh
pytestmark = pytest.mark.asyncio(loop_scope="module")

_NEAR = "shop.example"
HOSTILE = [
    "null", "*", "shop.example", "//shop.example", "https:shop.example", "https:/shop.example",
    *[f"{scheme}://{_NEAR}" for scheme in ("http", "ws", "wss", "ftp", "file", "data", "httpss")],
    *[f"https://{_NEAR}:{port}" for port in (80, 444, 8443, 0, 65535, 1, 4430, 44)],
    *[f"https://{_NEAR}{end}" for end in (".evil.example", "evil", ".", "..", "-x", ".com", "%00",
                                         "%2eevil", "@evil.example", "#", "?", "\\", "/..", "/x",
                                         ":", ":x", ":443x", ",https://evil.example")],
    *[f"https://{begin}{_NEAR}" for begin in ("evil", "www.", "evil-", "a.b.", "x@",
                                             "evil.example@", ".", "*.", "%", "xn--", "_")],
    "https://sh0p.example", "https://xn--shp-tna.example", "https://xn--hop-7cd.example",
    "https://shop-example", "https://shop.examp1e", "https://example", "https://.example",
    "https://127.0.0.1", "https://[::1]", "https://localhost", "https://",
    "https://shop.example https://evil.example", "https://evil.example https://shop.example",
    "javascript://shop.example", "chrome-extension://shop.example",
]  # fmt: skip


async def test_there_are_enough_forms_and_each_is_another() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 50


@pytest.mark.parametrize("origin", [*HOSTILE, None])
async def test_at_50_hostile_origins_are_refused(mesh: edge_line.Mesh, origin: str | None) -> None:
    page = await mesh.open(origin=origin)
    assert await page.close_code() == 4401


async def test_at_50_a_foreign_key_is_refused_from_the_right_origin(mesh: edge_line.Mesh) -> None:
    page = await mesh.open(key=mesh.key[:-1] + ("a" if mesh.key[-1] != "a" else "b"))
    assert await page.close_code() == 4401


async def test_at_52_too_many_fragments_end_the_connection(mesh: edge_line.Mesh) -> None:
    async with connect(
        mesh.ws,
        subprotocols=[Subprotocol("sentientiq.v1")],
        origin=Origin(edge_line.ORIGIN),
        compression=None,
    ) as socket:
        hello = {"type": "hello", "key": mesh.key, "stream": "p1", "page": "/"}
        await socket.send(json.dumps({**hello, "clock": time.time() * 1000}))
        assert json.loads(await socket.recv())["type"] == "welcome"
        await socket.send(["x"] * 4_098)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
