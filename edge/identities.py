"""Who the live sessions are: asked once, kept while they are fresh."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterable, Callable
from typing import Any, NamedTuple

import grpc
import grpc.aio
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from edge.seal import Sealer
from edge.streams import KEPT_S
from services.common import logs

_log = logs.get(__name__)
_FRESH_S = 300.0
_ANONYMOUS_FRESH_S = 10.0
_SETTLING_FRESH_S = 1.0
_CAPACITY = 50_000
_LOOKS = 4
"""For old ones, with each new one."""
_PAUSE_S = 0.5

_Key = tuple[str, str]


def _fresh_s(identity: pb.UserIdentity) -> float:
    """For how long an answer need not be asked for again."""
    if identity.settling:
        return _SETTLING_FRESH_S
    return _FRESH_S if identity.user_id else _ANONYMOUS_FRESH_S


class _Known(NamedTuple):
    identity: pb.UserIdentity
    at_s: float
    """When identity said so; long ago, if that is known to have changed."""
    used_s: float

    @property
    def fresh(self) -> bool:
        """Whether it need not be asked for again."""
        return time.monotonic() - self.at_s < _fresh_s(self.identity)

    def aged(self) -> _Known:
        """What it is once it has changed: of use only while identity does not answer."""
        return self._replace(at_s=-math.inf)


class Unsettled(Exception):
    """The page has said who its visitor is, and identity could not be told yet."""


class Identities:
    """Cache of identities over the identity service."""

    def __init__(self, stub: IdentityServiceStub, sealer: Sealer) -> None:
        self._stub: Any = stub
        self._sealer = sealer
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._identifying: dict[_Key, asyncio.Task[None]] = {}
        self._untold: OrderedDict[_Key, pb.SealedIdentify] = OrderedDict()
        # Sessions of a user, to find them when the user's value changes.
        self._sessions: dict[tuple[str, str], set[_Key]] = {}
        self._changes = 0
        # What is being asked for: a change told meanwhile may not be in the answer.
        self._asking: Counter[_Key] = Counter()
        self.failures = 0

    def __len__(self) -> int:
        return len(self._known)

    async def learn_key(self) -> None:
        """Ask for the sealing key until it is known."""
        while not self._sealer.ready:
            try:
                response = await self._stub.GetSealingKey(pb.GetSealingKeyRequest(), timeout=2.0)
                self._sealer.use(response.public_key)
            except grpc.aio.AioRpcError as error:
                _log.warning("identity away, no sealing key yet", error=error.details())
                await asyncio.sleep(0.5)

    async def watch_values(self) -> None:
        """Have identities asked for again when their value has changed, until cancelled."""
        await self._watch(
            lambda: self._stub.WatchValues(pb.WatchValuesRequest(), wait_for_ready=True),
            lambda change: self._age(change.tenant_id, change.user_id),
        )

    async def watch_profiles(self) -> None:
        """Have identities asked for again when a session is somebody else's, until cancelled."""
        await self._watch(
            lambda: self._stub.WatchProfiles(pb.WatchProfilesRequest(), wait_for_ready=True),
            lambda change: self._age_session(change.tenant_id, change.session_id),
        )

    async def _watch(
        self, open_watch: Callable[[], AsyncIterable[Any]], heard: Callable[[Any], None]
    ) -> None:
        while True:
            try:
                async for change in open_watch():
                    heard(change)
            except grpc.aio.AioRpcError as error:
                _log.warning("watch of identities broke, reopening", code=error.code().name)
            await asyncio.sleep(_PAUSE_S)

    def _age_session(self, tenant: str, session: str) -> None:
        """Make what is known of a session old."""
        if not session:
            self._age(tenant, "")
            return
        key = (tenant, session)
        if key in self._known:
            self._known[key] = self._known[key].aged()
        if key in self._known or key in self._asking:
            self._changes += 1

    def _age(self, tenant: str, user: str) -> None:
        """Make what is known of a user old: used only while identity does not answer."""
        self._changes += 1
        if user:
            aged = self._sessions.get((tenant, user), set())
        else:
            aged = {key for key in self._known if tenant in ("", key[0])}
        for key in aged:
            self._known[key] = self._known[key].aged()

    def identify(self, identify: pb.SealedIdentify) -> None:
        """Tell identity at once; the log's consumer does it again if this fails."""
        key = (identify.tenant_id, identify.session_id)
        self._drop(key)
        before = self._identifying.get(key)
        task = asyncio.create_task(self._identify(key, identify, before))
        self._identifying[key] = task
        task.add_done_callback(lambda done: self._settled(key, done))

    def _settled(self, key: _Key, task: asyncio.Task[None]) -> None:
        if self._identifying.get(key) is task:
            del self._identifying[key]

    async def _identify(
        self, key: _Key, identify: pb.SealedIdentify, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self._tell(key, identify, timeout_s=2.0)

    async def _tell(self, key: _Key, identify: pb.SealedIdentify, *, timeout_s: float) -> None:
        changes = self._changes
        self._asking[key] += 1
        try:
            response = await self._stub.Identify(
                pb.IdentifyRequest(identify=identify), timeout=timeout_s
            )
        except grpc.aio.AioRpcError as error:
            self.failures += 1
            _log.warning("identify left to the log", error=error.details())
            if error.code() != grpc.StatusCode.INVALID_ARGUMENT:
                self._untold[key] = identify
                if len(self._untold) > _CAPACITY:
                    self._untold.popitem(last=False)
            return
        finally:
            self._asked(key)
        self._untold.pop(key, None)
        self._remember(key, response.identity, changes)

    async def resolve(self, tenant: str, session: str) -> pb.UserIdentity | None:
        """Who the session is; None if identity does not answer in time.

        Raises:
            Unsettled: the session is somebody, but identity has not heard of it: whoever decides
                now would decide for an anonymous visitor.
        """
        key = (tenant, session)
        underway = self._identifying.get(key)
        if underway is not None:
            await asyncio.wait([underway], timeout=0.5)
            if not underway.done():
                raise Unsettled
        untold = self._untold.get(key)
        if untold is not None:
            await self._tell(key, untold, timeout_s=0.5)
            if key in self._untold:
                raise Unsettled
        known = self._known.get(key)
        if known is not None and known.fresh:
            self._known[key] = known._replace(used_s=time.monotonic())
            self._known.move_to_end(key)
            return known.identity
        changes = self._changes
        self._asking[key] += 1
        try:
            response = await self._stub.Resolve(
                pb.ResolveRequest(tenant_id=tenant, session_id=session), timeout=0.5
            )
        except grpc.aio.AioRpcError as error:
            self.failures += 1
            _log.warning("identity away, using what is cached", error=error.details())
            return known.identity if known is not None else None
        finally:
            self._asked(key)
        return self._remember(key, response.identity, changes)

    def _asked(self, key: _Key) -> None:
        self._asking[key] -= 1
        if not self._asking[key]:
            del self._asking[key]

    def forget(self, tenant: str, session: str) -> None:
        """Ask again next time."""
        self._drop((tenant, session))

    def _remember(self, key: _Key, identity: pb.UserIdentity, changes: int) -> pb.UserIdentity:
        """Keep an answer; it may be older than a change that was told while it was under way."""
        known = self._known.get(key)
        # Once it is told to be old, or has grown so, whatever comes next is newer: a version begins
        # anew where the session was deleted.
        if known is not None and known.fresh and known.identity.version > identity.version:
            return known.identity
        self._drop(key)
        now_s = time.monotonic()
        at_s = now_s if changes == self._changes else -math.inf
        self._known[key] = _Known(identity, at_s, now_s)
        if identity.user_id:
            self._sessions.setdefault((key[0], identity.user_id), set()).add(key)
        for _ in range(_LOOKS):
            oldest = next(iter(self._known))
            if len(self._known) <= _CAPACITY and self._known[oldest].used_s > now_s - KEPT_S:
                break
            self._drop(oldest)
        return identity

    def _drop(self, key: _Key) -> None:
        known = self._known.pop(key, None)
        if known is None or not known.identity.user_id:
            return
        user = (key[0], known.identity.user_id)
        sessions = self._sessions[user]
        sessions.discard(key)
        if not sessions:
            del self._sessions[user]
