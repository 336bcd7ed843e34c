"""A running identity service for tests, and callers of every kind."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc
import jwt
import pytest
from nacl.public import PublicKey, SealedBox
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc
from sentientiq.identity.v1 import privacy_service_pb2_grpc as prpc
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as trpc

from cli.up.ports import free_port
from services.common.auth import make_token
from services.common.channels import connect
from services.common.process import run_all
from services.identity.server import Parts, running
from services.identity.settings import Settings

MESH = "m" * 32
SECRET = "i" * 32
_driver: Any = asyncpg  # without stubs
_jwt: Any = jwt  # its signatures name key types of a package that HS256 does not need


class Service:
    """A running service, and callers with tokens of several kinds."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings = settings
        self.parts = parts
        self.public_key = b""
        self._channels: list[grpc.aio.Channel] = []
        self.identity, self.tenants = self.as_caller()
        self.privacy = self.privacy_of()

    def as_caller(self, tenant_id: str = "*", role: str = "mesh") -> tuple[Any, Any]:
        """Stubs of both services for a caller."""
        return self.with_token(make_token(MESH, subject="test", tenant_id=tenant_id, role=role))

    def privacy_of(self, tenant_id: str = "*", role: str = "mesh") -> Any:
        """A stub of PrivacyService for a caller."""
        return self.privacy_with(make_token(MESH, subject="test", tenant_id=tenant_id, role=role))

    def privacy_with(self, token: str) -> Any:
        """A stub of PrivacyService for the holder of a token."""
        channel = connect(self.settings.listen, token)
        self._channels.append(channel)
        return prpc.PrivacyServiceStub(channel)

    def with_token(self, token: str) -> tuple[Any, Any]:
        """Stubs of both services for the holder of a token."""
        channel = connect(self.settings.listen, token)
        self._channels.append(channel)
        return rpc.IdentityServiceStub(channel), trpc.TenantServiceStub(channel)

    def sealed(
        self,
        tenant_id: str,
        content: Mapping[str, Any] | bytes,
        *,
        session: str = "s1",
        stream: str = "p1",
        seq: int = 1,
        at_ms: int | None = None,
    ) -> pb.SealedIdentify:
        """An identify as the edge seals it."""
        plain = content if isinstance(content, bytes) else json.dumps(content).encode()
        return pb.SealedIdentify(
            tenant_id=tenant_id,
            session_id=session,
            stream_id=stream,
            seq=seq,
            sealed=SealedBox(PublicKey(self.public_key)).encrypt(plain),
            key_id=self.public_key[:8],
            occurred_at_ms=at_ms or int(time.time() * 1000),
        )

    async def identify(self, message: pb.SealedIdentify) -> pb.UserIdentity:
        """Call Identify as the mesh."""
        answer: Any = await self.identity.Identify(pb.IdentifyRequest(identify=message))
        return answer.identity

    async def resolve(self, tenant_id: str, session: str = "s1") -> pb.UserIdentity:
        """Call Resolve as the mesh."""
        request = pb.ResolveRequest(tenant_id=tenant_id, session_id=session)
        answer: Any = await self.identity.Resolve(request)
        return answer.identity

    async def put_config(self, tenant_id: str, kind: str, document: Mapping[str, Any]) -> None:
        """Store a document of the tenant's, and wait until it is in force."""
        documents = self.parts.documents[kind]
        before = documents.of(tenant_id)
        body = json.dumps(document).encode()
        await self.tenants.PutConfig(
            tpb.PutConfigRequest(tenant_id=tenant_id, kind=kind, body=body)
        )

        async def in_force() -> bool:
            return documents.of(tenant_id) is not before

        await until(in_force)

    async def make_tenant(self) -> str:
        """A fresh tenant with an identity secret."""
        tenant_id = f"t{secrets.token_hex(6)}"
        made = tpb.Tenant(tenant_id=tenant_id, identity_secret=SECRET, emotions_to_page=True)
        await self.tenants.PutTenant(tpb.PutTenantRequest(tenant=made))
        return tenant_id

    async def stored(self) -> bytes:
        """All rows of all tables, as one text."""
        connection = await _driver.connect(self.settings.postgres_url)
        try:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'identity'"
            found: list[bytes] = []
            for (table,) in await connection.fetch(tables):
                for row in await connection.fetch(f'SELECT * FROM identity."{table}"'):
                    found.extend(v if isinstance(v, bytes) else str(v).encode() for v in row)
            return b"\n".join(found)
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close the callers' channels."""
        for channel in self._channels:
            await channel.close()


@asynccontextmanager
async def running_service(
    postgres_url: str,
    log_url: str,
    folder: Path,
    *,
    allowed_private_hosts: tuple[str, ...] = (),
) -> AsyncGenerator[Service, None]:
    """Run the service in this process, on a free port."""
    settings = Settings(
        mesh_secret=MESH,
        postgres_url=postgres_url,
        log_url=log_url,
        sealing_key_file=str(folder / "sealing.key"),
        enrichment_folder=str(folder / "enrichment"),
        allowed_private_hosts=allowed_private_hosts,
        kek_file=str(folder / "kek.json"),
        audit_anchor_file=str(folder / "audit.anchors"),
        listen=f"127.0.0.1:{free_port()}",
    )
    async with running(settings) as parts:
        loops = asyncio.create_task(run_all(*parts.loops()))
        service = Service(settings, parts)
        try:
            answer: Any = await service.identity.GetSealingKey(pb.GetSealingKeyRequest())
            service.public_key = answer.public_key
            yield service
            assert not loops.done(), "a background loop ended"
        finally:
            await service.close()
            loops.cancel()
            await asyncio.wait([loops])


def identity_token(
    secret: Any = SECRET, algorithm: str = "HS256", kid: str = "", **claims: Any
) -> str:
    """A token as the tenant's server signs it."""
    now = int(time.time())
    told = {"sub": "u1", "iat": now, "exp": now + 600, **claims}
    return str(_jwt.encode(told, secret, algorithm, headers={"kid": kid} if kid else None))


async def refused(call: Awaitable[Any]) -> tuple[str, str]:
    """The status and words with which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return refusal.value.code().name, refusal.value.details() or ""


async def until(fact: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true; there is nothing to wait on but the effect itself."""
    async with asyncio.timeout(30):
        while not (answer := await fact()):
            await asyncio.sleep(0.02)
        return answer
