"""docs/errors.md: clients that dribble. All are begun at once, each test waits for its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.integration.bad_input.world import World, answer

# What is promised is 10 s (5 s for the hello); the rest is a busy test machine.
_BOUND_S = 20.0
_HEAD = "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_BODY = _HEAD + "Content-Length: 1000\r\n\r\n{{"
_WEBSOCKET = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"

Begun = dict[str, asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def dribble(url: str, text: str, *, again: str) -> bytes:
    """Say `text`, then a byte of `again` each second; what was answered until the end."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

    async def go_on() -> None:
        writer.write(text.encode())
        for position in range(1000):
            await asyncio.sleep(1)
            writer.write(again[position % len(again)].encode())

    saying = asyncio.create_task(go_on())
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        writer.close()


async def silence(world: World) -> str:
    return await answer(await world.socket())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def begun(world: World) -> AsyncIterator[Begun]:
    ws, edge, page = (world.mesh.urls[name] for name in ("ws", "http", "intervene"))
    batch, act = "/v1/batch", "/i/no-such-token/act"
    hook = "/hooks/twilio"
    slow = {
        "hello": silence(world),
        "handshake": dribble(ws, _WEBSOCKET, again="X: y\r\n"),
        "edge head": dribble(edge, "POST /v1/ba", again="x"),
        "page head": dribble(page, _HEAD.format(method="GET", path="/"), again="X: y\r\n"),
        "edge body": dribble(edge, _BODY.format(method="POST", path=batch), again=" "),
        "page body": dribble(page, _BODY.format(method="POST", path=act), again=" "),
        "hook body": dribble(page, _BODY.format(method="POST", path=hook), again=" "),
        "unread body": dribble(edge, _BODY.format(method="GET", path="/healthz"), again=" "),
    }
    tasks = {name: asyncio.create_task(waiting) for name, waiting in slow.items()}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_w16_a_slow_handshake(begun: Begun):
    assert b"101 Switching" not in await asyncio.wait_for(begun["handshake"], _BOUND_S)


async def test_w56_no_hello(begun: Begun):
    assert await asyncio.wait_for(begun["hello"], _BOUND_S) == "4408"


async def test_h14_slow_heads(begun: Begun):
    for name in ("edge head", "page head"):
        assert await asyncio.wait_for(begun[name], _BOUND_S) == b"", name


async def test_h13_slow_bodies(begun: Begun):
    for name in ("edge body", "page body", "hook body"):
        said = await asyncio.wait_for(begun[name], _BOUND_S)
        assert said.startswith(b"HTTP/1.1 408 "), (name, said)
    # A body that nobody reads does not keep its connection either.
    said = await asyncio.wait_for(begun["unread body"], _BOUND_S)
    assert said.startswith(b"HTTP/1.1 200 "), said
