"""All tenants' documents of one kind, kept current by WatchConfig."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import grpc
import grpc.aio
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common import deadlines, logs

T = TypeVar("T")
_DEADLINE_S = 0.5
_PAUSE_S = 0.2
_MOST_BAD = 20
"""Versions one after another that cannot be used; then the tenant has the builtin."""
_log = logs.get(__name__)


class Documents(Generic[T]):
    """What every tenant has, by its newest good document.

    A tenant seen for the first time is asked for once, because the watch does not say when its
    first round is over. A document that cannot be used leaves the last good one in force, also
    where that was put before this process began.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        kind: str,
        parse: Callable[[str, bytes], T],
        refused: type[Exception],
        builtin: T,
    ) -> None:
        """Make it.

        Args:
            parse: reads a version's body.
            refused: what it raises for a document that cannot be used.
            builtin: what tenants have that never put one.
        """
        self._stub = rpc.TenantServiceStub(channel)
        self._kind = kind
        self._parse = parse
        self._refused = refused
        self._builtin = builtin
        self._documents: dict[str, T] = {}
        self._versions: dict[str, int] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._reading: dict[str, asyncio.Future[None]] = {}
        self._going_back: dict[str, asyncio.Future[None]] = {}
        """To the last good document. Neither the watch nor another tenant waits for it."""
        self._refused_versions: dict[str, int] = {}
        self.invalid_documents = 0

    async def of(self, tenant_id: str) -> T:
        """The tenant's document in force."""
        asked = self._asked.get(tenant_id)
        if asked is None and tenant_id not in self._versions:
            asked = asyncio.create_task(self._ask(tenant_id))
            self._asked[tenant_id] = asked
        if asked is not None:
            await asyncio.shield(asked)
        for first in (self._reading, self._going_back):
            found = first.get(tenant_id)
            if found is not None and tenant_id not in self._documents:
                # Until then not even the builtin is known to be right.
                await asyncio.shield(found)
        return self._documents.get(tenant_id, self._builtin)

    def known(self, tenant_id: str) -> bool:
        """Whether identity has ever said what the tenant has; None of its own is an answer too."""
        return tenant_id in self._versions

    async def _ask(self, tenant_id: str) -> None:
        deadlines.begin(None)  # others wait for the answer too
        named = {"kind": self._kind, "tenant": tenant_id}
        try:
            answer = await self._stub.GetConfig(
                pb.GetConfigRequest(tenant_id=tenant_id, kind=self._kind), timeout=_DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            # A tenant that cannot be has none either: nobody would ever say more of it.
            if error.code() in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}:
                self._versions.setdefault(tenant_id, 0)
            else:
                _log.warning("document unknown", **named, code=error.code().name)
        else:
            await self.apply(answer.document)
        finally:
            self._asked.pop(tenant_id, None)

    async def apply(self, document: pb.ConfigDocument) -> None:
        """Take a document if it is newer; count and log one that cannot be used.

        It is read beside the loop: a large one takes longer than a decision may.
        """
        tenant_id = document.tenant_id
        if document.kind != self._kind or document.version <= self._versions.get(tenant_id, -1):
            return
        self._versions[tenant_id] = document.version
        reading = asyncio.ensure_future(self._read(document))
        self._reading[tenant_id] = reading
        try:
            await asyncio.shield(reading)
        finally:
            if self._reading.get(tenant_id) is reading:
                del self._reading[tenant_id]

    async def _read(self, document: pb.ConfigDocument) -> None:
        tenant_id = document.tenant_id
        named = {"kind": self._kind, "tenant": tenant_id, "version": document.version}
        version = f"tenant@{document.version}"
        try:
            found = await asyncio.to_thread(self._parse, version, document.body)
        except self._refused as error:
            if document.version > self._refused_versions.get(tenant_id, 0):
                self._refused_versions[tenant_id] = document.version
                self.invalid_documents += 1
                _log.error("document refused, the last good one stays", **named, error=str(error))
            if tenant_id not in self._documents and tenant_id not in self._going_back:
                going = asyncio.ensure_future(self._go_back(tenant_id, document.version))
                self._going_back[tenant_id] = going
                going.add_done_callback(lambda ended: self._gone_back(tenant_id, ended))
            return
        # A newer one may have come meanwhile, and may be known to be good.
        if self._versions.get(tenant_id) == document.version or tenant_id not in self._documents:
            self._documents[tenant_id] = found
            _log.info("document in force", **named)

    async def _go_back(self, tenant_id: str, version: int) -> None:
        """Find the last good document among those that were put before a version."""
        named = {"kind": self._kind, "tenant": tenant_id}
        for _ in range(_MOST_BAD):
            try:
                older = await self._before(tenant_id, version)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    break
                _log.warning("last good document unknown", **named, code=error.code().name)
                if tenant_id not in self._documents:
                    self._versions.pop(tenant_id, None)  # so it is asked for again
                return
            version = older.version
            try:
                found = await asyncio.to_thread(self._parse, f"tenant@{version}", older.body)
            except self._refused:
                continue
            # A newer one may have come meanwhile.
            if self._documents.setdefault(tenant_id, found) is found:
                _log.info("document in force", **named, version=version)
            return
        _log.error("no document can be used, the builtin is in force", **named)

    async def _before(self, tenant_id: str, version: int) -> pb.ConfigDocument:
        """The newest version before another.

        Raises:
            AioRpcError: NOT_FOUND, or identity cannot say.
        """
        request = pb.GetConfigRequest(tenant_id=tenant_id, kind=self._kind, before_version=version)
        found = (await self._stub.GetConfig(request, timeout=_DEADLINE_S)).document
        if found.version >= version:
            # An identity of an earlier release does not know the field.
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.UNIMPLEMENTED, grpc.aio.Metadata(), grpc.aio.Metadata()
            )
        return found

    def _gone_back(self, tenant_id: str, ended: asyncio.Future[None]) -> None:
        del self._going_back[tenant_id]
        if not ended.cancelled() and (error := ended.exception()) is not None:
            _log.error("going back failed", kind=self._kind, tenant=tenant_id, exc_info=error)

    async def watch(self) -> None:
        """Follow changes until cancelled; a broken stream is reopened and starts over."""
        while True:
            try:
                request = pb.WatchConfigRequest(kind=self._kind)
                async for change in self._stub.WatchConfig(request, wait_for_ready=True):
                    await self.apply(change.document)
            except grpc.aio.AioRpcError as error:
                _log.warning("watch broke, reopening", kind=self._kind, code=error.code().name)
            await asyncio.sleep(_PAUSE_S)
