"""Writers that remember guards decide as if they asked each time, whatever happens meanwhile."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from services.common import postgres
from services.intervention.deciding.writer import TeamNeeded, Writer
from services.intervention.policy import Policy
from services.intervention.service import SCHEMA
from services.intervention.store.forgetting import forget_guards
from tests.integration.deciding import NOW_MS, case, records, writers
from tests.unit.services.intervention.policy.cases import ALERT, HELP, policy, rule

DAY_S = 86_400


def capped(most: int) -> Policy:
    """Help for a session, so many times a day."""
    cap = {"name": "s", "per": "session", "of": ["page"], "most": most, "within_s": DAY_S}
    return policy(rule("r", HELP), guards={"caps": [cap]})


async def helped(writer: Writer, chosen: Policy, tenant: str, session: str = "s1") -> bool:
    """Whether another emotion of a visit brings help."""
    settled = await writer.submit(case(chosen, tenant=tenant, session=session))
    return settled.decision.HasField("intervention")


async def forget(url: str, tenant: str, session: str = "s1") -> None:
    """As ForgetPerson does."""
    pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
    try:
        assert await forget_guards(pool, tenant, [f"session/{session}"]) == 1
    finally:
        pool.terminate()


async def ledgers(url: str, tenant: str) -> dict[str, bytes]:
    """What stands in the table, by subject."""
    pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
    try:
        rows = await pool.fetch("SELECT subject, state FROM guards WHERE tenant_id = $1", tenant)
    finally:
        pool.terminate()
    return {row["subject"]: row["state"] for row in rows}


async def test_what_it_remembers_is_not_read_again(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(2)
    async with writers(postgres_url, 1) as (writer,):
        assert [await helped(writer, chosen, tenant) for _ in range(4)] == [
            True, True, False, False,
        ]  # fmt: skip
        assert (writer.groups, writer.remembered, writer.outrun) == (4, 3, 0)


async def test_what_no_write_has_proved_is_read_again(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, policy(rule("r", ALERT))
    async with writers(postgres_url, 1) as (writer,):
        await writer.submit(case(chosen, tenant=tenant, session="s1"))
        nobody = replace(case(chosen, tenant=tenant, session="s1"), people=None)
        with pytest.raises(TeamNeeded):
            await writer.submit(nobody)
        await writer.submit(case(chosen, tenant=tenant, session="s1"))
        assert (writer.groups, writer.remembered) == (3, 1)


async def test_another_replica_is_noticed(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(3)
    async with writers(postgres_url, 2) as (one, other):
        assert await helped(one, chosen, tenant)
        assert await helped(other, chosen, tenant)
        assert await helped(one, chosen, tenant)
        assert one.outrun == 1
        assert not await helped(other, chosen, tenant)
        assert not await helped(one, chosen, tenant)
        assert one.outrun == 1, "it reads now what another changes too"


async def test_who_was_forgotten_is_not_remembered(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(1)
    async with writers(postgres_url, 1) as (writer,):
        assert await helped(writer, chosen, tenant)
        assert not await helped(writer, chosen, tenant)
        await forget(postgres_url, tenant)
        assert await helped(writer, chosen, tenant)


async def test_a_row_that_was_made_again_is_another_one(postgres_url: str) -> None:
    tenant, chosen, now = uuid4().hex, capped(5), [NOW_MS]
    async with writers(postgres_url, 2, lambda: now[0]) as (one, other):
        assert await helped(one, chosen, tenant)
        await forget(postgres_url, tenant)
        now[0] += 1
        assert await helped(other, chosen, tenant)  # of the same version as the one before
        now[0] += 1
        assert await helped(one, chosen, tenant)
        state = (await ledgers(postgres_url, tenant))["session/s1"]
    assert str(NOW_MS + 1).encode() in state
    assert f"{NOW_MS},".encode() not in state, "what was forgotten came back"


@pytest.mark.parametrize("again_by", [0, 1], ids=["the same replica", "another"])
async def test_an_episode_brings_help_once_under_two_policies(
    postgres_url: str, again_by: int
) -> None:
    tenant, first = uuid4().hex, capped(9)
    one = case(first, tenant=tenant, session="s1")
    anew = replace(one, policy=replace(first, version="tenant@2"))
    async with writers(postgres_url, 2) as made:
        assert (await made[0].submit(one)).decision.HasField("intervention")
        # The other replica knows of the visit, and not of this episode.
        assert await helped(made[1], first, tenant)
        settled = await made[again_by].submit(anew)
        assert settled.decision.reason == "episode_handled", settled.decision.reason
    assert len(await records(postgres_url, tenant)) == 3


async def test_a_first_revision_that_comes_twice_stands_once(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, capped(9)
    one = case(chosen, tenant=tenant, session="s1")
    async with writers(postgres_url, 2) as (writer, other):
        made = await writer.submit(one)
        for again in (writer, other):
            settled = await again.submit(one)
            assert not settled.new
            assert settled.decision == made.decision
