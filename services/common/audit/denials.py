"""Records who reached for another tenant's data; many attempts share one transaction.

They stand in the chain of the mesh: a tenant's own chain shall not name other tenants, and nobody
can make it grow from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from services.common import logs
from services.common.audit.record import MESH, Entry
from services.common.audit.writer import Actor, AuditWriter, Deed
from services.common.auth import ForeignTenant
from services.common.errors import Unavailable

_MOST_TEXT = 128
_log = logs.get(__name__)


class Denials:
    """What the interceptor tells of each attempt."""

    def __init__(
        self, writer: AuditWriter, transaction: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        self._writer = writer
        self._transaction = transaction
        self._waiting: list[Deed] = []
        self._writing: asyncio.Task[None] | None = None
        self.lost = 0

    async def record(self, attempt: ForeignTenant, method: str) -> None:
        """Return once the attempt is recorded; the log has it if PostgreSQL is away."""
        caller = attempt.caller
        detail = {
            "token_tenant": caller.tenant_id,
            "asked_tenant": attempt.tenant_id[:_MOST_TEXT],
            "method": method.strip("/"),
        }
        entry = Entry("access.denied", detail=detail)
        deed = self._writer.deed(entry, Actor(caller.subject, caller.role))
        before = self._writing
        self._waiting.append(deed)
        if before is not None and not before.done():
            await asyncio.wait([before])
        # Whoever comes first after a write takes along all who waited for its end.
        if self._waiting and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write())
        if self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        deeds, self._waiting = self._waiting, []
        try:
            async with self._transaction() as connection:
                await self._writer.append_deeds(connection, MESH, deeds)
        except Exception as error:
            # The border to answering: who was denied is denied, whatever becomes of the record.
            self.lost += len(deeds)
            for deed in deeds:
                _log.error(
                    "denied access not recorded",
                    actor=deed.actor,
                    detail=deed.detail,
                    exc_info=None if isinstance(error, Unavailable) else error,
                )
