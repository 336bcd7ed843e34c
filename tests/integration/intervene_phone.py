"""A person with the intervene page open, and the visitor that it is about, for tests."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from services.common import state
from services.common.log.port import session_append
from services.common.state import edge_channel, where_key
from tests.integration.intervention_line import Line, link_of, until


class Phone:
    """A person with the page open."""

    def __init__(self, line: Line, path: str) -> None:
        self.line = line
        self.path = path
        self.nonce = ""

    async def look(self) -> dict[str, Any]:
        """What the open page knows."""
        answer: dict[str, Any] = (await self.line.pages.get(f"{self.path}/live")).json()
        return answer

    async def see(self) -> None:
        """Be visible."""
        answer = await self.line.pages.post(f"{self.path}/seen", json={})
        assert answer.status_code == 200, answer.text
        self.nonce = answer.json()["nonce"]

    async def tap(self, act: str, **more: str) -> dict[str, Any]:
        """Act, and keep the nonce for the next one."""
        answer = await self.post("act", act=act, **more)
        assert answer.status_code == 200, answer.text
        self.nonce = answer.json()["nonce"]
        done: dict[str, Any] = answer.json()["done"]
        return done

    async def post(self, what: str, **body: str) -> Any:
        """POST with the nonce."""
        return await self.line.pages.post(f"{self.path}/{what}", json={"nonce": self.nonce, **body})

    async def last(self) -> dict[str, Any]:
        """The latest act, in words."""
        acts: list[dict[str, Any]] = (await self.look())["acts"]
        return acts[-1]

    async def state(self, wanted: str) -> dict[str, Any]:
        """Wait for the latest act's state."""

        async def there() -> dict[str, Any] | None:
            last = await self.last()
            return last if last["state"] == wanted else None

        found: dict[str, Any] = await until(there)
        return found


async def opened(line: Line, session: str = "s1") -> Phone:
    """Somebody is told of a rage, and opens the link."""
    line.person()
    await line.decide(line.emotion(session), line.identity(session))
    phone = Phone(line, link_of((await line.one_message())["body"]))
    await phone.see()
    return phone


@asynccontextmanager
async def visitor(line: Line, state_url: str, session: str = "s1") -> AsyncGenerator[Any, None]:
    """The visitor's page is open, in view; yields the state store."""
    client: Any = state.connect(state_url)
    worker = f"w-{line.tenant}"
    async with client.pubsub(ignore_subscribe_messages=True) as edge:
        await edge.subscribe(edge_channel(worker))
        value = f"{worker} {time.time() * 1000:.0f}"
        await client.hset(where_key(line.tenant, session), "p1", value)
        yield client
    await client.aclose()


async def outcomes(line: Line, kind: pb.OutcomeKind.ValueType, count: int = 1) -> list[pb.Outcome]:
    """The tenant's outcomes of a kind, when there are that many."""

    async def enough() -> list[pb.Outcome]:
        found = await line.outcomes(kind)
        return found if len(found) >= count else []

    found: list[pb.Outcome] = await until(enough)
    return found


async def show(line: Line, intervention_id: str, session: str = "s1") -> None:
    """The visitor's page says that it shows it."""
    shown = pb.Outcome(
        id=f"shown-{intervention_id}",
        tenant_id=line.tenant,
        session_id=session,
        intervention_id=intervention_id,
        kind=pb.OUTCOME_KIND_SHOWN,
        channel="page",
        occurred_at_ms=time.time_ns() // 1_000_000,
    )
    await line.log.append(
        [session_append("outcome.v1", line.tenant, session, shown.SerializeToString(), {})]
    )


async def pending(line: Line, session: str = "s1") -> dict[str, pb.Intervention]:
    """What waits for the page, by template."""
    request = service_pb2.ListPendingRequest(tenant_id=line.tenant, session_id=session)
    return {one.template: one for one in (await line.stub.ListPending(request)).interventions}
