"""AT-06: killed between the commit and the log, nothing is missing and effects happen once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.decoding import decode_outcome
from services.accountability.ledger import Ledger
from services.accountability.store import Store
from services.common import postgres
from services.common.consumer import Consumer
from services.common.log import OUTCOME, EventLog, open_log
from services.common.partition import PARTITIONS
from services.intervention.sending.relay import Relay
from tests.acceptance.outbox_children import TENANT, outcome
from tests.integration.dispatching import fresh_pool
from tests.integration.intervention_line import until

ROOT = Path(__file__).resolve().parents[2]
_FACTS = "SELECT id FROM facts WHERE tenant_id = $1"


@pytest.mark.parametrize(
    "kills",
    [20, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_killed_between_commit_and_log(kills: int, postgres_url: str, log_url: str) -> None:
    pool, schema = await fresh_pool(postgres_url)
    children = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.acceptance.outbox_children"),
        *(postgres_url, log_url, schema, str(kills)),
        cwd=ROOT,
    )
    assert await children.wait() == 0
    log = open_log(log_url)
    while await Relay(pool, log).flush():
        pass
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0

    promised = {outcome(number).id for number in range(kills)}
    logged = Counter(await _logged(log))
    assert promised - logged.keys() == set()
    assert sum(logged.values()) > kills, "no child died after the log had answered"
    assert sorted(await _effects(postgres_url, log, kills)) == sorted(promised)
    await pool.close()
    await log.close()


async def _logged(log: EventLog) -> list[str]:
    entries = await log.read(OUTCOME, dict.fromkeys(range(PARTITIONS), 0), limit=100_000)
    found = [pb.Outcome.FromString(one.value) for entry in entries for one in entry.records]
    return [one.id for one in found if one.tenant_id == TENANT]


async def _effects(postgres_url: str, log: EventLog, kills: int) -> list[str]:
    """What accountability makes of the log, with a consumer that begins twice at the same place."""
    schema = f"accountability_{uuid4().hex[:10]}"
    migrations = ROOT / "services" / "accountability" / "migrations"
    await postgres.migrate(postgres_url, schema, migrations)
    pool: Any = await postgres.connect(postgres_url, schema=schema)
    ledger = Ledger(Store(pool), lambda: 0)

    async def facts() -> list[str]:
        return [row["id"] for row in await pool.fetch(_FACTS, TENANT)]

    async def applied() -> bool:
        return len(await facts()) >= kills

    for group in (uuid4().hex, uuid4().hex):
        seen: list[int] = []

        async def handle(deliveries: Any, seen: list[int] = seen) -> None:
            await ledger.apply_outcomes(deliveries)
            seen.append(sum(one.message.key.tenant_id == TENANT for one in deliveries))

        consumer = Consumer(log, group=group, topic=OUTCOME, decode=decode_outcome, handle=handle)
        running = asyncio.create_task(consumer.run())
        await until(applied)
        await until(lambda seen=seen: _reached(seen, kills))
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    found = await facts()
    await pool.close()
    return found


async def _reached(seen: list[int], kills: int) -> bool:
    return sum(seen) > kills
