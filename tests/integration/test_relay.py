"""Decisions on their way to the log: from memory, and from the table where nobody came to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import DECISION, Append, EventLog, LogUnavailable, open_log
from services.common.partition import PARTITIONS
from services.intervention.deciding.pulse import Pulse
from services.intervention.deciding.writer import Writer
from services.intervention.sending.relay import Relay
from services.intervention.store import promises
from services.intervention.store.promises import Promise
from tests.integration.deciding import NOW_MS, case, court
from tests.integration.dispatching import fresh_pool
from tests.unit.services.intervention.policy.cases import policy, rule


class Line:
    """A writer and what it hands over, over a schema of its own."""

    def __init__(self, pool: Any, log: EventLog) -> None:
        self.pool = pool
        self.log = log
        self.tenant = uuid4().hex
        self.handed: list[Promise] = []
        self._writer = Writer(
            pool, court(), lambda: NOW_MS, pulse=Pulse(pool),
            committed=lambda promise, _: self.handed.append(promise),
        )  # fmt: skip

    async def decide(self, count: int) -> list[str]:
        """One commit of so many."""
        chosen = policy(rule("r"))
        made = [case(chosen, tenant=self.tenant, session=f"s{at}") for at in range(count)]
        settled = [asyncio.ensure_future(self._writer.submit(one)) for one in made]
        loop = asyncio.ensure_future(self._writer.run())  # all wait already: one group
        await asyncio.gather(*settled)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        return [one.id for one in made]

    async def grown_old(self) -> None:
        """As if every promise had stood for a while."""
        await self.pool.execute(
            "UPDATE promised SET since = since - make_interval(secs => $1)", promises.OWN_S + 1
        )

    async def logged(self) -> Counter[str]:
        """Of this tenant, how often each decision is in the log."""
        start = dict.fromkeys(range(PARTITIONS), 0)
        entries = await self.log.read(DECISION, start, limit=100_000)
        found = (pb.Decision.FromString(one.value) for entry in entries for one in entry.records)
        return Counter(one.id for one in found if one.tenant_id == self.tenant)

    async def owed(self) -> int:
        """Promises that stand."""
        return int(await self.pool.fetchval("SELECT count(*) FROM promised"))


@pytest.fixture
async def line(postgres_url: str, log_url: str) -> AsyncGenerator[Line]:
    pool, _ = await fresh_pool(postgres_url)
    log = open_log(log_url)
    yield Line(pool, log)
    await log.close()
    pool.terminate()


async def test_what_was_just_committed_goes_from_memory_once(line: Line) -> None:
    made = await line.decide(3)
    relay, other = Relay(line.pool, line.log), Relay(line.pool, line.log)
    for promise in line.handed:
        relay.hand(promise)
    assert await other.flush() == 0, "a fresh promise is its maker's alone"
    await relay.flush_handed()
    assert relay.appended == 3
    assert await line.logged() == Counter(made)
    assert await line.owed() == 0


async def test_the_table_is_told_of_many_at_once_and_of_all_at_the_end(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.intervention.sending.relay._FORGET_S", 600)
    made, relay = list[str](), Relay(line.pool, line.log)
    for number in range(4):
        made += await line.decide(1)
        relay.hand(line.handed[number])
        await relay.flush_handed()
    assert await line.logged() == Counter(made)
    assert await line.owed() == 3, "the first was told at once, for it had been quiet before"
    await relay.forget_kept()
    assert await line.owed() == 0
    await line.grown_old()
    assert await Relay(line.pool, line.log).flush() == 0


async def test_what_its_maker_left_goes_with_anybody(line: Line) -> None:
    made = [*await line.decide(2), *await line.decide(1)]
    await line.grown_old()
    assert await Relay(line.pool, line.log).flush() == 3
    assert await line.logged() == Counter(made)
    assert await line.owed() == 0
    records = {row.value for promise in line.handed for row in promise.rows}
    stored = await line.pool.fetch("SELECT record FROM decisions")
    assert records == {row["record"] for row in stored}, "memory and table tell the log the same"


class _Away:
    async def append(self, appends: Sequence[Append]) -> list[int]:
        """Refuse."""
        raise LogUnavailable(f"{len(appends)} not taken")


async def test_while_the_log_is_away_promises_stand(line: Line) -> None:
    made = await line.decide(2)
    away: Any = _Away()
    relay = Relay(line.pool, away)
    relay.hand(line.handed[0])
    with pytest.raises(LogUnavailable):
        await relay.flush_handed()
    assert await line.owed() == 1
    await line.grown_old()
    with pytest.raises(LogUnavailable):
        await relay.flush()
    assert await line.owed() == 1
    assert await Relay(line.pool, line.log).flush() == 2
    assert await line.logged() == Counter(made)


async def test_a_pile_that_was_left_goes_without_a_pause(line: Line) -> None:
    made = await line.decide(250)
    await line.pool.execute("DELETE FROM promised")
    await line.pool.execute("INSERT INTO promised (decision_ids) SELECT ARRAY[id] FROM decisions")
    await line.grown_old()
    running = asyncio.ensure_future(Relay(line.pool, line.log).run())
    try:
        async with asyncio.timeout(5):
            while await line.owed():
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await line.logged() == Counter(made)


async def test_what_was_forgotten_since_is_not_told(line: Line) -> None:
    made = await line.decide(2)
    await line.grown_old()
    await line.pool.execute("DELETE FROM interventions WHERE decision_id = $1", made[0])
    await line.pool.execute("DELETE FROM decisions WHERE id = $1", made[0])
    assert await Relay(line.pool, line.log).flush() == 1
    assert await line.logged() == Counter(made[1:])
