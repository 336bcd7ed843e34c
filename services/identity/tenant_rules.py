"""All tenants' `company` documents, kept current by the feed that others watch through the RPC."""

from __future__ import annotations

import asyncio
from typing import Final

from services.common import logs
from services.common.errors import Unavailable
from services.identity.company.judge import NO_RULES
from services.identity.company.rules import Rules, RulesError, parse
from services.identity.config_feed import ConfigFeed
from services.identity.config_store import ConfigStore, Document
from services.identity.enrich.lookups import Lookups

KIND: Final = "company"
_PAUSE_S: Final = 0.2
_log = logs.get(__name__)


class TenantRules:
    """What each tenant has put right; a document that cannot be used leaves the last good one."""

    def __init__(self, configs: ConfigStore, feed: ConfigFeed, lookups: Lookups) -> None:
        self._configs = configs
        self._feed = feed
        self._lookups = lookups
        self._rules: dict[str, Rules] = {}
        self._versions: dict[str, int] = {}
        self.invalid_documents = 0

    def of(self, tenant_id: str) -> Rules:
        """The rules in force."""
        return self._rules.get(tenant_id, NO_RULES)

    async def load(self) -> None:
        """Read what is in force, before the first identify is judged.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        for document in await self._configs.newest_of_kind(KIND, None):
            await self._apply(document)

    async def watch(self) -> None:
        """Follow changes until cancelled."""
        while True:
            try:
                async for document in self._feed.watch(KIND, None):
                    await self._apply(document)
            except Unavailable:
                await asyncio.sleep(_PAUSE_S)

    async def _apply(self, document: Document) -> None:
        tenant_id = document.tenant_id
        if document.version <= self._versions.get(tenant_id, 0):
            return
        self._versions[tenant_id] = document.version
        try:
            rules = parse(document.body)
        except RulesError as error:
            # Checked before it was stored, so an older version stored it.
            self.invalid_documents += 1
            _log.error(
                "company rules refused, the last good ones stay",
                tenant_id=tenant_id,
                version=document.version,
                error=str(error),
            )
            return
        if rules.enrichers != self.of(tenant_id).enrichers:
            await self._lookups.use(tenant_id, rules.enrichers)
        self._rules[tenant_id] = rules
        _log.info("company rules in force", tenant_id=tenant_id, version=document.version)
