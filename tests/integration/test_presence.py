"""Where sessions are, as the real state store has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio

import edge.presence
from edge.hub import Hub, Live
from edge.presence import Gone, Presence
from services.common import state
from services.common.state import left_key, where_key
from tests.engines.fixtures import Engines


class Page:
    """A connection, as far as presence looks at it."""

    key = "pk_test"

    def __init__(self, stream: str) -> None:
        self.stream = stream


@pytest_asyncio.fixture
async def client(engines: Engines, state_url: str) -> AsyncIterator[Any]:
    engines.state.ask("FLUSHALL")
    client = state.connect(state_url)
    yield client
    await client.aclose()


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.01)


async def test_what_the_store_lost_is_written_anew(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge.presence, "_REFRESH_S", 0.2)
    hub = Hub()
    presence = Presence(client, "edge-1", hub)
    lives = [hub.join("t", f"s{n}", cast("Any", Page("p1")), 1_000.0 + n) for n in range(300)]
    for live in lives:
        presence.changed(live)
    registering = asyncio.create_task(presence.register())

    async def all_there() -> bool:
        found = [await client.hget(where_key("t", f"s{n}"), "p1") for n in range(300)]
        return found == [f"edge-1 {1_000 + n}".encode() for n in range(300)]

    try:
        await until(all_there)
        await client.flushall()
        # Another worker was first to write one of them again.
        await client.hset(where_key("t", "s7"), "p2", "edge-2 5")
        await until(all_there)
        assert await client.hget(where_key("t", "s7"), "p2") == b"edge-2 5"
        assert 0 < await client.ttl(where_key("t", "s8")) <= 60
    finally:
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)


async def test_who_leaves_while_changes_are_written_ends_nothing(
    client: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edge.presence, "_REFRESH_S", 0.1)
    hub = Hub()
    leaves = cast("Any", Page("p1"))

    class Interrupted(Presence):
        async def _keep(self, due: list[Live]) -> None:
            if due:
                hub.leave("t", "s", leaves)
            await super()._keep(due)

    presence = Interrupted(client, "edge-1", hub)
    presence.changed(hub.join("t", "s", leaves, 1_000.0))
    registering = asyncio.create_task(presence.register())

    async def gone() -> bool:
        return hub.find("t", "s") is None

    try:
        await until(gone)
        stays = hub.join("t", "s2", cast("Any", Page("p2")), 1_000.0)
        presence.changed(stays)

        async def written() -> Any:
            return await client.hget(where_key("t", "s2"), "p2")

        await until(written)
    finally:
        registering.cancel()
        (ended,) = await asyncio.gather(registering, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


async def test_who_stays_is_kept_and_who_left_is_not(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge.presence, "_REFRESH_S", 0.2)
    hub = Hub()
    presence = Presence(client, "edge-1", hub)
    stays, leaves = cast("Any", Page("p1")), cast("Any", Page("p2"))
    for page in (stays, leaves):
        presence.changed(hub.join("t", "s", page, 1_000.0))
    registering = asyncio.create_task(presence.register())
    key = where_key("t", "s")

    async def streams(*names: bytes) -> bool:
        return set(await client.hkeys(key)) == set(names)

    try:
        await until(lambda: streams(b"p1", b"p2"))
        hub.leave("t", "s", leaves)
        presence.gone("t", "s", "p2")
        await until(lambda: streams(b"p1"))
        await client.expire(key, 5)

        async def kept() -> bool:
            return await client.ttl(key) > 5

        await until(kept)
        assert await streams(b"p1")
    finally:
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)


class Leaving(Presence):
    """Presence whose pages leave while their turn to be kept has come and changes are written."""

    def __init__(self, client: Any, hub: Hub, page: Any) -> None:
        super().__init__(client, "edge-1", hub)
        self._pages, self._page = hub, page
        self.left = False
        self.turns_after = 0

    def _due(self) -> list[Live]:
        due = super()._due()
        self.turns_after += self.left
        self.left = self.left or bool(due)
        return due

    async def _write(self, changed: list[Live], gone: list[Gone]) -> None:
        await super()._write(changed, gone)
        if self.left:
            self._pages.leave("t", "s", self._page)


async def test_a_page_that_leaves_in_its_turn_ends_nothing(
    client: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edge.presence, "_REFRESH_S", 0.01)
    hub, page = Hub(), cast("Any", Page("p1"))
    presence = Leaving(client, hub, page)
    presence.changed(hub.join("t", "s", page, 1_000.0))
    registering = asyncio.create_task(presence.register())

    async def went_on() -> bool:
        return presence.turns_after > 2 or registering.done()

    try:
        await until(went_on)
        assert not registering.done(), registering.exception()
    finally:
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)


async def test_a_page_that_is_on_another_worker_by_now_stays(client: Any):
    presence = Presence(client, "edge-1", Hub())
    registering = asyncio.create_task(presence.register())
    await client.hset(where_key("t", "s"), "p1", "edge-10 5")
    await client.hset(where_key("t", "s2"), "p1", "edge-1 5")
    began_ms = time.time() * 1000
    for session in ("s", "s2"):
        presence.gone("t", session, "p1")

    async def written() -> Any:
        return await client.get(left_key("t", "s2"))

    try:
        await until(written)
    finally:
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)
    assert began_ms - 1 <= int(await client.get(left_key("t", "s2"))) <= time.time() * 1000 + 1
    assert 3_500 < await client.ttl(left_key("t", "s2")) <= 3_600
    assert await client.exists(where_key("t", "s2")) == 0
    assert await client.hget(where_key("t", "s"), "p1") == b"edge-10 5"
    assert await client.get(left_key("t", "s")) is None
