"""The directory of keys, as tasks see it that ask and go."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from edge import sdk_config
from edge.hub import Hub
from edge.reactor import Reactor
from edge.tenants import DirectoryUnavailable, TenantDirectory, UnknownKey


class Identity:
    """Answers when it is let to: with a status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def ResolveKey(self, request: Any, **options: Any) -> Any:
        self.asked.set()
        await self.let.wait()
        none = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(self._code, none, none, "no")


def directory(code: grpc.StatusCode) -> tuple[TenantDirectory, Identity]:
    identity = Identity(code)
    return TenantDirectory(cast("Any", identity)), identity


async def test_who_asks_and_goes_leaves_no_traceback_behind() -> None:
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    keys, identity = directory(grpc.StatusCode.NOT_FOUND)
    asking = asyncio.create_task(keys.resolve("pk"))
    await identity.asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    identity.let.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert unheard == []
    with pytest.raises(UnknownKey):
        await keys.resolve("pk")


async def test_a_page_whose_key_nobody_can_look_up_is_not_told_and_that_is_all() -> None:
    keys, identity = directory(grpc.StatusCode.UNAVAILABLE)
    identity.let.set()
    with pytest.raises(DirectoryUnavailable):
        await keys.resolve("pk")
    nobody = cast("Any", None)
    reactor = cast("Any", Reactor(nobody, nobody, keys, nobody))
    page = SimpleNamespace(key="pk", send=pytest.fail)
    await reactor._tell_page(
        SimpleNamespace(stream_id="p"), SimpleNamespace(connections={"p": page})
    )


class Answering:
    """Resolves every key, with the tenant's settings as they are now."""

    def __init__(self, document: bytes) -> None:
        self.document = document

    async def ResolveKey(self, request: Any, **options: Any) -> Any:
        return pb.ResolveKeyResponse(tenant_id="acme", origins=["*"], sdk_config=self.document)


BAD_DOCUMENTS = [b'{"a": NaN}', rb'{"a": "\ud800"}', b"[]", b'{"a":' * 9_999 + b"1" + b"}" * 9_999]


@pytest.mark.parametrize("document", BAD_DOCUMENTS, ids=["nan", "surrogate", "array", "deep"])
async def test_settings_that_cannot_be_read_leave_the_last_ones_in_force(document: bytes) -> None:
    identity = Answering(document)
    keys = TenantDirectory(cast("Any", identity))
    assert (await keys.resolve("pk")).sdk_config == sdk_config.DEFAULT
    identity.document = b'{"kill": true}'
    assert await keys.revoked(["pk"]) == set()
    identity.document = document
    assert await keys.revoked(["pk"]) == set()
    assert (await keys.resolve("pk")).sdk_config == {**sdk_config.DEFAULT, "kill": True}


@pytest.mark.parametrize("document", [*BAD_DOCUMENTS, b'{"type_name": 1}'])
async def test_no_document_ends_the_watch(document: bytes) -> None:
    configs = sdk_config.SdkConfigs(cast("Any", None), Hub(), lambda _: None)
    await configs.apply(pb.ConfigDocument(tenant_id="acme", kind="sdk", version=1, body=document))
    assert configs.invalid_documents == (document in BAD_DOCUMENTS)


class Slow:
    """Knows no key that ends in 0, and takes a moment to say so."""

    def __init__(self) -> None:
        self.asking = self.most = 0

    async def ResolveKey(self, request: Any, **options: Any) -> Any:
        self.asking += 1
        self.most = max(self.most, self.asking)
        await asyncio.sleep(0.01)
        self.asking -= 1
        if request.key.endswith("0"):
            none = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, none, none, "no")
        return pb.ResolveKeyResponse(tenant_id="acme")


async def test_many_keys_are_checked_together_and_not_all_at_once() -> None:
    identity = Slow()
    keys = TenantDirectory(cast("Any", identity))
    assert await keys.revoked([str(n) for n in range(100)]) == {str(n) for n in range(0, 100, 10)}
    assert identity.most == 32
