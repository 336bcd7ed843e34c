"""A process that misbehaves towards an edge in all ways at once.

python -m tests.acceptance.hostile URL KEY ORIGIN SECONDS     prints how often it was cut off
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from edge.protocol import MAX_FRAME_BYTES, SUBPROTOCOL

_EACH_S = 0.25
"""So often each of them begins anew."""


async def opened(url: str, key: str, origin: str) -> ClientConnection:
    """A socket that said hello."""
    socket = await connect(
        url, subprotocols=[Subprotocol(SUBPROTOCOL)], origin=Origin(origin), compression=None
    )
    hello = {"type": "hello", "key": key, "stream": "hostile", "page": "/"}
    await socket.send(json.dumps({**hello, "clock": time.time() * 1000}))
    return socket


async def too_large(socket: ClientConnection) -> None:
    """One byte too much."""
    await socket.send("x" * (MAX_FRAME_BYTES + 1))


async def too_fast(socket: ClientConnection) -> None:
    """Ten times the rate."""
    t0 = time.time() * 1000
    for seq in range(1, 1_001):
        frame = {"type": "events", "seq": seq, "t0": t0, "events": [[2, 0, 1, 1]]}
        await socket.send(json.dumps(frame))


async def too_many_fragments(socket: ClientConnection) -> None:
    """Beyond what is kept."""
    await socket.send(["x"] * 4_098)


async def nonsense(socket: ClientConnection) -> None:
    """Until it is told to stop."""
    for _ in range(20):
        await socket.send("[" * 1_000)


async def half_a_request(url: str) -> None:
    """Ask for half an upgrade, and wait."""
    there = urlsplit(url)
    reader, writer = await asyncio.open_connection(there.hostname, there.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()


async def main(url: str, key: str, origin: str, seconds: str) -> None:
    """Misbehave for so long."""
    codes: Counter[int] = Counter()
    until_s = time.monotonic() + float(seconds)

    async def again(act: Callable[[ClientConnection], Awaitable[None]]) -> None:
        while time.monotonic() < until_s:
            socket = await opened(url, key, origin)
            with contextlib.suppress(ConnectionClosed):
                await act(socket)
                async for _ in socket:
                    pass
            codes[socket.close_code or 0] += 1
            await asyncio.sleep(_EACH_S)

    waiting = [asyncio.create_task(half_a_request(url)) for _ in range(50)]
    await asyncio.gather(
        *(again(act) for act in (too_large, too_fast, too_many_fragments, nonsense))
    )
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    print(json.dumps(codes))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
