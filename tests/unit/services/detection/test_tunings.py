"""Waiting for the tenants' settings: until all are known, and no longer than it may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc.aio
import pytest
from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from services.detection.tuning import Tuning
from services.detection.tunings import Tunings


class Watch:
    """A WatchConfig that answers what the test says."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[pb.WatchConfigResponse] = asyncio.Queue()
        self.asked: list[pb.WatchConfigRequest] = []

    async def WatchConfig(
        self, request: pb.WatchConfigRequest, *, wait_for_ready: bool
    ) -> AsyncIterator[pb.WatchConfigResponse]:
        assert wait_for_ready
        self.asked.append(request)
        while True:
            yield await self.changes.get()


@pytest.fixture
async def tunings(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Tunings, Watch]]:
    found: dict[str, Tuning] = {}
    async with grpc.aio.insecure_channel("127.0.0.1:9") as channel:
        made, watch = Tunings(channel, found.__setitem__), Watch()
        monkeypatch.setattr(made, "_stub", watch)
        watching = asyncio.create_task(made.watch())
        yield made, watch
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def test_it_waits_until_all_documents_are_known(tunings: tuple[Tunings, Watch]) -> None:
    made, watch = tunings
    waiting = asyncio.create_task(made.wait(30))
    document = pb.ConfigDocument(tenant_id="acme", kind="detection", version=1, body=b"{}")
    watch.changes.put_nowait(pb.WatchConfigResponse(document=document))
    await asyncio.sleep(0.05)
    assert watch.asked[0].tell_complete
    assert not waiting.done()
    watch.changes.put_nowait(pb.WatchConfigResponse(complete=True))
    await asyncio.wait_for(waiting, 1)


async def test_it_goes_on_and_says_so_if_identity_is_away(
    tunings: tuple[Tunings, Watch], capsys: pytest.CaptureFixture[str]
) -> None:
    await tunings[0].wait(0.01)
    assert "going on without" in "".join(capsys.readouterr())
