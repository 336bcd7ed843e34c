"""Changes of configuration, from PostgreSQL's NOTIFY to everyone who watches.

One connection listens for the whole process. A notification only says where to look: watchers read
the versions they have not sent. So nothing is lost when the listener was away, as every watcher
looks everywhere once it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from services.common import logs
from services.common.errors import Unavailable
from services.identity.config_store import CHANNEL, ConfigStore, Document
from services.identity.database import AWAY, connect_alone

_PROBE_S = 10
_TIMEOUT_S = 5
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_log = logs.get(__name__)


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

    def __init__(self, url: str, store: ConfigStore) -> None:
        self._url = url
        self._store = store
        self._watchers: set[_Watcher] = set()
        self._stopping = False
        self._failures = 0  # in a row

    async def run(self) -> None:
        """Listen until cancelled; then end every watch."""
        try:
            while True:
                try:
                    await self._listen()
                except AWAY as error:
                    if self._failures == 0:
                        _log.warning("config feed away, waiting", error=type(error).__name__)
                    self._failures += 1
                await asyncio.sleep(_RETRY_S[min(self._failures, len(_RETRY_S) - 1)])
        finally:
            self._stopping = True
            for watcher in self._watchers:
                watcher.wake.set()

    async def _listen(self) -> None:
        """Listen on one connection until it is lost."""
        connection = await connect_alone(self._url, _TIMEOUT_S)
        lost = asyncio.Event()

        def lose(_connection: Any) -> None:
            lost.set()

        try:
            connection.add_termination_listener(lose)
            await connection.add_listener(CHANNEL, self._heard)
            self._failures = 0
            for watcher in self._watchers:
                watcher.tell_everything()
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), _PROBE_S)
                except TimeoutError:
                    # A peer that vanished without closing is found only by asking.
                    await connection.execute("SELECT 1", timeout=_TIMEOUT_S)
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        kind, _, tenant_id = payload.partition(" ")
        for watcher in self._watchers:
            watcher.tell(kind, tenant_id)

    async def watch(self, kind: str, tenant_id: str | None) -> AsyncIterator[Document]:
        """Yield the version in force of one tenant or of all, then each later one.

        Once begun it outlasts an absence of PostgreSQL.

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
                    yield document
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
                await asyncio.sleep(_RETRY_S[-1])
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
