"""Changes of configuration, from PostgreSQL's NOTIFY to everyone who watches.

A notification only says where to look: watchers read the versions they have not sent. So nothing is
lost when the listener was away, as every watcher looks everywhere once it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from services.common.errors import Unavailable
from services.identity.config_store import CHANNEL, ConfigStore, Document
from services.identity.listener import RETRY_S


class _Watcher:
    """What one caller has yet to look at."""

    def __init__(self, kind: str, tenant_id: str | None) -> None:
        self.kind = kind
        self.tenant_id = tenant_id
        self.changed: set[str] = set()
        self.everything = True
        self.wake = asyncio.Event()

    def tell(self, kind: str, tenant_id: str) -> None:
        if kind == self.kind and self.tenant_id in (None, tenant_id):
            self.changed.add(tenant_id)
            self.wake.set()

    def tell_everything(self) -> None:
        self.everything = True
        self.wake.set()


class ConfigFeed:
    """Fans out changes to watchers."""

    channels = (CHANNEL,)

    def __init__(self, store: ConfigStore) -> None:
        self._store = store
        self._watchers: set[_Watcher] = set()
        self._stopping = False

    def heard(self, channel: str, payload: str) -> None:
        """Have watchers of the kind and tenant look there."""
        kind, _, tenant_id = payload.partition(" ")
        for watcher in self._watchers:
            watcher.tell(kind, tenant_id)

    def began(self) -> None:
        """Have every watcher look everywhere."""
        for watcher in self._watchers:
            watcher.tell_everything()

    def lost(self) -> None:
        """Whoever watches is told when hearing begins again."""

    def ended(self) -> None:
        """End every watch."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.wake.set()

    async def watch(self, kind: str, tenant_id: str | None) -> AsyncIterator[list[Document]]:
        """Yield the versions in force of one tenant or of all, then lists of later ones.

        The first list is all there is, and may be empty. Once begun it outlasts an absence of
        PostgreSQL.

        Raises:
            Unavailable: the process stops, or PostgreSQL is away at the start; watch again.
        """
        watcher = _Watcher(kind, tenant_id)
        self._watchers.add(watcher)
        sent: dict[str, int] = {}
        try:
            news = await self._news(watcher, sent)
            while not self._stopping:
                for document in news:
                    sent[document.tenant_id] = document.version
                yield news
                await watcher.wake.wait()
                news = await self._news_patiently(watcher, sent)
        finally:
            self._watchers.discard(watcher)
        raise Unavailable("identity is stopping, watch again")

    async def _news_patiently(self, watcher: _Watcher, sent: dict[str, int]) -> list[Document]:
        while not self._stopping:
            try:
                return await self._news(watcher, sent)
            except Unavailable:
                watcher.everything = True  # what the failed reading was about is forgotten
                await asyncio.sleep(RETRY_S[-1])
        return []

    async def _news(self, watcher: _Watcher, sent: dict[str, int]) -> list[Document]:
        """Read what the watcher has not been sent."""
        watcher.wake.clear()
        changed, watcher.changed = watcher.changed, set()
        news: list[Document] = []
        if watcher.everything:
            watcher.everything = False
            for document in await self._store.newest_of_kind(watcher.kind, watcher.tenant_id):
                last = sent.get(document.tenant_id)
                if last is None:
                    news.append(document)
                elif last < document.version:
                    changed.add(document.tenant_id)
            # What is first told here was read after the notification.
            changed -= {document.tenant_id for document in news}
        for tenant_id in sorted(changed):
            last = sent.get(tenant_id, 0)
            news.extend(await self._store.after(tenant_id, watcher.kind, last))
        return news
