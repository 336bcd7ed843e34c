"""Which policy a tenant has: the builtin one, or its newest good document."""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common import deadlines, logs
from services.intervention.policy import Policy, PolicyError, builtin_policy, parse_policy

_KIND = "policy"
_DEADLINE_S = 0.5
_PAUSE_S = 0.2
_log = logs.get(__name__)


class Policies:
    """All tenants' policies, kept current by WatchConfig.

    A tenant seen for the first time is asked for once, because the watch does not say when its
    first round is over. A document that cannot be used leaves the last good one in force.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = rpc.TenantServiceStub(channel)
        self._builtin = builtin_policy()
        self._policies: dict[str, Policy] = {}
        self._versions: dict[str, int] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}
        self.invalid_documents = 0

    async def of(self, tenant_id: str) -> Policy:
        """The tenant's policy in force."""
        if tenant_id not in self._versions:
            asked = self._asked.get(tenant_id)
            if asked is None:
                asked = asyncio.create_task(self._ask(tenant_id))
                self._asked[tenant_id] = asked
            await asyncio.shield(asked)
        return self._policies.get(tenant_id, self._builtin)

    async def _ask(self, tenant_id: str) -> None:
        deadlines.begin(None)  # others wait for the answer too
        try:
            answer = await self._stub.GetConfig(
                pb.GetConfigRequest(tenant_id=tenant_id, kind=_KIND), timeout=_DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                self._versions.setdefault(tenant_id, 0)
            else:
                _log.warning(
                    "policy unknown, using builtin", tenant=tenant_id, code=str(error.code())
                )
        else:
            self.apply(answer.document)
        finally:
            self._asked.pop(tenant_id, None)

    def apply(self, document: pb.ConfigDocument) -> None:
        """Take a document if it is newer; count and log one that cannot be used."""
        if document.kind != _KIND or document.version <= self._versions.get(document.tenant_id, -1):
            return
        self._versions[document.tenant_id] = document.version
        version = f"tenant@{document.version}"
        try:
            self._policies[document.tenant_id] = parse_policy(version, document.body)
        except PolicyError as error:
            self.invalid_documents += 1
            kept = self._policies.get(document.tenant_id, self._builtin).version
            _log.error("policy refused", tenant=document.tenant_id, error=str(error), kept=kept)
            return
        _log.info("policy in force", tenant=document.tenant_id, version=version)

    async def watch(self) -> None:
        """Follow changes until cancelled; a broken stream is reopened and starts over."""
        while True:
            try:
                request = pb.WatchConfigRequest(kind=_KIND)
                async for change in self._stub.WatchConfig(request, wait_for_ready=True):
                    self.apply(change.document)
            except grpc.aio.AioRpcError as error:
                _log.warning("policy watch broke, reopening", code=error.code().name)
            await asyncio.sleep(_PAUSE_S)
