"""A dispatcher over real PostgreSQL, in a schema of its own, with channels that a test controls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from services.common import postgres
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict
from services.intervention.clock import wall_ms
from services.intervention.sending.breaker import Breaker
from services.intervention.sending.budgets import Budgets, read_rates
from services.intervention.sending.dispatcher import Dispatcher
from services.intervention.sending.lanes import CHANNELS
from services.intervention.sending.secrets import Sealer
from services.intervention.service import MIGRATIONS
from services.intervention.switches import Switches

MESH = "dispatch-test-secret-0123456789abcdef"

_DECISION = """
INSERT INTO decisions (id, tenant_id, session_id, emotion_id, rev, intervened, record,
    decided_at_ms)
VALUES ($1, $2, 's1', $1, 1, true, '', $3) ON CONFLICT DO NOTHING
"""
_MESSAGES = """
INSERT INTO messages (id, tenant_id, session_id, decision_id, person_id, channel, destination,
    endpoint_hash, sealed, next_attempt_at_ms, expires_at_ms, created_at_ms, changed_at_ms, rules)
SELECT id, $2, 's1', $3, 'p1', $4, $5, $6, $7, $8, $9, $8, $8, $10 FROM unnest($1::text[]) AS id
"""


class Post:
    """A channel: notes what it is given and answers as the test says."""

    def __init__(self) -> None:
        self.given: list[Message] = []
        self.answer: Callable[[Message], Verdict] = lambda _message: Verdict(Ending.DELIVERED)
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, message: Message) -> Verdict:
        """Wait at the gate, then answer."""
        self.given.append(message)
        await self.gate.wait()
        return self.answer(message)


class Bench:
    """One dispatcher and its posts."""

    def __init__(self, pool: Any, rates: tuple[str, ...]) -> None:
        self.pool = pool
        self.tenant = f"t-{uuid4().hex[:12]}"
        self.sealer = Sealer(MESH)
        self.posts = {channel: Post() for channel in CHANNELS}
        self.switches = Switches(pool)
        self.dispatcher = self.make(rates)
        self._running: list[tuple[Dispatcher, asyncio.Task[None]]] = []

    def make(self, rates: tuple[str, ...] = ()) -> Dispatcher:
        """Another replica with the same posts."""
        return Dispatcher(
            self.pool,
            self.posts,
            self.sealer,
            wall_ms,
            budgets=Budgets(self.pool, read_rates(rates)),
            breaker=Breaker(time.monotonic),
            switches=self.switches,
            committed=lambda: None,
        )

    def start(self, dispatcher: Dispatcher | None = None) -> None:
        """Let it run until `close`."""
        one = dispatcher or self.dispatcher
        self._running.append((one, asyncio.create_task(one.run())))

    async def put(
        self,
        channel: str,
        count: int = 1,
        *,
        destination: str = "",
        lives_ms: int = 60_000,
        rules: tuple[str, ...] = (),
    ) -> list[str]:
        """Promise messages."""
        now_ms = wall_ms()
        decision = uuid4().hex
        ids = [uuid4().hex for _ in range(count)]
        sealed = self.sealer.seal({"address": "a", "secret": "", "body": "b"})
        await self.pool.execute(_DECISION, decision, self.tenant, now_ms)
        await self.pool.execute(
            _MESSAGES, ids, self.tenant, decision, channel, destination or channel,
            f"hash-{destination or channel}", sealed, now_ms, now_ms + lives_ms, list(rules),
        )  # fmt: skip
        self.dispatcher.wake()
        return ids

    async def states(self) -> Mapping[str, int]:
        """How many messages of the tenant are in which state."""
        rows = await self.pool.fetch(
            "SELECT state, count(*) AS n FROM messages WHERE tenant_id = $1 GROUP BY state",
            self.tenant,
        )
        return {row["state"]: row["n"] for row in rows}

    async def row(self, id_: str) -> Any:
        """One message as it stands."""
        return await self.pool.fetchrow("SELECT * FROM messages WHERE id = $1", id_)

    async def close(self) -> None:
        """Stop; nothing stays under way."""
        for post in self.posts.values():
            post.gate.set()
        for dispatcher, task in self._running:
            dispatcher.stop()
            await task
            await dispatcher.drain(5)


async def fresh_pool(url: str) -> tuple[Any, str]:
    """A schema of the test's own, so that no other service's dispatcher claims from it."""
    schema = f"dispatch_{uuid4().hex[:10]}"
    await postgres.migrate(url, schema, MIGRATIONS)
    return await postgres.connect(url, schema=schema, max_size=4), schema
