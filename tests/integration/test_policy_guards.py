"""Caps, budgets and exclusion under 64 writers at once, and with PostgreSQL killed midway."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from cli.engines import Postgres
from cli.engines.folders import SocketFolder
from services.common import postgres
from services.common.errors import Unavailable
from services.intervention.deciding.writer import Writer
from services.intervention.policy import Policy
from services.intervention.service import SCHEMA
from tests.integration.deciding import NOW_MS, case, records, writers
from tests.unit.services.intervention.policy.cases import ALERT, HELP, OFFER, policy, rule

WORKERS, EACH = 64, 12
DAY_S = 86_400
ALWAYS_OUTRUN = """
CREATE OR REPLACE FUNCTION intervention.not_outrun(changed bigint, wanted bigint) RETURNS boolean
LANGUAGE plpgsql AS $$ BEGIN RAISE serialization_failure; END $$
"""


def hammered() -> Policy:
    """Every kind of cap, and a budget of 40 offers of 7.35."""
    offer = {**OFFER, "priority": "high", "budget": {"name": "b", "cost": {"USD": "7.35"}}}
    caps: list[dict[str, Any]] = [
        {"name": "s", "per": "session", "of": ["page"], "most": 2, "within_s": DAY_S},
        {"name": "v", "per": "visitor", "of": ["discount"], "most": 1, "within_s": DAY_S},
        {"name": "c", "per": "company", "of": ["team"], "most": 5, "within_s": DAY_S},
        {"name": "texts", "per": "channel", "channels": ["sms"], "most": 11, "within_s": DAY_S},
        {"name": "all", "per": "tenant", "of": ["page"], "most": 90, "within_s": DAY_S},
    ]
    budgets = {"b": {"most": {"USD": 294}, "each": "day"}}
    return policy(rule("r", offer, HELP, ALERT), guards={"caps": caps, "budgets": budgets})


async def hammer(made: list[Writer], chosen: Policy, tenant: str) -> Counter[str]:
    """Each worker decides for a few of the same visitors; says how the calls ended."""

    async def work(number: int) -> Counter[str]:
        ends: Counter[str] = Counter()
        for turn in range(EACH):
            visitor = (number * 7 + turn) % 60
            one = case(
                chosen, tenant=tenant, session=f"s{visitor}", user=f"u{visitor}",
                company=f"c{visitor % 4}.example",
            )  # fmt: skip
            try:
                settled = await made[number].submit(one)
                ends["durable" if settled.new else settled.decision.reason] += 1
            except Unavailable:
                ends["unavailable"] += 1
        return ends

    ends: Counter[str] = Counter()
    for worker in await asyncio.gather(*(work(number) for number in range(WORKERS))):
        ends += worker
    return ends


async def overshoots(url: str, tenant: str) -> tuple[dict[str, int], Counter[str]]:
    """By how much each guard was passed, and how often what was given."""
    page, offers, company = Counter[str](), Counter[str](), Counter[str]()
    total, texts, given = 0, 0, Counter[str]()
    for decision in await records(url, tenant):
        if decision.HasField("intervention") and decision.reason != "unguarded":
            page[decision.session_id] += 1
            total += 1
            given[decision.intervention.template] += 1
            offers[decision.user_id] += decision.intervention.template == "offer@1"
        if decision.HasField("recommendation"):
            company[decision.company] += 1
            texts += 1
    spent = 735 * sum(offers.values())
    found = {
        "session": max(page.values()) - 2,
        "visitor": max(offers.values()) - 1,
        "company": max(company.values()) - 5,
        "channel": texts - 11,
        "tenant": total - 90,
        "budget": spent - 29_400,
    }
    return found, given


async def test_64_workers_never_overshoot_and_use_all_there_is(postgres_url: str) -> None:
    tenant = uuid4().hex
    async with writers(postgres_url, WORKERS) as made:
        ends = await hammer(made, hammered(), tenant)
    assert ends == {"durable": WORKERS * EACH}
    found, given = await overshoots(postgres_url, tenant)
    # Nothing above, and where more was asked for than there is, nothing left over.
    assert found == {
        "session": 0, "visitor": 0, "company": found["company"], "channel": 0, "tenant": 0,
        "budget": 0,
    }  # fmt: skip
    assert found["company"] <= 0
    assert given["offer@1"] == 40


async def test_one_emotion_decided_everywhere_at_once_is_decided_once(postgres_url: str) -> None:
    tenant, chosen = uuid4().hex, hammered()
    async with writers(postgres_url, 16) as made:
        for _ in range(10):
            known = case(chosen, tenant=tenant, session="s", user=uuid4().hex)
            # Another replica may not know yet who it is, so that it reads other rows.
            stranger = replace(known, identity=identity_pb2.UserIdentity(), path="durable")
            ends = await asyncio.gather(
                *(writer.submit((known, stranger)[at % 2]) for at, writer in enumerate(made))
            )
            assert sum(end.new for end in ends) == 1
            assert len({end.decision.SerializeToString() for end in ends}) == 1
    assert len(await records(postgres_url, tenant)) == 10


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A durable PostgreSQL of this test's own, to kill."""
    sockets = SocketFolder.of(tmp_path)
    engine = Postgres(tmp_path / "pg", sockets.create())
    engine.start()
    yield engine
    engine.stop()
    sockets.remove()


