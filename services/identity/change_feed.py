"""What has changed, to those who keep what they were told: the edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from services.common.errors import Unavailable

_MOST_NAMED = 100
_MOST_WAITING = 10_000
ALL = ""


async def announce(
    connection: Any, channel: str, tenant_id: str, names: Collection[str] = ()
) -> None:
    """Tell of changes, on commit; of very many at once, or of none by name, by their tenant alone.

    The payload is the tenant, then a space and a name; without these, all names of the tenant.
    """
    if not 0 < len(names) <= _MOST_NAMED:
        payloads = [tenant_id]
    else:
        payloads = [f"{tenant_id} {name}" for name in names]
    await connection.execute(
        "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", channel, payloads
    )


class _Watch:
    """What one caller is still to be told."""

    def __init__(self, tenant_id: str | None) -> None:
        self._tenant_id = tenant_id
        self.wake = asyncio.Event()
        self.waiting: dict[tuple[str, str], None] = {}
        self.tell_everything()

    def tell(self, tenant_id: str, name: str) -> None:
        if self._tenant_id not in (None, tenant_id):
            return
        self.waiting[tenant_id, name] = None
        if len(self.waiting) > _MOST_WAITING:
            self.tell_everything()
        self.wake.set()

    def tell_everything(self) -> None:
        self.waiting = {(self._tenant_id or ALL, ALL): None}
        self.wake.set()


class ChangeFeed:
    """Fans out changes of one thing, by tenant and name, to watchers."""

    def __init__(self, channel: str, *more: str) -> None:
        """`more`: channels of what concerns all names of a tenant, which `concerns` reads."""
        self.channels: Sequence[str] = (channel, *more)
        self._channel = channel
        self._watches: set[_Watch] = set()
        self._stopping = False

    def concerns(self, payload: str) -> str | None:
        """The tenant that a payload of another channel concerns; None: nobody."""
        return payload

    def heard(self, channel: str, payload: str) -> None:
        """Pass a change on."""
        if channel == self._channel:
            tenant_id, _, name = payload.partition(" ")
        else:
            concerned = self.concerns(payload)
            if concerned is None:
                return
            tenant_id, name = concerned, ALL
        for watch in self._watches:
            watch.tell(tenant_id, name)

    def began(self) -> None:
        """Anything may have changed unheard."""
        for watch in self._watches:
            watch.tell_everything()

    def lost(self) -> None:
        """Whoever watches is told when hearing begins again."""

    def ended(self) -> None:
        """End every watch."""
        self._stopping = True
        for watch in self._watches:
            watch.wake.set()

    async def watch(self, tenant_id: str | None) -> AsyncIterator[tuple[str, str]]:
        """Yield tenant and name of each change, of one tenant or of all; first that anything did.

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
