"""Whose value has changed, to those who keep values: the edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from services.common.errors import Unavailable
from services.identity.config_store import CHANNEL as CONFIG_CHANNEL
from services.identity.value.basis_store import RATES_KIND, RULES_KIND

# Payload: tenant_id, then a space and the user_id; without these all users of the tenant.
CHANNEL = "identity_value"
_MOST_NAMED = 100
_MOST_WAITING = 10_000
EVERYBODY = ""


async def announce(connection: Any, tenant_id: str, user_ids: Collection[str]) -> None:
    """Tell of changed values, on commit; of very many at once by their tenant alone."""
    if len(user_ids) > _MOST_NAMED:
        payloads = [tenant_id]
    else:
        payloads = [f"{tenant_id} {user_id}" for user_id in user_ids]
    await connection.execute(
        "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", CHANNEL, payloads
    )


class _Watch:
    """What one caller is still to be told."""

    def __init__(self, tenant_id: str | None) -> None:
        self._tenant_id = tenant_id
        self.wake = asyncio.Event()
        self.waiting: dict[tuple[str, str], None] = {}
        self.tell_everything()

    def tell(self, tenant_id: str, user_id: str) -> None:
        if self._tenant_id not in (None, tenant_id):
            return
        self.waiting[tenant_id, user_id] = None
        if len(self.waiting) > _MOST_WAITING:
            self.tell_everything()
        self.wake.set()

    def tell_everything(self) -> None:
        self.waiting = {(self._tenant_id or EVERYBODY, EVERYBODY): None}
        self.wake.set()


class ValueFeed:
    """Fans out changes to watchers."""

    channels = (CHANNEL, CONFIG_CHANNEL)

    def __init__(self) -> None:
        self._watches: set[_Watch] = set()
        self._stopping = False

    def heard(self, channel: str, payload: str) -> None:
        """Pass a change of a value on, or of the documents that values rest on."""
        if channel == CHANNEL:
            tenant_id, _, user_id = payload.partition(" ")
        else:
            kind, _, tenant_id = payload.partition(" ")
            user_id = EVERYBODY
            if kind not in (RULES_KIND, RATES_KIND):
                return
        for watch in self._watches:
            watch.tell(tenant_id, user_id)

    def began(self) -> None:
        """Anything may have changed unheard."""
        for watch in self._watches:
            watch.tell_everything()

    def ended(self) -> None:
        """End every watch."""
        self._stopping = True
        for watch in self._watches:
            watch.wake.set()

    async def watch(self, tenant_id: str | None) -> AsyncIterator[tuple[str, str]]:
        """Yield tenant and user of each change, of one tenant or of all; first everybody.

        Raises:
            Unavailable: the process stops; watch again.
        """
        watch = _Watch(tenant_id)
        self._watches.add(watch)
        try:
            while not self._stopping:
                watch.wake.clear()
                waiting, watch.waiting = watch.waiting, {}
                for change in waiting:
                    yield change
                await watch.wake.wait()
        finally:
            self._watches.discard(watch)
        raise Unavailable("identity is stopping, watch again")
