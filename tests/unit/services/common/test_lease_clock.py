"""Leases and members live by the store's clock: epochs never fall behind it, silence ends on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.common import state
from services.common.ownership import LeaseStore
from tests.engines.fixtures import Engines

TTL_MS = 200


class Store:
    """Leases, and the clock that they live by."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.leases = LeaseStore(client, ttl_ms=TTL_MS)

    async def clock_us(self) -> int:
        seconds, micros = await self.client.time()
        return int(seconds) * 1_000_000 + int(micros)

    async def clock_ms(self) -> int:
        return await self.clock_us() // 1_000

    async def pass_ms(self, ms: int) -> None:
        """Wait until the store's clock has moved on."""
        until = await self.clock_ms() + ms
        async with asyncio.timeout(30):
            while await self.clock_ms() < until:
                await asyncio.sleep(0.002)


@pytest_asyncio.fixture
async def store(engines: Engines, state_url: str) -> AsyncIterator[Store]:
    engines.state.ask("FLUSHALL")
    client = state.connect(state_url)
    yield Store(client)
    await client.aclose()


async def test_a_first_epoch_is_the_clocks(store: Store):
    before = await store.clock_ms()
    epochs = await store.leases.acquire("a:1", {0: 0, 7: 0})
    after = await store.clock_us()
    assert all(before <= epoch <= after for epoch in epochs.values())


async def test_a_change_of_hands_is_never_behind_the_clock(store: Store):
    first = await store.leases.acquire("a:1", {0: 0})
    await store.leases.release("a:1", [0])
    await store.pass_ms(20)
    before = await store.clock_ms()
    second = await store.leases.acquire("b:1", {0: 0})
    assert second[0] >= max(before, first[0] + 1)
    assert second[0] <= await store.clock_us()


async def test_each_partition_has_its_own_history(store: Store):
    """What a holder has elsewhere is no epoch for a partition that is new to it."""
    first = await store.leases.acquire("a:1", {0: 0})
    await store.pass_ms(20)
    before = await store.clock_ms()
    other = await store.leases.acquire("a:1", {5: 0})
    assert other[5] >= before
    assert other[5] > first[0]
    assert await store.leases.acquire("a:1", {5: 0, 0: 0}) == {5: other[5], 0: first[0]}


async def test_a_lease_that_is_not_renewed_falls_to_the_next(store: Store):
    await store.leases.acquire("a:1", {0: 0})
    assert await store.leases.acquire("b:1", {0: 0}) == {}
    await store.pass_ms(TTL_MS + 20)
    assert set(await store.leases.acquire("b:1", {0: 0})) == {0}


async def test_a_silent_member_is_gone_after_its_time(store: Store):
    await store.leases.announce("a:1")
    await store.pass_ms(TTL_MS + 20)
    assert await store.leases.announce("b:1") == ["b:1"]


async def test_a_member_counts_for_its_time_by_the_stores_clock(store: Store):
    before = await store.clock_ms()
    await store.leases.announce("a:1")
    after = await store.clock_ms()
    until = await store.client.zscore("siq:members", "a:1")
    assert before + TTL_MS <= until <= after + TTL_MS
