"""Edge workers and identity on a real log, for tests of Segment's API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.identity.v1 import identity_service_pb2 as identity
from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub

from cli.up.ports import free_address
from edge.segment.people import SLOT_MS, session_of
from hotpath.columns import to_wire
from services.common import channels
from services.common.auth import make_token
from services.common.log import BEHAVIOR, IDENTITY, EventLog, open_log
from tests.engines.running import MESH_SECRET, Running

TENANT = "acme"
_ALL = dict.fromkeys(range(64), 0)


class Line:
    """Edge workers and the identity service, with one tenant and key."""

    def __init__(self, env: dict[str, str], log: EventLog) -> None:
        self.env = env
        self.log = log
        self.edges: list[Running] = []
        self.urls: list[str] = []
        self.key = ""
        token = make_token(MESH_SECRET, subject="test", role="operator")
        self.channel = channels.connect(env["SIQ_IDENTITY_ADDR"], token)
        self.tenants: Any = TenantServiceStub(self.channel)
        mesh = make_token(MESH_SECRET, subject="test")
        self.mesh_channel = channels.connect(env["SIQ_IDENTITY_ADDR"], mesh)
        self.identities: Any = IdentityServiceStub(self.mesh_channel)

    async def start_edge(self) -> str:
        """One more worker; returns where it listens."""
        address = free_address()
        mine = {"SIQ_HTTP_LISTEN": address, "SIQ_WS_LISTEN": free_address()}
        url = f"http://{address}"
        self.edges.append(
            Running("edge", {**self.env, **mine, "SIQ_WORKER": f"edge-{len(self.edges)}"})
        )
        self.urls.append(url)
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        return url
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def new_key(self) -> str:
        """A key that pages of one origin may use."""
        created = await self.tenants.CreateKey(
            tenant.CreateKeyRequest(
                tenant_id=TENANT, origins=["https://shop.example"], environment="test"
            )
        )
        return str(created.key)

    async def post(
        self, path: str, body: Any, *, url: str = "", key: str | None = None, **more: Any
    ) -> httpx.Response:
        """What a server of the tenant's sends."""
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.post(
                f"{url or self.urls[0]}/v1/{path}",
                json=body,
                auth=(self.key if key is None else key, ""),
                **more,
            )

    async def events(self, person: str) -> list[tuple[BehaviorBatch, list[Any]]]:
        """The person's batches of the half hours around now, each with its one event."""
        found = await self._records(BEHAVIOR, BehaviorBatch, person)
        return [
            (batch, to_wire(batch.columns, [], list(batch.strings))[0])
            for batch in sorted(found, key=lambda batch: batch.t0_ms)
        ]

    async def identifies(self, person: str) -> list[identity.SealedIdentify]:
        """What was said about a person."""
        found = await self._records(IDENTITY, identity.SealedIdentify, person)
        return [message for message in found if message.sealed]

    async def _records(self, topic: str, kind: Any, person: str) -> list[Any]:
        entries = await self.log.read(topic, _ALL, limit=10_000)
        found = [kind.FromString(r.value) for entry in entries for r in entry.records]
        sessions = set(sessions_of(person))
        return [message for message in found if message.session_id in sessions]

    async def resolved(self, person: str) -> identity.UserIdentity:
        """Who identity takes the person for, as soon as it has heard anything."""
        async with asyncio.timeout(20):
            while True:
                for session in sessions_of(person):
                    found = await self.resolve(session)
                    if found.user_id or found.company_name:
                        return found
                await asyncio.sleep(0.1)

    async def resolve(self, session: str) -> identity.UserIdentity:
        """Who identity takes a session for."""
        request = identity.ResolveRequest(tenant_id=TENANT, session_id=session)
        return (await self.identities.Resolve(request)).identity


def sessions_of(person: str) -> list[str]:
    """The person's sessions around now: a half hour may just have begun, a clock may be off."""
    now_ms = time.time_ns() // 1_000_000
    return [session_of(TENANT, person, now_ms + step * SLOT_MS) for step in (0, -1, 1)]


@asynccontextmanager
async def running_line(urls: dict[str, str], folder: Path) -> AsyncGenerator[Line]:
    """Start identity and one edge worker."""
    address = free_address()
    env = {
        **urls,
        # One for all tests of a run, as their database and its tenant are: what is stored there is
        # opened with what this key wraps.
        "SIQ_SEALING_KEY_FILE": str(folder.parent / "sealing.key"),
        "SIQ_IDENTITY_ADDR": address,
        "SIQ_INTERVENTION_ADDR": free_address(),
    }
    service = Running("services.identity", {**env, "SIQ_LISTEN": address})
    await service.ready(address)
    log = open_log(env["SIQ_LOG_URL"])
    line = Line(env, log)
    try:
        await line.tenants.PutTenant(
            tenant.PutTenantRequest(tenant=tenant.Tenant(tenant_id=TENANT, name="Acme"))
        )
        line.key = await line.new_key()
        await line.start_edge()
        yield line
    finally:
        for edge in line.edges:
            edge.kill()
        stopped = service.stop()
        await line.channel.close()
        await line.mesh_channel.close()
        await log.close()
    assert stopped == 0
