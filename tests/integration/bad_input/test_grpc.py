"""docs/errors.md, gRPC: every RPC there is, found by its descriptor, so that none is left out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import message_factory

from services.common import channels
from services.common.auth import make_token
from tests.engines.running import ROOT
from tests.integration.bad_input.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Who serves what. A service of `proto/` that is missing here fails the collection.
PROCESS_OF = {
    "IdentityService": "identity",
    "PrivacyService": "identity",
    "TenantService": "identity",
    "TransactionService": "identity",
    "DetectionService": "detection",
    "InterventionService": "intervention",
    "LetterService": "intervention",
    "AccountabilityService": "accountability",
    "CostService": "accountability",
    "QueryService": "pipeline",
    "ArchiveService": "pipeline",
}


def rpcs() -> dict[str, tuple[str, Any]]:
    """Process and descriptor of every RPC there is, by path."""
    found: dict[str, tuple[str, Any]] = {}
    for path in sorted((ROOT / "proto").rglob("*_service_pb2.py")):
        name = ".".join(path.relative_to(ROOT / "proto").with_suffix("").parts)
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                process = PROCESS_OF[service.name]
                found[f"/{service.full_name}/{method.name}"] = (process, method)
    return found


METHODS = rpcs()
# What any caller of the mesh may ask, whoever it is for.
OF_NOBODY = "/sentientiq.intervention.v1.InterventionService/CheckPolicy"
"""Judges a document without any tenant's data."""
PUBLIC = "/sentientiq.identity.v1.IdentityService/GetSealingKey"
TOO_LARGE = b"\x00" * (16 * 1024 * 1024 + 1)


async def statuses(
    world: World,
    token: str | None,
    body: Callable[[Any], bytes],
    compression: grpc.Compression | None = None,
) -> dict[str, str]:
    """How each RPC answers a raw request."""
    found: dict[str, str] = {}
    for path, (process, method) in METHODS.items():
        address = world.mesh.processes[process].address
        streams = bool(method.client_streaming or method.server_streaming)
        found[path] = await status(address, path, body(method), token, streams, compression)
    return found


async def status(
    address: str,
    path: str,
    body: bytes,
    token: str | None,
    streams: bool,
    compression: grpc.Compression | None,
) -> str:
    """The status that answers one raw call."""
    channel: Any = channels.connect(address, token) if token else grpc.aio.insecure_channel(address)
    async with channel:
        try:
            if streams:
                # Also where the client may stream: with a second message under way, grpc.aio calls
                # a refusal INTERNAL, if it comes before that message is out.
                async for _ in channel.unary_stream(path)(body, timeout=5, compression=compression):
                    break
            else:
                await channel.unary_unary(path)(body, timeout=5, compression=compression)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


def fill_tenant(message: Any, tenant: str) -> Any:
    """Set every tenant_id in a message, however deep (two levels are all there are)."""
    for field in message.DESCRIPTOR.fields:
        if field.name == "tenant_id":
            message.tenant_id = tenant
        elif field.message_type and "tenant_id" in field.message_type.fields_by_name:
            fill_tenant(getattr(message, field.name), tenant)
    return message


def foreign(method: Any) -> bytes:
    """A request in the name of the tenant `foreign`."""
    made = message_factory.GetMessageClass(method.input_type)()
    return bytes(fill_tenant(made, "foreign").SerializeToString())


def all_answer(code: str) -> dict[str, str]:
    return dict.fromkeys(METHODS, code)


async def test_g01_no_token(world: World):
    assert await statuses(world, None, foreign) == all_answer("UNAUTHENTICATED")


async def test_g02_a_token_that_is_none(world: World):
    assert await statuses(world, "garbage", foreign) == all_answer("UNAUTHENTICATED")


async def test_g03_a_token_signed_with_another_secret(world: World):
    other = make_token("another-secret-that-is-long-enough-to-sign", subject="x")
    assert await statuses(world, other, foreign) == all_answer("UNAUTHENTICATED")


async def test_g04_an_expired_token(world: World):
    expired = world.token(lifetime_s=-10)
    assert await statuses(world, expired, foreign) == all_answer("UNAUTHENTICATED")


async def test_g05_another_tenants_token(world: World):
    expected = {**all_answer("PERMISSION_DENIED"), PUBLIC: "OK", OF_NOBODY: "INVALID_ARGUMENT"}
    for role in ("team", "operator"):
        mine = world.token(tenant_id="mine", role=role)
        assert await statuses(world, mine, foreign) == expected, role


async def test_g06_bytes_that_are_no_message(world: World):
    garbage = await statuses(world, world.token(), lambda _: b"\xff\xff\xff\xff")
    assert garbage == all_answer("INVALID_ARGUMENT")


async def test_g07_a_message_over_16_mib(world: World):
    large = await statuses(world, world.token(), lambda _: TOO_LARGE)
    assert large == all_answer("RESOURCE_EXHAUSTED")


async def test_g08_a_compressed_message(world: World):
    gzip = grpc.Compression.Gzip
    packed = await statuses(world, world.token(), lambda _: bytes(1_000), gzip)
    assert packed == all_answer("UNIMPLEMENTED")
