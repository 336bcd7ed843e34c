"""What is kept for a state store that is away, and how it is written once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as StoreAway

import edge.presence
from edge.hub import Hub
from edge.presence import Presence

PUT, REMOVE = cast("Any", edge.presence)._PUT, cast("Any", edge.presence)._REMOVE


class Page:
    """A connection, as far as presence looks at it."""

    key = "pk"

    def __init__(self, stream: str) -> None:
        self.stream = stream


class Store:
    """Runs no script while it is away; remembers on how many keys each ran."""

    def __init__(self) -> None:
        self.away = True
        self.tries = 0
        self.ran: dict[str, list[list[str]]] = {}

    def register_script(self, text: str) -> Callable[..., Any]:
        async def run(keys: list[str], args: list[Any]) -> list[int]:
            self.tries += 1
            if self.away:
                raise StoreAway
            self.ran.setdefault(text, []).append(keys)
            return []

        return run

    async def tried_again(self) -> None:
        """Two more: whatever was queued before has been tried by then."""
        through = self.tries + 2
        async with asyncio.timeout(5):
            while self.tries < through:
                await asyncio.sleep(0.005)

    def written(self, script: str) -> list[int]:
        """Keys of each run."""
        return [len(keys) for keys in self.ran.get(script, [])]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(edge.presence, "_AWAY_S", 0.0)
    return Store()


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest_asyncio.fixture
async def presence(store: Store, hub: Hub) -> AsyncIterator[Presence]:
    presence = Presence(cast("Any", store), "edge-1", hub)
    registering = asyncio.create_task(presence.register())
    yield presence
    registering.cancel()
    await asyncio.gather(registering, return_exceptions=True)


async def test_who_left_while_the_store_was_away_is_not_kept(store: Store, hub: Hub, presence: Any):
    stays, leaves = cast("Any", Page("p1")), cast("Any", Page("p2"))
    presence.changed(hub.join("t", "stays", stays, 1.0))
    presence.changed(hub.join("t", "leaves", leaves, 1.0))
    await store.tried_again()
    hub.leave("t", "leaves", leaves)
    presence.gone("t", "leaves", "p2")
    await store.tried_again()
    await store.tried_again()
    assert presence._changed.keys() <= {("t", "stays")}
    store.away = False
    async with asyncio.timeout(5):
        while not store.written(PUT):
            await asyncio.sleep(0.005)
    assert store.written(REMOVE) == [2]
    assert store.ran[PUT][0] == ["siq:where:t:stays"]


async def test_an_end_that_has_lapsed_in_the_store_is_forgotten(
    store: Store, presence: Any, monkeypatch: pytest.MonkeyPatch
):
    presence.gone("t", "s", "p1")
    await store.tried_again()
    monkeypatch.setattr(edge.presence, "_TTL_S", -1)
    tries = store.tries
    await asyncio.sleep(0.3)
    assert store.tries <= tries + 1
    assert presence._gone == []


async def test_a_crowd_that_leaves_is_written_in_parts(store: Store, presence: Any):
    store.away = False
    for number in range(1_200):
        presence.gone("t", f"s{number}", "p")
    async with asyncio.timeout(5):
        while sum(store.written(REMOVE)) < 2_400:
            await asyncio.sleep(0.005)
    assert store.written(REMOVE) == [1_000, 1_000, 400]
