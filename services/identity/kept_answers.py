"""Answers of Resolve that are still true, in this process.

An answer is kept until something it rests on is announced to have changed, for at most a minute,
and only while notifications are heard. Anonymous answers are kept too: most sessions are nobody's.
Calls for the same session share one look at the database.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.identity.config_store import CHANNEL as CONFIG_CHANNEL
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.value.value_feed import CHANNEL as VALUE_CHANNEL

_KEPT_S: Final = 60.0
_CAPACITY: Final = 100_000
_LOOKS: Final = 4
"""For what is over, with each new answer."""

_K = TypeVar("_K")
_Key = tuple[str, str]
Load = Callable[[str, str], Awaitable[pb.ResolveResponse]]


class KeptAnswers:
    """Answers by tenant and session, made by `load` where none is kept."""

    channels = (PROFILE_CHANNEL, VALUE_CHANNEL, CONFIG_CHANNEL)

    def __init__(
        self, load: Load, clock: Callable[[], float] = time.monotonic, capacity: int = _CAPACITY
    ) -> None:
        self._load = load
        self._clock = clock
        self._capacity = capacity
        self._kept: OrderedDict[_Key, tuple[pb.ResolveResponse, float]] = OrderedDict()
        # Kept sessions of a user, and of a tenant, to find them when these change.
        self._of_user: dict[_Key, set[str]] = {}
        self._of_tenant: dict[str, set[str]] = {}
        # What is being looked at, and whether it has changed meanwhile.
        self._underway: dict[_Key, asyncio.Task[pb.ResolveResponse]] = {}
        self._changed: set[_Key] = set()
        self._hearing = False
        self.hits = 0
        self.misses = 0
        self.shared = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, tenant_id: str, session_id: str) -> pb.ResolveResponse:
        """Return the answer; not to be changed by the caller.

        Raises:
            Unavailable: PostgreSQL is away, and none is kept.
        """
        key = (tenant_id, session_id)
        kept = self._kept.get(key)
        if kept is not None:
            if self._clock() < kept[1]:
                self._kept.move_to_end(key)
                self.hits += 1
                return kept[0]
            self._drop(key)
        underway = self._underway.get(key)
        # Not one that began before a change that whoever asks may have been told of.
        if underway is None or key in self._changed:
            self.misses += 1
            self._changed.discard(key)
            underway = asyncio.create_task(self._look(key))
            self._underway[key] = underway
        else:
            self.shared += 1
        # A caller that gives up must not take the answer from the others.
        return await asyncio.shield(underway)

    async def _look(self, key: _Key) -> pb.ResolveResponse:
        try:
            answer = await self._load(*key)
        finally:
            newest = self._underway.get(key) is asyncio.current_task()
            if newest:
                del self._underway[key]
        # Where more is known in a moment, each Resolve asks the tenant's sources again.
        if newest and key not in self._changed and self._hearing and not answer.identity.settling:
            self._keep(key, answer)
        if newest:
            self._changed.discard(key)
        return answer

    def _keep(self, key: _Key, answer: pb.ResolveResponse) -> None:
        tenant_id, session_id = key
        self._kept[key] = (answer, self._clock() + _KEPT_S)
        self._of_tenant.setdefault(tenant_id, set()).add(session_id)
        if answer.identity.user_id:
            user = (tenant_id, answer.identity.user_id)
            self._of_user.setdefault(user, set()).add(session_id)
        for _ in range(_LOOKS):
            oldest = next(iter(self._kept))
            if len(self._kept) <= self._capacity and self._kept[oldest][1] > self._clock():
                break
            self._drop(oldest)

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        tenant_id, session_id = key
        _discard(self._of_tenant, tenant_id, session_id)
        _discard(self._of_user, (tenant_id, kept[0].identity.user_id), session_id)

    def forget(self, tenant_id: str, session_id: str) -> None:
        """Look again next time: the session has changed."""
        self._note_changed(lambda key: key == (tenant_id, session_id))
        self._drop((tenant_id, session_id))

    def _note_changed(self, concerned: Callable[[_Key], bool]) -> None:
        """What is being looked at is returned to those who wait, but not kept."""
        self._changed.update(key for key in self._underway if concerned(key))

    def heard(self, channel: str, payload: str) -> None:
        """Drop what rests on something that has changed."""
        first, _, second = payload.partition(" ")
        if channel == CONFIG_CHANNEL:
            self.forget_tenant(second)
        elif not second:
            self.forget_tenant(first)
        elif channel == PROFILE_CHANNEL:
            self.forget(first, second)
        else:
            self.forget_users(first, (second,))

    def forget_users(self, tenant_id: str, user_ids: Iterable[str]) -> None:
        """Look again next time: something of the users has changed."""
        # Whose session it is that is being looked at is not known yet.
        self._note_changed(lambda key: key[0] == tenant_id)
        for user_id in user_ids:
            for session_id in list(self._of_user.get((tenant_id, user_id), ())):
                self._drop((tenant_id, session_id))

    def forget_tenant(self, tenant_id: str) -> None:
        """Look again next time: something of the whole tenant has changed."""
        self._note_changed(lambda key: key[0] == tenant_id)
        for session_id in list(self._of_tenant.get(tenant_id, ())):
            self._drop((tenant_id, session_id))

    def began(self) -> None:
        """From now on changes are heard; what was kept may have changed unheard."""
        self.lost()
        self._hearing = True

    def lost(self) -> None:
        """Changes are not heard: keep nothing."""
        self._hearing = False
        self._note_changed(lambda _key: True)
        self._kept.clear()
        self._of_user.clear()
        self._of_tenant.clear()

    def ended(self) -> None:
        """The process stops."""
        self.lost()


def _discard(index: dict[_K, set[str]], name: _K, session_id: str) -> None:
    sessions = index.get(name)
    if sessions is not None:
        sessions.discard(session_id)
        if not sessions:
            del index[name]
