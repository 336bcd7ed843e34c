"""Identity as the commands use it: tenants, people and keys, through the real RPCs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import grpc
import grpc.aio
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from cli import mesh
from cli.errors import CliError
from services.common.auth import make_token
from services.common.channels import connect

S = TypeVar("S")
T = TypeVar("T")


class Tenants:
    """A client of TenantService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub = rpc.TenantServiceStub(channel)

    async def put_tenant(
        self, tenant_id: str, name: str, *, identity_secret: str, emotions_to_page: bool = False
    ) -> None:
        """Create or replace a tenant."""
        tenant = pb.Tenant(
            tenant_id=tenant_id,
            name=name,
            identity_secret=identity_secret,
            emotions_to_page=emotions_to_page,
        )
        await self.stub.PutTenant(pb.PutTenantRequest(tenant=tenant))

    async def exists(self, tenant_id: str) -> bool:
        """Tell whether there is such a tenant."""
        try:
            await self.stub.GetTenant(pb.GetTenantRequest(tenant_id=tenant_id))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def put_person(self, tenant_id: str, person: pb.Person) -> None:
        """Create or replace a person."""
        await self.stub.PutPerson(pb.PutPersonRequest(tenant_id=tenant_id, person=person))

    async def create_key(self, tenant_id: str, origins: list[str], environment: str) -> str:
        """Make a publishable key."""
        answer = await self.stub.CreateKey(
            pb.CreateKeyRequest(tenant_id=tenant_id, origins=origins, environment=environment)
        )
        return answer.key

    async def revoke_key(self, tenant_id: str, key: str) -> None:
        """End a key, given itself or by its id."""
        request = pb.RevokeKeyRequest(tenant_id=tenant_id)
        if key.startswith("pk_"):
            request.key = key
        else:
            request.key_id = key
        await self.stub.RevokeKey(request)

    async def resolve_key(self, key: str) -> pb.ResolveKeyResponse | None:
        """Name the tenant of a key, None if it is unknown or revoked."""
        try:
            return await self.stub.ResolveKey(pb.ResolveKeyRequest(key=key))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise

    async def put_config(self, tenant_id: str, kind: str, body: bytes) -> int:
        """Store a document's next version and return its number."""
        answer = await self.stub.PutConfig(
            pb.PutConfigRequest(tenant_id=tenant_id, kind=kind, body=body)
        )
        return answer.version

    async def config(self, tenant_id: str, kind: str) -> pb.ConfigDocument | None:
        """Read the version in force, None without one."""
        try:
            answer = await self.stub.GetConfig(pb.GetConfigRequest(tenant_id=tenant_id, kind=kind))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return answer.document

    async def people(self, tenant_id: str) -> list[pb.Person]:
        """List the team."""
        answer = await self.stub.ListPeople(pb.ListPeopleRequest(tenant_id=tenant_id))
        return list(answer.people)


@asynccontextmanager
async def open_channel(
    address: str, secret: str, service: str = "identity"
) -> AsyncGenerator[grpc.aio.Channel]:
    """Connect to a service; what it refuses becomes an error with its own words.

    Raises:
        CliError: a call failed.
    """
    channel = connect(address, make_token(secret, subject="cli"))
    try:
        yield channel
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise CliError(
                f"{service} does not answer at {address}: "
                f"is the mesh up, and SIQ_{service.upper()}_ADDR right?"
            ) from error
        raise CliError(f"{service} refused: {error.details()}") from error
    finally:
        await channel.close()


@asynccontextmanager
async def open_tenants(address: str, secret: str) -> AsyncGenerator[Tenants]:
    """Connect to TenantService; raises as `open_channel` does."""
    async with open_channel(address, secret) as channel:
        yield Tenants(channel)


def address_of(data: Path) -> str:
    """Where identity is: SIQ_IDENTITY_ADDR, else that of the mesh that runs on a data folder.

    Raises:
        CliError: none does.
    """
    return os.environ.get("SIQ_IDENTITY_ADDR") or mesh.require(data).env["SIQ_IDENTITY_ADDR"]


def ask_identity(
    data: Path, stub: Callable[[grpc.aio.Channel], S], call: Callable[[S], Awaitable[T]]
) -> T:
    """Call a service of identity at SIQ_IDENTITY_ADDR, else of the mesh that runs on a data folder.

    Raises:
        CliError: there is none, or the call failed.
    """
    address, secret = address_of(data), mesh.mesh_secret(data)

    async def talk() -> T:
        async with open_channel(address, secret) as channel:
            return await call(stub(channel))

    return asyncio.run(talk())


def ask(data: Path, call: Callable[[Tenants], Awaitable[T]]) -> T:
    """Call TenantService; raises as `ask_identity` does."""
    return ask_identity(data, Tenants, call)
