"""Timers over a real PostgreSQL: each done once, whoever else is slow, fails, or works beside."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.common import postgres
from services.intervention.escalation.timers import Effect, Timer, Timers, set_timer
from services.intervention.service import MIGRATIONS, SCHEMA
from tests.waiting import until

NOW_MS = 1_700_000_000_000
KIND, DECISION = "escalate", "timed"


@pytest.fixture
async def pool(postgres_url: str) -> AsyncGenerator[Any]:
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=12)
    await pool.execute(
        "INSERT INTO decisions (id, tenant_id, session_id, emotion_id, rev, intervened, record,"
        " decided_at_ms) VALUES ($1, 't', 's', 'e', 1, false, '', $2)",
        DECISION,
        NOW_MS,
    )
    yield pool
    await pool.execute("DELETE FROM decisions WHERE id = $1", DECISION)
    await pool.close()


@asynccontextmanager
async def running(
    pool: Any, effects: Mapping[str, Effect], replicas: int = 1
) -> AsyncGenerator[list[Timers]]:
    made = [Timers(pool, lambda: NOW_MS, effects, committed=lambda: None) for _ in range(replicas)]
    loops = [asyncio.create_task(one.run()) for one in made]
    try:
        yield made
        assert not any(loop.done() for loop in loops)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def set_some(pool: Any, names: list[str], due_at_ms: int = NOW_MS) -> None:
    for name in names:
        await set_timer(pool, KIND, DECISION, name, due_at_ms)


async def test_each_is_done_once_by_whichever_replica(pool: Any) -> None:
    done = Counter[str]()

    async def note(connection: Any, timer: Timer, now_ms: int) -> None:
        await connection.fetchval("SELECT pg_sleep(0.005)")
        done[timer.subject] += 1

    names = [f"d{number}" for number in range(40)]
    await set_some(pool, names)
    await set_some(pool, ["later"], NOW_MS + 60_000)
    async with running(pool, {KIND: note}, replicas=2) as replicas:
        await until(lambda: sum(one.done[KIND] for one in replicas) == len(names))
    assert done == Counter(names)


async def test_a_slow_one_holds_up_no_other_and_is_not_asked_for_meanwhile(pool: Any) -> None:
    done, asked, goes_on = list[str](), 0, asyncio.Event()

    async def wait(_: Any, timer: Timer, now_ms: int) -> None:
        if timer.subject == "slow":
            await goes_on.wait()
        done.append(timer.subject)

    class Counting:
        """The pool, and how often it is asked what comes next."""

        def acquire(self) -> Any:
            return pool.acquire()

        async def execute(self, *given: Any) -> Any:
            return await pool.execute(*given)

        async def fetchval(self, *given: Any) -> Any:
            nonlocal asked
            asked += 1
            return await pool.fetchval(*given)

    await set_some(pool, ["slow"], NOW_MS - 1)
    async with running(Counting(), {KIND: wait}) as (timers,):
        await until(lambda: asked >= 2)
        await set_some(pool, ["quick"])
        timers.wake()
        await until(lambda: done == ["quick"])
        before = asked
        await asyncio.sleep(0.4)
        assert asked - before <= 2, "asked again and again for what is being done"
        goes_on.set()
        await until(lambda: done == ["quick", "slow"])


async def test_one_that_meets_a_defect_is_put_off_and_the_next_is_done(pool: Any) -> None:
    done: list[str] = []

    async def set_another(connection: Any, timer: Timer, now_ms: int) -> None:
        if not timer.subject.endswith("again"):
            await set_timer(connection, KIND, DECISION, f"{timer.subject} again", NOW_MS)
        if timer.subject == "bad":
            raise LookupError("a defect")
        done.append(timer.subject)

    await set_some(pool, ["bad"], NOW_MS - 1)
    await set_some(pool, ["good"])
    async with running(pool, {KIND: set_another}) as (timers,):
        await until(lambda: len(done) == 2)
    # What the bad one had set is gone with it; what the good one set was done without a wake.
    assert done == ["good", "good again"]
    assert timers.failures == 1
