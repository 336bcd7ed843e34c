"""What the tests of bad input share: a running mesh, and what is asked of it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from cli import mesh as records
from cli import processes
from cli.mesh import Mesh
from cli.smoke.private import private_mesh
from cli.tenants import Tenants, open_tenants
from services.common import state
from services.common.auth import make_token
from services.common.log import TOPICS, EventLog, Record, open_log
from services.common.partition import PARTITIONS

ORIGIN = "https://shop.example"
FOREIGN_ORIGIN = "https://foreign.example"
DEEP = "[" * 30_000 + "]" * 30_000
EVERYTHING = dict.fromkeys(range(PARTITIONS), 0)


@dataclass
class World:
    """A running mesh with two tenants, `mine` and `foreign`, and a key of each."""

    data: Path
    mesh: Mesh
    secret: str
    log: EventLog
    key: str = ""
    foreign_key: str = ""

    def tenants(self) -> Any:
        """TenantService, as the command line uses it."""
        return open_tenants(self.mesh.env["SIQ_IDENTITY_ADDR"], self.secret)

    async def populate(self) -> None:
        """Make the tenants and their keys."""
        made: Tenants
        async with self.tenants() as made:
            for name in ("mine", "foreign"):
                await made.stub.PutTenant(
                    tenant_pb.PutTenantRequest(
                        tenant=tenant_pb.Tenant(tenant_id=name, name=name, emotions_to_page=True)
                    )
                )
            self.key = await made.create_key("mine", [ORIGIN], "test")
            self.foreign_key = await made.create_key("foreign", [FOREIGN_ORIGIN], "test")

    def token(self, **claims: Any) -> str:
        """A bearer token of this mesh; without claims, of its own processes."""
        return make_token(self.secret, subject="bad-input", **claims)

    async def socket(
        self, origin: str | None = ORIGIN, *, url: str | None = None
    ) -> ClientConnection:
        """A socket on which nothing was said yet."""
        return await connect(
            url or self.mesh.urls["ws"],
            subprotocols=[Subprotocol("sentientiq.v1")],
            origin=Origin(origin) if origin else None,
            compression=None,
        )

    def hello(self, **more: Any) -> dict[str, Any]:
        """A good hello, but for what is told."""
        return {
            "type": "hello",
            "key": self.key,
            "stream": "p1",
            "clock": time.time() * 1000,
            **more,
        }

    async def opened(
        self, origin: str = ORIGIN, *, url: str | None = None, **hello: Any
    ) -> tuple[ClientConnection, dict[str, Any]]:
        """A socket of a good visitor, and its welcome."""
        socket = await self.socket(origin, url=url)
        await socket.send(json.dumps(self.hello(**hello)))
        welcome = json.loads(await socket.recv())
        assert welcome["type"] == "welcome", welcome
        return socket, welcome

    async def records(self, *topics: str) -> list[Record]:
        """Everything that stands in the log, in these topics or in all."""
        found: list[Record] = []
        for topic in topics or TOPICS:
            after = dict(EVERYTHING)
            # A log gives at once as much as it likes to.
            while entries := await self.log.read(topic, after, limit=10_000):
                for entry in entries:
                    after[entry.partition] = entry.offset
                    found += entry.records
        return found

    async def mentions(self, word: str) -> bool:
        """Whether the log or the state store holds the word anywhere."""
        needle = word.encode()
        if any(needle in record.value for record in await self.records()):
            return True
        store: Any = state.connect(self.mesh.env["SIQ_STATE_URL"])
        try:
            async for name in store.scan_iter(count=1000):
                if needle in name or needle in (await store.dump(name) or b""):
                    return True
            return False
        finally:
            await store.aclose()

    def check_lives(self) -> None:
        """Every process runs under the id it had at the start; none has written a traceback."""
        now = records.read(self.data)
        assert now is not None
        assert {name: process.pid for name, process in now.processes.items()} == {
            name: process.pid for name, process in self.mesh.processes.items()
        }
        for name, process in now.processes.items():
            assert processes.started_at(process.pid) == process.started, f"{name} is gone"
        _, trace, rest = self.said().partition("Traceback")
        assert not trace, rest[:3_000]

    def said(self) -> str:
        """What all processes have logged so far."""
        return (self.data.parent / "up.log").read_text()

    async def still_works(self) -> None:
        """A good visitor is served as ever, or asked to slow down after much and then served."""
        socket, _ = await self.opened()
        await socket.send(json.dumps(events(1)))
        while (frame := json.loads(await socket.recv())).get("code") == "slow":
            pass
        assert frame == {"type": "ack", "seq": 1}
        await socket.close()


@asynccontextmanager
async def open_world(*options: str, env: Mapping[str, str] | None = None) -> AsyncGenerator[World]:
    """A mesh of its own, with more options and settings, and its tenants."""
    async with private_mesh(*options, env=env) as (data, mesh):
        secret = json.loads((data / "secrets.json").read_text())["mesh"]
        log = open_log(mesh.env["SIQ_LOG_URL"])
        world = World(data, mesh, secret, log)
        try:
            await world.populate()
            yield world
        finally:
            await log.close()


@asynccontextmanager
async def running_world(env: Mapping[str, str] | None = None) -> AsyncGenerator[World]:
    """A mesh of its own, which must still work when everything was tried on it."""
    async with open_world(env=env) as world:
        yield world
        await world.still_works()
        world.check_lives()


def events(seq: Any, *rows: Any, **more: Any) -> dict[str, Any]:
    """An events frame; without rows, one that is good."""
    t0 = time.time() * 1000
    return {"type": "events", "seq": seq, "t0": t0, "events": list(rows) or [[2, 0, 1, 1]], **more}


async def answer(socket: ClientConnection, skip: Collection[str] = ()) -> str:
    """The next error code, else the close code, else "ack" or another type."""
    try:
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] not in skip:
                return str(frame.get("code", frame["type"]))
    except ConnectionClosed as closed:
        return str(closed.rcvd.code if closed.rcvd else 1006)
