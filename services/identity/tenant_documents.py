"""All tenants' documents of one kind, kept current by the feed that WatchConfig serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from services.common import logs
from services.common.errors import Unavailable
from services.identity.config_feed import ConfigFeed
from services.identity.config_store import ConfigStore, Document

T = TypeVar("T")
_PAUSE_S: Final = 0.2
_log = logs.get(__name__)


class TenantDocuments(Generic[T]):
    """What each tenant says; a document that cannot be used leaves the last good one.

    `parse` raises a ValueError for such a document. `changed`, where given, hears of a new
    one before it is in force.
    """

    def __init__(
        self,
        kind: str,
        parse: Callable[[bytes], T],
        default: T,
        configs: ConfigStore,
        feed: ConfigFeed,
        changed: Callable[[str, T, T], Awaitable[None]] | None = None,
    ) -> None:
        self.kind = kind
        self._parse = parse
        self._default = default
        self._configs = configs
        self._feed = feed
        self._changed = changed
        self._found: dict[str, T] = {}
        self._versions: dict[str, int] = {}
        self.invalid_documents = 0

    def of(self, tenant_id: str) -> T:
        """What is in force."""
        return self._found.get(tenant_id, self._default)

    async def load(self) -> None:
        """Read what is in force, before the first identify is judged.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        for document in await self._configs.newest_of_kind(self.kind, None):
            await self._apply(document)

    async def watch(self) -> None:
        """Follow changes until cancelled."""
        while True:
            try:
                async for news in self._feed.watch(self.kind, None):
                    for document in news:
                        await self._apply(document)
            except Unavailable:
                await asyncio.sleep(_PAUSE_S)

    async def _apply(self, document: Document) -> None:
        tenant_id = document.tenant_id
        if document.version <= self._versions.get(tenant_id, 0):
            return
        self._versions[tenant_id] = document.version
        named = {"kind": self.kind, "tenant_id": tenant_id, "version": document.version}
        try:
            found = self._parse(document.body)
        except ValueError as error:
            # Checked before it was stored, so an older version stored it.
            self.invalid_documents += 1
            _log.error("document refused, the last good one stays", error=str(error), **named)
            return
        if self._changed is not None:
            await self._changed(tenant_id, self.of(tenant_id), found)
        self._found[tenant_id] = found
        _log.info("document in force", **named)
