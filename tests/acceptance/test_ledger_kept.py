"""Every recommendation ends in exactly one state and its times add up, whatever crashes meanwhile.

Lives with known ends go through the log in any order, some outcomes twice and some before their
decision, while the service and PostgreSQL are killed and come back. Nobody's end may be another
than it must be; the scorecard must say what the rows say.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc.aio
import pytest
from sentientiq.accountability.v1 import accountability_service_pb2 as apb

from cli.engines import Postgres, SocketFolder
from cli.engines.engine import EngineError
from services.accountability import sums
from services.common.log import DECISION, OUTCOME, Append
from services.common.log.port import session_append
from tests.acceptance.ledger_lives import Life, make_lives
from tests.integration.accountability_line import Line, now_ms

_driver: Any = asyncpg  # without stubs
_TENANT = "kept"
_END = 3  # states above it are ends
_PASSING = {"NOT_FOUND", "UNAVAILABLE", "DEADLINE_EXCEEDED"}


@pytest.fixture
async def own_postgres() -> AsyncGenerator[Postgres]:
    """A PostgreSQL that may be killed: nobody else's, and durable."""
    folder = Path(tempfile.mkdtemp(prefix="siq-kept-"))
    sockets = SocketFolder.of(folder)
    engine = Postgres(folder / "postgres", sockets.create())
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        sockets.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(3_000, id="short", marks=pytest.mark.timeout(300)),
        pytest.param(100_000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(3_600)]),
    ],
)
async def test_every_recommendation_ends_once_and_its_times_add_up(
    count: int, own_postgres: Postgres, log_url: str
) -> None:
    chance = random.Random(count)
    line = Line(own_postgres.url, log_url)
    await line.start()
    try:
        lives = {life.decision.id: life for life in make_lives(_TENANT, count, now_ms(), chance)}
        chaos = Chaos(line, own_postgres, chance)
        sent = asyncio.create_task(feed(line, list(lives.values()), chance))
        closing = asyncio.create_task(close_by_call(line, lives))
        kills = max(6, count // 8_000)
        for _ in range(kills):
            await chaos.strike()
        repeated = await sent
        await closing
        await settled(own_postgres, count)
        told = await judge(own_postgres, lives)
        await same_on_the_scorecard(line, lives)
        print(
            json.dumps(
                {
                    "recommendations": count,
                    "outcomes": sum(len(life.outcomes) for life in lives.values()),
                    "repeated": repeated,
                    "service_kills": chaos.service,
                    "postgres_kills": chaos.postgres,
                    **told,
                }
            )
        )
    finally:
        await line.close()


class Chaos:
    """Kills the service or PostgreSQL, and starts it again."""

    def __init__(self, line: Line, engine: Postgres, chance: random.Random) -> None:
        self._line = line
        self._engine = engine
        self._chance = chance
        self.service = 0
        self.postgres = 0

    async def strike(self) -> None:
        """One crash, once something has been applied since the last."""
        before = await folded(self._engine)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while await folded(self._engine) < before + 50:
                    await asyncio.sleep(0.02)
        if self.postgres >= self.service:
            self._line.running.kill()
            self.service += 1
            await self._line.start()
            return
        self.postgres += 1
        assert self._engine.pid is not None
        os.kill(self._engine.pid, signal.SIGKILL)
        # Not in a thread: a child is ended with the thread that started it.
        self._engine.stop()
        async with asyncio.timeout(60):
            while True:
                try:
                    self._engine.start()
                    return
                except EngineError:  # its backends still hold what they shared
                    await asyncio.sleep(0.2)


async def feed(line: Line, lives: list[Life], chance: random.Random) -> int:
    """Everything into the log in any order, one outcome in twenty twice. Returns how many were."""
    records = [(DECISION, life.decision) for life in lives]
    records += [(OUTCOME, outcome) for life in lives for outcome in life.outcomes]
    twice = [record for record in records if chance.random() < 0.05]
    everything = [*records, *twice]
    chance.shuffle(everything)
    size = max(100, len(everything) // 100)
    for start in range(0, len(everything), size):
        appends: list[Append] = [
            session_append(
                topic, message.tenant_id, message.session_id, message.SerializeToString(), {}
            )
            for topic, message in everything[start : start + size]
        ]
        await line.log.append(appends)
        await asyncio.sleep(0.01)
    return len(twice)


async def close_by_call(line: Line, lives: dict[str, Life]) -> None:
    """Close those that a call must close, as a connector does: again and again until it is told."""
    for life in lives.values():
        if life.end != "closed_by_call":
            continue
        request = apb.TaskClosedRequest(
            tenant_id=_TENANT,
            decision_id=life.decision.id,
            end=apb.TASK_END_DONE,
            idempotency_key=f"task-{life.decision.id}",
        )
        while True:
            try:
                await line.stub.TaskClosed(request, timeout=5)
                break
            except grpc.aio.AioRpcError as error:
                if error.code().name not in _PASSING:
                    raise
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def connected(engine: Postgres) -> AsyncGenerator[Any]:
    connection = await _driver.connect(
        engine.url, server_settings={"search_path": "accountability"}
    )
    try:
        yield connection
    finally:
        await connection.close()


async def folded(engine: Postgres) -> int:
    async with connected(engine) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM transitions"))


async def settled(engine: Postgres, count: int) -> None:
    """Wait until all have ended and nothing moves any more."""
    seen, since = (-1, -1), time.monotonic()
    began = time.monotonic()
    while time.monotonic() - since < 3:
        assert time.monotonic() - began < 1_800, seen
        async with connected(engine) as connection:
            row = await connection.fetchrow(
                "SELECT count(*) FILTER (WHERE state > $1 AND untermed IS NULL) AS ended,"
                " (SELECT count(*) FROM facts) AS facts FROM recommendations",
                _END,
            )
        now = (row["ended"], row["facts"])
        if now != seen or row["ended"] < count:
            seen, since = now, time.monotonic()
        await asyncio.sleep(0.2)


async def judge(engine: Postgres, lives: dict[str, Life]) -> dict[str, Any]:
    """Compare the tables with what must have come of it."""
    ends: Counter[str] = Counter()
    async with connected(engine) as connection:
        rows = await connection.fetch(
            "SELECT decision_id, state, decided_at_ms,"
            " (SELECT array_agg(t.state ORDER BY position) FROM transitions t"
            "   WHERE t.decision_id = r.decision_id) AS states,"
            " (SELECT array_agg(t.at_ms ORDER BY position) FROM transitions t"
            "   WHERE t.decision_id = r.decision_id) AS moments,"
            " (SELECT array_agg(person_id ORDER BY position) FROM owners o"
            "   WHERE o.decision_id = r.decision_id) AS people,"
            " (SELECT sum(to_ms - from_ms) FROM owners o"
            "   WHERE o.decision_id = r.decision_id) AS spent"
            " FROM recommendations r"
        )
        differences = await sums.differences(connection)
        owners = await connection.fetchval("SELECT count(*) FROM owners")
    assert len(rows) == len(lives)
    for row in rows:
        life = lives[row["decision_id"]]
        name = apb.RecommendationState.Name(row["state"]).removeprefix("RECOMMENDATION_STATE_")
        assert name == life.state, (life, row)
        ends[name] += 1
        finals = [state for state in row["states"] if state in (4, 5, 6, 8, 9)]
        assert len(finals) == (0 if name == "IGNORED" else 1), (life, row)
        assert row["states"][-1] == row["state"]
        assert row["moments"] == sorted(row["moments"])
        assert row["people"] == life.owners, (life, row)
        closed = row["moments"][-1]
        assert row["spent"] == closed - row["decided_at_ms"], (life, row)
        if life.closed_at_ms:
            assert closed == life.closed_at_ms, (life, row)
    assert differences == []
    return {"ends": dict(sorted(ends.items())), "owners": owners}


async def same_on_the_scorecard(line: Line, lives: dict[str, Life]) -> None:
    card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id=_TENANT))
    counts = {
        apb.RecommendationState.Name(row.state).removeprefix("RECOMMENDATION_STATE_"): row.count
        for row in card.counts
    }
    assert counts == Counter(life.state for life in lives.values())
    assert sum(row.count for row in card.figures.verdicts) == sum(
        len(life.owners) for life in lives.values()
    )
    at_stake: Counter[str] = Counter()
    for life in lives.values():
        if life.state != "VOID" and life.decision.HasField("value"):
            at_stake[life.decision.value.currency] += life.decision.value.minor
    assert {
        one.currency: one.protected_minor + one.at_risk_minor + one.unknown_minor
        for one in card.figures.money
    } == at_stake
    valueless = sum(not life.decision.HasField("value") for life in lives.values())
    assert card.figures.without_value == valueless
