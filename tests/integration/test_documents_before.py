"""A process that starts with a document it cannot use goes back to the last good one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from services.common.auth import make_token
from services.common.channels import connect
from services.intervention.documents import Documents
from tests.integration.identity_service import MESH, Service


class Refused(ValueError):
    """The document says so."""


def parse(version: str, body: bytes) -> str:
    """What a document says, under its version."""
    text = body.decode()
    if text.startswith("bad"):
        raise Refused(text)
    return f"{version}: {text}"


@asynccontextmanager
async def started(address: str) -> AsyncGenerator[Documents[str]]:
    """As a process that has just begun."""
    async with connect(address, make_token(MESH, subject="test")) as channel:
        yield Documents(channel, "policy", parse, Refused, "builtin")


async def put(service: Service, tenant: str, *bodies: str) -> None:
    for body in bodies:
        request = pb.PutConfigRequest(tenant_id=tenant, kind="policy", body=body.encode())
        await service.tenants.PutConfig(request)


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        (["first", "second", "bad", "bad"], "tenant@2: second"),
        (["bad", "first", "bad"], "tenant@2: first"),
        (["bad"], "builtin"),
        (["first", *["bad"] * 20], "tenant@1: first"),
        (["first", *["bad"] * 21], "builtin"),
    ],
    ids=["two-back", "one-back", "never-one", "twenty-back", "too-far-back"],
)
async def test_the_last_good_one_is_found(service: Service, bodies: list[str], found: str) -> None:
    tenant = await service.make_tenant()
    await put(service, tenant, *bodies)
    async with started(service.settings.listen) as documents:
        assert await documents.of(tenant) == found
        assert documents.known(tenant)
        assert documents.invalid_documents == 1
        # The watch tells the same once more, and then what is mended.
        watching = asyncio.create_task(documents.watch())
        await put(service, tenant, "mended")
        async with asyncio.timeout(10):
            while await documents.of(tenant) != f"tenant@{len(bodies) + 1}: mended":
                await asyncio.sleep(0.02)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching


async def test_while_identity_does_not_say_nothing_is_known(service: Service) -> None:
    tenant = await service.make_tenant()
    await put(service, tenant, "first", "bad")
    async with started("127.0.0.1:1") as documents:
        newest = pb.ConfigDocument(tenant_id=tenant, kind="policy", version=2, body=b"bad")
        await documents.apply(newest)
        assert await documents.of(tenant) == "builtin"
        assert not documents.known(tenant), "the builtin would decide in the tenant's name"
        assert documents.invalid_documents == 1


async def test_a_version_before_the_first_is_not_found(service: Service) -> None:
    tenant = await service.make_tenant()
    await put(service, tenant, "first", "second")

    async def before(version: int) -> Any:
        request = pb.GetConfigRequest(tenant_id=tenant, kind="policy", before_version=version)
        return (await service.tenants.GetConfig(request)).document

    newest, older = await before(0), await before(2)
    assert (newest.version, newest.body) == (2, b"second")
    assert (older.version, older.body) == (1, b"first")
    with pytest.raises(grpc.RpcError) as refused:
        await before(1)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
