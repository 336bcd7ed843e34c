"""Requests in which a header stands twice, on both ports."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.edge.stand_ins import batch, http, running_edge

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
OURS = b"Sec-WebSocket-Protocol: sentientiq.v1\r\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Sec-GPC: 0\r\nSec-GPC: 1\r\n" + OURS, 403),
        (b"Sec-GPC: 0, 1\r\n" + OURS, 403),
        (b"Sec-GPC: 0\r\nSec-GPC: 0\r\n" + OURS, 101),
        (b"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", 400),
        (b"Sec-WebSocket-Protocol: a\r\n" + OURS, 101),
        (b"Origin: https://b\r\n" + OURS, 400),
    ],
    ids=["gpc", "gpc-joined", "no-gpc", "no-subprotocol", "subprotocol", "origin"],
)
async def test_a_handshake_is_answered(headers: bytes, status: int):
    async with running_edge() as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(UPGRADE + headers + b"\r\n")
        async with asyncio.timeout(5):
            line = await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert line.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("values", [("0", "1"), ("1", "0"), ("0, 1",)])
async def test_one_gpc_of_several_counts_over_http(values: tuple[str, ...]):
    async with running_edge() as edge, http(edge) as ask:
        headers = [("Sec-GPC", value) for value in values]
        refused = await ask.post("/v1/batch", content=batch(frames=1), headers=headers)
        assert refused.status_code == 403
        taken = await ask.post("/v1/batch", content=batch(frames=1), headers={"Sec-GPC": "0"})
        assert taken.status_code == 200
