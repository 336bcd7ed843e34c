"""What tenants set for their pages, told to the pages that are open (`config`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import grpc.aio
import msgspec
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub

from edge.hub import Hub
from edge.protocol import frame
from services.common import logs

KIND = "sdk"
DEFAULT: Mapping[str, Any] = {"coalesce_ms": 250, "sampling": 1, "kill": False}
_log = logs.get(__name__)
_PAUSE_S = 0.2
_TOGETHER = 200
"""Pages told in one go: some milliseconds."""


def read(document: bytes) -> dict[str, Any]:
    """A tenant's settings over the defaults.

    Raises:
        msgspec.DecodeError: it is no JSON object, or nested too deep.
    """
    try:
        return {**DEFAULT, **msgspec.json.decode(document or b"{}", type=dict[str, Any])}
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error


class SdkConfigs:
    """Follows the documents of all tenants."""

    def __init__(self, stub: TenantServiceStub, hub: Hub, forget: Callable[[str], None]) -> None:
        """`forget` is told whose keys must be resolved anew."""
        self._stub: Any = stub
        self._hub = hub
        self._forget = forget
        self._versions: dict[str, int] = {}
        self.invalid_documents = 0
        self.told = 0
        """Pages told of a change."""

    async def apply(self, document: pb.ConfigDocument) -> None:
        """Tell a tenant's pages, if the document is news."""
        tenant = document.tenant_id
        if document.kind != KIND or document.version <= self._versions.get(tenant, 0):
            return
        self._versions[tenant] = document.version
        self._forget(tenant)
        try:
            text = frame("config", **read(document.body))
        except msgspec.DecodeError as error:
            self.invalid_documents += 1
            _log.error("SDK settings refused", tenant=tenant, error=str(error))
            return
        pages = [
            connection
            for live in self._hub.sessions()
            if live.tenant == tenant
            for connection in live.connections.values()
        ]
        for place, page in enumerate(pages):
            page.send(text)
            self.told += 1
            if place % _TOGETHER == _TOGETHER - 1:
                await asyncio.sleep(0.01)

    async def watch(self) -> None:
        """Follow changes until cancelled; a broken stream is reopened and starts over."""
        while True:
            try:
                request = pb.WatchConfigRequest(kind=KIND)
                async for change in self._stub.WatchConfig(request, wait_for_ready=True):
                    await self.apply(change.document)
            except grpc.aio.AioRpcError as error:
                _log.warning("SDK settings watch broke, reopening", code=error.code().name)
            await asyncio.sleep(_PAUSE_S)
