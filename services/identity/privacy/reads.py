"""Who read personal data, and what for.

A person's read is one record each, before the answer goes out. The mesh itself asks thousands of
times a second: its reads are counted, and each minute makes one record of a
tenant, reader and purpose.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from services.common.audit.record import Entry
from services.common.audit.writer import Actor, AuditWriter
from services.common.auth import principal
from services.common.errors import Unavailable
from services.identity.database import Database
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Vault

_EVERY_S: Final = 60.0
_Key = tuple[str, Actor, str, str]


class Reads:
    """Records reads, or counts them."""

    def __init__(self, database: Database, vault: Vault, audit: AuditWriter) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._counted: Counter[_Key] = Counter()
        self.reads = 0

    async def record(
        self,
        tenant_id: str,
        action: str,
        *,
        subject: DataSubject | None = None,
        purpose: str = "",
        **detail: object,
    ) -> None:
        """Record that the caller is about to be told.

        Raises:
            Unavailable: PostgreSQL is away; what cannot be recorded is not told.
        """
        self.reads += 1
        if principal().role == "mesh":
            self._counted[tenant_id, self._audit.actor(), action, purpose] += 1
            return
        async with self._database.transaction() as connection:
            name = ""
            if subject is not None:
                index = await self._vault.index(connection, tenant_id)
                name = index.pseudonym(subject).hex()
            await self._audit.append(connection, tenant_id, Entry(action, name, purpose, detail))

    async def run(self) -> None:
        """Record what was counted, each minute; whoever stops the service has it done once more."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Record what was counted; while PostgreSQL is away the counts grow on."""
        counted, self._counted = self._counted, Counter()
        for key, count in sorted(counted.items()):
            tenant_id, actor, action, purpose = key
            entry = Entry(action, purpose=purpose, detail={"reads": count})
            try:
                async with self._database.transaction() as connection:
                    await self._audit.append(connection, tenant_id, entry, actor=actor)
            except Unavailable:
                self._counted[key] += count
