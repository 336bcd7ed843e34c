"""Groups that are judged while the one before them is written, and what becomes of them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from services.intervention.deciding.writer import Settled, Writer
from services.intervention.policy import Policy
from tests.integration.deciding import case, records, writers
from tests.unit.services.intervention.policy.cases import HELP, OFFER, policy, rule

DAY_S = 86_400


def capped(most: int) -> Policy:
    """Help for a session, so many times a day."""
    cap = {"name": "s", "per": "session", "of": ["page"], "most": most, "within_s": DAY_S}
    return policy(rule("r", HELP), guards={"caps": [cap]})


def budgeted(offers: int) -> Policy:
    """So many offers for all together."""
    offer = {**OFFER, "budget": {"name": "b", "cost": {"USD": "10"}}}
    budget = {"most": {"USD": str(10 * offers)}, "each": "ever"}
    return policy(rule("r", offer), guards={"budgets": {"b": budget}})


async def under_way(
    writer: Writer, chosen: Policy, tenant: str, session: str = "s1"
) -> asyncio.Task[Settled]:
    """A decision that is being written: the statement was sent, and nobody has looked for more."""
    asked = asyncio.create_task(writer.submit(case(chosen, tenant=tenant, session=session)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not asked.done()
    return asked


def helps(settled: Settled) -> bool:
    return settled.decision.HasField("intervention")


async def test_the_next_is_judged_by_what_the_one_before_leaves(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(3)
    async with writers(postgres_url, 1) as (writer,):
        assert helps(await writer.submit(case(chosen, tenant=tenant, session="s1")))
        first = await under_way(writer, chosen, tenant)
        nexts = [
            asyncio.create_task(writer.submit(case(chosen, tenant=tenant, session="s1")))
            for _ in range(2)
        ]
        assert helps(await first)
        assert [helps(one) for one in await asyncio.gather(*nexts)] == [True, False]
        assert (writer.groups, writer.ahead, writer.outrun) == (3, 2, 0)
    made = await records(postgres_url, tenant)
    assert sorted(one.reason for one in made) == ["cap", "rule", "rule", "rule"]


async def test_whose_memory_is_not_known_is_read_for(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(1)
    async with writers(postgres_url, 1) as (writer,):
        await writer.submit(case(chosen, tenant=tenant, session="s1"))
        first = await under_way(writer, chosen, tenant)
        stranger = writer.submit(case(chosen, tenant=tenant, session="s2"))
        assert helps(await stranger)
        assert not helps(await first)
        assert (writer.groups, writer.remembered, writer.ahead) == (3, 1, 1)


async def test_one_is_outrun_with_the_next_behind_it(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(3)
    async with writers(postgres_url, 2) as (writer, other):
        for one in (writer, other):
            assert helps(await one.submit(case(chosen, tenant=tenant, session="s1")))
        first = await under_way(writer, chosen, tenant)  # by what was before the other's
        second = asyncio.create_task(writer.submit(case(chosen, tenant=tenant, session="s1")))
        assert [helps(await first), helps(await second)] == [True, False]
        assert writer.outrun == 1, "what waited behind it was judged by what the other had left"
    assert sum(one.HasField("intervention") for one in await records(postgres_url, tenant)) == 3


async def test_one_that_comes_twice_stands_once(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(9)
    async with writers(postgres_url, 1) as (writer,):
        await writer.submit(case(chosen, tenant=tenant, session="s1"))
        again = case(chosen, tenant=tenant, session="s1")
        first = asyncio.create_task(writer.submit(again))
        for _ in range(3):
            await asyncio.sleep(0)
        second = await writer.submit(again)
        assert not second.new
        assert second.decision == (await first).decision
    assert len(await records(postgres_url, tenant)) == 2


async def test_a_budget_holds_over_replicas_that_judge_ahead(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, budgeted(40)
    async with writers(postgres_url, 2) as made:
        pending = [
            made[number % 2].submit(case(chosen, tenant=tenant, session=f"s{number % 16}"))
            for number in range(128)
        ]
        settled = await asyncio.gather(*pending)
        rounds = [await made[0].submit(case(chosen, tenant=tenant, session="s1")) for _ in range(3)]
    assert sum(map(helps, settled)) == 40
    assert not any(map(helps, rounds))
    assert sum(one.HasField("intervention") for one in await records(postgres_url, tenant)) == 40
