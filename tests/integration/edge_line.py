"""An edge worker and the identity service on real engines, with one tenant and key."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1 import intervention_pb2 as intervention
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from cli.up.ports import free_address
from services.common import channels
from services.common.auth import make_token
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME, EventLog, open_log
from tests.engines.fixtures import Engines
from tests.engines.running import MESH_SECRET, Running

ORIGIN = "https://shop.example"


class Page:
    """A browser's side of a connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.welcome: dict[str, Any] = {}

    async def send(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))

    async def events(self, seq: int, *events: list[Any], **more: Any) -> None:
        frame = {"type": "events", "seq": seq, "t0": time.time() * 1000, **more}
        await self.send(**frame, events=list(events) or [[2, 0, seq, seq]])

    async def heard(self, type_name: str, within_s: float = 5.0) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            while True:
                frame: dict[str, Any] = json.loads(await self._socket.recv())
                if frame["type"] == type_name:
                    return frame

    async def acked(self, seq: int) -> None:
        while (await self.heard("ack"))["seq"] < seq:
            pass

    async def close_code(self, within_s: float = 10.0) -> int:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await self._socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


class Mesh:
    """An edge worker and the identity service, with one tenant and key."""

    def __init__(
        self,
        env: dict[str, str],
        log: EventLog,
        ws: str = "",
        http: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.env = env
        self.log = log
        self.ws = ws or f"ws://{env['SIQ_WS_LISTEN']}"
        self.http = http or f"http://{env['SIQ_HTTP_LISTEN']}"
        self.tls = tls
        self.edge: Running
        self.key = ""
        channel = channels.connect(
            env["SIQ_IDENTITY_ADDR"], make_token(MESH_SECRET, subject="test", role="operator")
        )
        self.tenants: Any = TenantServiceStub(channel)
        self.channel = channel

    async def start_edge(self) -> None:
        self.edge = Running("edge", self.env)
        async with asyncio.timeout(20), httpx.AsyncClient(verify=self.tls or True) as client:
            while True:
                try:
                    if (await client.get(f"{self.http}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def open(self, origin: str | None = ORIGIN, **hello: Any) -> Page:
        socket = await connect(
            self.ws,
            subprotocols=[Subprotocol("sentientiq.v1")],
            origin=Origin(origin) if origin else None,
            compression=None,
            ssl=self.tls,
        )
        page = Page(socket)
        await page.send(
            **{
                "type": "hello",
                "key": self.key,
                "stream": "p1",
                "page": "/",
                "clock": time.time() * 1000,
                **hello,
            }
        )
        return page

    async def page(self, **hello: Any) -> Page:
        page = await self.open(**hello)
        page.welcome = await page.heard("welcome")
        return page

    async def logged(self, topic: str, session: str) -> list[Any]:
        kinds: dict[str, Any] = {
            BEHAVIOR: BehaviorBatch,
            IDENTITY: SealedIdentify,
            OUTCOME: intervention.Outcome,
        }
        entries = await self.log.read(topic, dict.fromkeys(range(64), 0), limit=10_000)
        found = [kinds[topic].FromString(r.value) for entry in entries for r in entry.records]
        return [message for message in found if message.session_id == session]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(
    engines: Engines,
    postgres_url: str,
    log_url: str,
    state_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Mesh]:
    folder: Path = tmp_path_factory.mktemp("edge")
    addresses = {
        name: free_address()
        for name in (
            "SIQ_IDENTITY_ADDR",
            "SIQ_WS_LISTEN",
            "SIQ_HTTP_LISTEN",
            "SIQ_INTERVENTION_ADDR",
        )
    }
    env = {
        "SIQ_POSTGRES_URL": postgres_url,
        "SIQ_LOG_URL": log_url,
        "SIQ_STATE_URL": state_url,
        "SIQ_SEALING_KEY_FILE": str(folder / "sealing.key"),
        # All that the tests play has one address and one key.
        "SIQ_MAX_CONNECTIONS_PER_IP": "0",
        "SIQ_HELLOS_PER_S_PER_IP": "0",
        "SIQ_FRAMES_PER_S_PER_IP": "0",
        "SIQ_FRAMES_PER_S_PER_KEY": "0",
        **addresses,
    }
    identity = Running("services.identity", {**env, "SIQ_LISTEN": addresses["SIQ_IDENTITY_ADDR"]})
    await identity.ready(addresses["SIQ_IDENTITY_ADDR"])
    log = open_log(log_url)
    running = Mesh(env, log)
    await running.tenants.PutTenant(
        tenant.PutTenantRequest(tenant=tenant.Tenant(tenant_id="acme", name="Acme"))
    )
    created = await running.tenants.CreateKey(
        tenant.CreateKeyRequest(tenant_id="acme", origins=[ORIGIN], environment="test")
    )
    running.key = created.key
    await running.start_edge()
    yield running
    running.edge.kill()
    assert identity.stop() == 0
    await running.channel.close()
    await log.close()