async def test_killed_midway_discounts_fail_closed_and_help_fails_open(
    own_postgres: Postgres,
) -> None:
    tenant, chosen, url = uuid4().hex, hammered(), own_postgres.url
    async with writers(url, WORKERS) as made:
        before = await made[0].submit(case(chosen, tenant=tenant, session="early", user="early"))
        assert before.decision.HasField("intervention")
        first = asyncio.create_task(hammer(made, chosen, tenant))
        while made[0].decisions < 4:
            await asyncio.sleep(0.001)
        assert own_postgres.pid
        os.kill(own_postgres.pid, signal.SIGKILL)
        ends = await first
        # Away, a new visitor still gets help, never an offer, and no alert without a record.
        during = case(chosen, tenant=tenant, session="new", user="new")
        answers = [await made[0].submit(during) for _ in range(2)]
        assert answers[0].decision == answers[1].decision
        shown = answers[0].decision
        assert (shown.reason, shown.intervention.template) == ("unguarded", "help@1")
        assert not shown.HasField("recommendation")
        for session in ("new", "early"):  # once a session, and not after help on record
            with pytest.raises(Unavailable):
                await made[0].submit(case(chosen, tenant=tenant, session=session, user=session))
        own_postgres.stop()
        own_postgres.start()
        again = await hammer(made, chosen, tenant)
        recorded = await made[0].submit(during)
        during.emotion.rev = 2
        revised = await made[0].submit(replace(during))
    assert ends["unguarded"] + ends["unavailable"] > 0
    assert again["durable"] > 0
    found, _ = await overshoots(url, tenant)
    assert max(found.values()) <= 0
    assert recorded.decision.reason == "unguarded"
    assert revised.decision.reason == "episode_handled"
    assert recorded.decision.intervention.id == shown.intervention.id
    assert recorded.decision.intervention.expires_at_ms == shown.intervention.expires_at_ms
    stored = {one.id: one for one in await records(url, tenant)}
    assert stored[shown.id].intervention.template == "help@1"
    assert all(one.decided_at_ms == NOW_MS for one in stored.values())


async def test_while_postgresql_hangs_help_does_not_wait_for_it(own_postgres: Postgres) -> None:
    tenant, url = uuid4().hex, own_postgres.url
    helps, offers = policy(rule("r", HELP)), policy(rule("r", OFFER))
    async with writers(url, 1) as (writer,):
        await writer.submit(case(helps, tenant=tenant, session="early", user="early"))
        assert own_postgres.pid
        stopped = [own_postgres.pid, *_children(own_postgres.pid)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            during = case(helps, tenant=tenant, session="new", user="new")
            async with asyncio.timeout(3):  # what it was before: five
                shown = (await writer.submit(during)).decision
            assert (shown.reason, shown.intervention.template) == ("unguarded", "help@1")
            with pytest.raises(Unavailable):
                async with asyncio.timeout(4):
                    await writer.submit(case(offers, tenant=tenant, session="x", user="x"))
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)
        later = await writer.submit(case(offers, tenant=tenant, session="y", user="y"))
        assert later.decision.intervention.template == "offer@1"
        recorded = await writer.submit(during)
    assert (recorded.decision.reason, recorded.new) == ("unguarded", False)


async def test_while_postgresql_hangs_no_rollback_waits_for_it(own_postgres: Postgres) -> None:
    tenant, url = uuid4().hex, own_postgres.url
    helps = policy(rule("r", HELP))
    assert own_postgres.pid
    server, armed = own_postgres.pid, asyncio.Event()
    stopped, moments = list[int](), list[int]()

    def clock() -> int:
        """The second look of a group is that of who was outrun and has begun a transaction."""
        moments.append(NOW_MS)
        if len(moments) == 2 and armed.is_set():
            stopped.extend([server, *_children(server)])
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
        return NOW_MS

    async with writers(url, 1, clock) as (writer,):
        await writer.submit(case(helps, tenant=tenant, session="early", user="early"))
        pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
        await pool.execute(ALWAYS_OUTRUN)
        await pool.close()
        moments.clear()
        armed.set()
        try:
            async with asyncio.timeout(3):
                during = case(helps, tenant=tenant, session="new", user="new")
                shown = (await writer.submit(during)).decision
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)
        assert (shown.reason, shown.intervention.template) == ("unguarded", "help@1")


async def test_waiting_for_a_connection_is_no_silence_of_postgresql(postgres_url: str) -> None:
    async with writers(postgres_url, 1) as (writer,):
        chosen = policy(rule("r", HELP))
        await writer.submit(case(chosen, tenant=uuid4().hex, session="s", user="u"))
        # The writer has the only connection of its pool, for good.
        assert not await writer.pulse.is_silent()


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]
