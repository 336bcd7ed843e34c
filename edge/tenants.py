"""Publishable keys: whose they are, and from where they may be used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import msgspec
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub

from edge import sdk_config
from services.common import logs

_log = logs.get(__name__)
_FRESH_S = 3.0
_AT_ONCE = 32
"""Keys asked for together: one after another, a revocation would wait for all before it."""


class UnknownKey(Exception):
    """No tenant has this key, or it was revoked."""


class DirectoryUnavailable(Exception):
    """Identity is away and the key was never seen here."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows."""

    tenant: str
    origins: tuple[str, ...]
    sdk_config: dict[str, Any]
    emotions_to_page: bool


def origin_allowed(origin: str | None, origins: Collection[str]) -> bool:
    """Tell whether a browser origin may use a key.

    Compared whole and exactly: browsers serialize an origin in one way (RFC 6454), and keys keep
    theirs in the same. "null" and a missing origin are only admitted by "*".
    """
    return "*" in origins or (origin is not None and origin in origins)


class TenantDirectory:
    """Resolves keys, remembers them, and notices within seconds when one is revoked."""

    def __init__(self, stub: TenantServiceStub) -> None:
        self._stub: Any = stub
        self._known: dict[str, tuple[Grant, float]] = {}
        self._asking: dict[str, asyncio.Task[Grant]] = {}

    async def resolve(self, key: str) -> Grant:
        """The key's grant.

        Raises:
            UnknownKey: unknown or revoked.
            DirectoryUnavailable: identity did not answer, and the key was not seen before.
        """
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[1] < _FRESH_S:
            return known[0]
        return await self._ask_once(key)

    async def _ask_once(self, key: str) -> Grant:
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda done: self._asked(key, done))
        return await asyncio.shield(task)

    def _asked(self, key: str, task: asyncio.Task[Grant]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever asked has had it, or has gone, and then nobody hears of it

    async def _ask(self, key: str) -> Grant:
        try:
            response = await self._stub.ResolveKey(pb.ResolveKeyRequest(key=key), timeout=2.0)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                self._known.pop(key, None)
                raise UnknownKey(key[:12]) from error
            known = self._known.get(key)
            if known is not None:
                _log.warning("identity away, using the key as last known", error=error.details())
                return known[0]
            raise DirectoryUnavailable(str(error.details())) from error
        grant = Grant(
            response.tenant_id,
            tuple(response.origins),
            self._settings(key, response),
            response.emotions_to_page,
        )
        self._known[key] = (grant, time.monotonic())
        return grant

    def _settings(self, key: str, response: pb.ResolveKeyResponse) -> dict[str, Any]:
        """The pages' settings: as last known, else the defaults, if the document is no good.

        Whoever may write one tenant's document must not end what all tenants share.
        """
        try:
            return sdk_config.read(response.sdk_config)
        except msgspec.DecodeError as error:
            _log.warning("SDK settings not used", tenant=response.tenant_id, error=str(error))
        known = self._known.get(key)
        return known[0].sdk_config if known is not None else dict(sdk_config.DEFAULT)

    def forget(self, tenant: str) -> None:
        """Ask anew for a tenant's keys when they are next used; known as they are till then."""
        for key, (grant, _) in self._known.items():
            if grant.tenant == tenant:
                self._known[key] = (grant, 0.0)

    async def revoked(self, keys: Collection[str]) -> set[str]:
        """Which of the keys in use are no longer good, as of now. Unanswered ones are kept."""
        gone: set[str] = set()
        waiting = list(keys)
        while waiting:
            some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            known = await asyncio.gather(*map(self._known_still, some))
            gone |= {key for key, good in zip(some, known, strict=True) if not good}
        return gone

    async def _known_still(self, key: str) -> bool:
        try:
            await self._ask_once(key)
        except UnknownKey:
            return False
        except DirectoryUnavailable:
            pass
        return True
