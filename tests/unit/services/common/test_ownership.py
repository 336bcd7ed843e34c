"""Leases on a real state store: one holder, epochs that only grow, shares that cover all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis.asyncio as redis
from hypothesis import given
from hypothesis import strategies as st

from services.common import state
from services.common.ownership import Lease, LeaseStore, fair_share
from services.common.partition import PARTITIONS
from tests.engines.fixtures import Engines

MEMBERS = st.lists(st.text("abcdef0123456789:.", min_size=1), min_size=1, max_size=6, unique=True)


@given(MEMBERS)
def test_shares_cover_every_partition_once(members: list[str]):
    shares = [fair_share(member, members) for member in members]
    assert sorted(partition for share in shares for partition in share) == list(range(PARTITIONS))


@given(MEMBERS)
def test_a_member_that_leaves_moves_only_its_own(members: list[str]):
    *rest, leaver = members
    for member in rest:
        assert fair_share(member, members) <= fair_share(member, rest)
    assert leaver not in rest


@pytest_asyncio.fixture
async def client(engines: Engines, state_url: str) -> AsyncIterator[redis.Redis]:
    engines.state.ask("FLUSHALL")
    client = state.connect(state_url)
    yield client
    await client.aclose()


@pytest.fixture
def leases(client: redis.Redis) -> LeaseStore:
    return LeaseStore(client, ttl_ms=200)


async def test_a_partition_has_one_holder(leases: LeaseStore):
    first = await leases.acquire("a:1", {0: 0, 1: 0})
    assert set(first) == {0, 1}
    assert await leases.acquire("b:1", {0: 0, 1: 0}) == {}
    assert await leases.owners() == {p: Lease("a:1", epoch) for p, epoch in first.items()}


async def test_renewing_keeps_the_epoch(leases: LeaseStore):
    first = await leases.acquire("a:1", {0: 0})
    assert await leases.acquire("a:1", first) == first


async def test_only_what_was_not_renewed_in_time_is_ended(client: redis.Redis):
    leases = LeaseStore(client)
    for endpoint, partitions in (("a:1", (0, 1)), ("b:1", (2,))):
        await leases.announce(endpoint)
        await leases.acquire(endpoint, dict.fromkeys(partitions, 0))
    assert await leases.end_silent("a:1", [0, 1, 2]) == 0, "it has just renewed them"
    for key in ("siq:part:0", "siq:part:2"):
        await client.pexpire(key, 1_000)
    assert await leases.members() == 2
    assert await leases.end_silent("a:1", [0, 1, 2]) == 1
    assert set(await leases.owners()) == {1, 2}
    assert await leases.members() == 2, "it says that it is there"
    await client.zincrby("siq:members", -1_000, "a:1")
    await leases.end_silent("a:1", [])
    assert await leases.announce("b:1") == ["b:1"]


async def test_the_epoch_grows_with_each_change_of_hands(leases: LeaseStore):
    first = await leases.acquire("a:1", {0: 0})
    await leases.release("a:1", [0])
    second = await leases.acquire("b:1", {0: 0})
    await leases.release("b:1", [0])
    third = await leases.acquire("a:1", {0: 0})
    assert first[0] < second[0] < third[0]


async def test_the_same_holder_after_a_lapse_keeps_its_epoch(leases: LeaseStore):
    first = await leases.acquire("a:1", {0: 0})
    await leases.release("a:1", [0])
    assert await leases.acquire("a:1", {0: 0}) == first


async def test_nobody_releases_anothers_lease(leases: LeaseStore):
    first = await leases.acquire("a:1", {0: 0})
    await leases.release("b:1", [0])
    assert await leases.owners() == {0: Lease("a:1", first[0])}


async def test_a_store_that_lost_everything_raises_the_holders_epoch(
    leases: LeaseStore, engines: Engines
):
    first = await leases.acquire("a:1", {0: 0})
    engines.state.ask("FLUSHALL")
    raised = await leases.acquire("a:1", first)
    assert raised[0] > first[0]
    assert await leases.acquire("a:1", raised) == raised


async def test_after_a_loss_a_new_holder_never_repeats_an_old_epoch(
    leases: LeaseStore, engines: Engines
):
    first = await leases.acquire("a:1", {0: 0})
    engines.state.ask("FLUSHALL")
    second = await leases.acquire("b:1", {0: 0})
    assert second[0] > first[0]


async def test_a_holder_that_missed_a_takeover_and_the_loss_of_it_is_above_both(
    leases: LeaseStore, engines: Engines
):
    before = await leases.acquire("a:1", {0: 0})
    await leases.release("a:1", [0])  # a is paused; its lease has run out
    taken_over = await leases.acquire("b:1", {0: 0})
    engines.state.ask("FLUSHALL")
    after = await leases.acquire("a:1", before)  # first to renew
    assert before[0] < taken_over[0] < after[0]
    assert await leases.acquire("b:1", taken_over) == {}


async def test_no_clock_lowers_an_epoch(leases: LeaseStore, engines: Engines):
    ahead = 2**52  # a grant of a store whose clock ran far ahead
    granted = await leases.acquire("a:1", {0: ahead})
    assert granted[0] == ahead + 1
    engines.state.ask("FLUSHALL")
    assert (await leases.acquire("a:1", granted))[0] == ahead + 2


async def test_members_are_seen_until_they_leave(leases: LeaseStore):
    assert await leases.announce("a:1") == ["a:1"]
    assert sorted(await leases.announce("b:1")) == ["a:1", "b:1"]
    await leases.leave("a:1")
    assert await leases.announce("b:1") == ["b:1"]
