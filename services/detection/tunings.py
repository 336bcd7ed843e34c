"""All tenants' detection settings, kept current by WatchConfig."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import grpc.aio
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common import logs
from services.detection.tuning import Tuning, TuningError, parse

_KIND = "detection"
_PAUSE_S = 0.2
_log = logs.get(__name__)


class Tunings:
    """Hands on what each tenant has set.

    Detection does not wait long for identity: for as long as that is away, it judges by what it
    knows. A document that cannot be used leaves the last good one in force.
    """

    def __init__(self, channel: grpc.aio.Channel, on_change: Callable[[str, Tuning], None]) -> None:
        self._stub = rpc.TenantServiceStub(channel)
        self._on_change = on_change
        self._versions: dict[str, int] = {}
        self._complete = asyncio.Event()
        self.invalid_documents = 0

    def apply(self, document: pb.ConfigDocument) -> None:
        """Take a document if it is newer; count and log one that cannot be used."""
        tenant = document.tenant_id
        if document.kind != _KIND or document.version <= self._versions.get(tenant, 0):
            return
        self._versions[tenant] = document.version
        try:
            tuning = parse(document.body)
        except TuningError as error:
            self.invalid_documents += 1
            _log.error(
                "detection settings refused, the last good ones stay",
                tenant=tenant,
                version=document.version,
                error=str(error),
            )
            return
        self._on_change(tenant, tuning)
        _log.info("detection settings in force", tenant=tenant, version=document.version)

    async def wait(self, within_s: float) -> None:
        """Wait until all documents are known; after `within_s` seconds go on without them."""
        try:
            async with asyncio.timeout(within_s):
                await self._complete.wait()
        except TimeoutError:
            _log.warning("tenants' detection settings unknown, going on without", after_s=within_s)

    async def watch(self) -> None:
        """Follow changes until cancelled; a broken stream is reopened and starts over."""
        while True:
            try:
                request = pb.WatchConfigRequest(kind=_KIND, tell_complete=True)
                async for change in self._stub.WatchConfig(request, wait_for_ready=True):
                    if change.complete:
                        self._complete.set()
                    else:
                        self.apply(change.document)
            except grpc.aio.AioRpcError as error:
                _log.warning("detection settings watch broke, reopening", code=error.code().name)
            await asyncio.sleep(_PAUSE_S)
