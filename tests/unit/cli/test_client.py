"""The command line's page, against a server that loses connections."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from cli.client import SUBPROTOCOL, Page


async def test_what_is_sent_again_is_dense_although_a_message_was_refused():
    connections: list[list[int]] = []

    async def handle(socket: ServerConnection) -> None:
        seqs: list[int] = []
        connections.append(seqs)
        await socket.recv()
        welcome = {"type": "welcome", "session": "s", "resume": "r", "acked": 0, "clock": 0}
        await socket.send(json.dumps({**welcome, "config": {}}))
        while len(seqs) < 3:
            message: dict[str, Any] = json.loads(await socket.recv())
            seqs.append(message["seq"])
            if message["type"] == "outcome":
                error = {"type": "error", "code": "bad_kind", "message": "", "seq": seqs[-1]}
                await socket.send(json.dumps(error))
        if len(connections) == 1:
            socket.transport.abort()
            return
        await socket.send('{"type":"ack","seq":3}')
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        page = Page(f"ws://127.0.0.1:{port}", "pk_test")
        await page.open()
        await page.message("reset")
        await page.outcome("i1", "sold")
        await page.message("reset")
        await page.drained(10)
        assert (page.acked, page.unacked) == (3, 0)
        await page.close()
    assert connections == [[1, 2, 3], [1, 2, 3]]
