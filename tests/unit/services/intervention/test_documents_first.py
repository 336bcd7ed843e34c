"""A tenant's first document counts from the moment it is known to exist, or the one before it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.intervention.documents import Documents


class Refused(ValueError):
    """No document of this test is."""


async def test_while_the_first_one_is_read_nobody_has_the_builtin() -> None:
    go_on = threading.Event()

    def parse(version: str, body: bytes) -> str:
        assert go_on.wait(10)
        return f"{version}: {body.decode()}"

    channel = cast("Any", _Channel())
    documents = Documents(channel, "policy", parse, Refused, "builtin")
    document = pb.ConfigDocument(tenant_id="acme", kind="policy", version=7, body=b"own")
    applying = asyncio.create_task(documents.apply(document))
    await asyncio.sleep(0)
    asking = asyncio.create_task(documents.of("acme"))
    await asyncio.sleep(0.05)
    assert not asking.done()
    go_on.set()
    assert await asking == "tenant@7: own"
    await applying


class _Identity:
    """TenantService whose answers a test lets go, one after the other."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: asyncio.Queue[pb.ConfigDocument | Exception] = asyncio.Queue()

    async def GetConfig(self, request: Any, **_options: Any) -> pb.GetConfigResponse:
        self.asked.append(request.before_version)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return pb.GetConfigResponse(document=answer)


AWAY = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())


def made(version: int, body: str, tenant: str = "acme") -> pb.ConfigDocument:
    return pb.ConfigDocument(tenant_id=tenant, kind="policy", version=version, body=body.encode())


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> _Identity:
    stub = _Identity()

    def stub_of(_channel: object) -> _Identity:
        return stub

    monkeypatch.setattr(rpc, "TenantServiceStub", stub_of)
    return stub


def documents_of(held: threading.Event | None = None) -> Documents[str]:
    """Documents that begin with "bad" are refused; "slow" ones are read when let go."""

    def parse(version: str, body: bytes) -> str:
        text = body.decode()
        if text == "slow":
            assert held is not None
            assert held.wait(10)
        if text == "bad":
            raise Refused(text)
        return f"{version}: {text}"

    return Documents(cast("Any", _Channel()), "policy", parse, Refused, "builtin")


async def test_one_tenants_bad_document_holds_up_nobody(identity: _Identity) -> None:
    documents = documents_of()
    await documents.apply(made(2, "bad"))  # as the watch does: identity has not answered yet
    await documents.apply(made(1, "own", "else"))
    assert await documents.of("else") == "tenant@1: own"
    asking = asyncio.create_task(documents.of("acme"))
    await asyncio.sleep(0.05)
    assert not asking.done(), "not even the builtin is known to be right"
    identity.answers.put_nowait(made(1, "first"))
    assert await asking == "tenant@1: first"
    assert identity.asked == [2]


async def test_a_newer_good_one_stays_when_an_older_one_is_found(identity: _Identity) -> None:
    documents = documents_of()
    await documents.apply(made(2, "bad"))
    await documents.apply(made(3, "mended"))
    identity.answers.put_nowait(made(1, "first"))
    await asyncio.sleep(0.05)
    assert await documents.of("acme") == "tenant@3: mended"


async def test_a_good_one_that_is_read_while_going_back_fails_counts(identity: _Identity) -> None:
    held = threading.Event()
    documents = documents_of(held)
    reading = asyncio.create_task(documents.apply(made(5, "slow")))
    await asyncio.sleep(0.05)
    await documents.apply(made(6, "bad"))
    identity.answers.put_nowait(AWAY)
    await asyncio.sleep(0.05)
    assert not documents.known("acme")
    held.set()
    await reading
    identity.answers.put_nowait(made(6, "bad"))
    assert await documents.of("acme") == "tenant@5: slow"
    assert documents.known("acme")
    assert documents.invalid_documents == 1, "it is the same document"


async def test_an_identity_that_cannot_go_back_leaves_it_unknown(identity: _Identity) -> None:
    documents = documents_of()
    await documents.apply(made(6, "bad"))
    identity.answers.put_nowait(made(6, "bad"))
    assert await documents.of("acme") == "builtin"
    assert not documents.known("acme")
    assert identity.asked == [6]
    # Asked again, of one that is upgraded.
    identity.answers.put_nowait(made(6, "bad"))
    identity.answers.put_nowait(made(5, "good"))
    assert await documents.of("acme") == "tenant@5: good"
    assert identity.asked == [6, 0, 6]


class _Channel:
    """Stands where a channel stands; nothing is asked over it."""

    def __getattr__(self, name: str) -> Any:
        def nothing(*_args: Any, **_options: Any) -> None:
            """Whatever is made of it is never called."""

        return nothing
