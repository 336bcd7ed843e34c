"""Rewrites what was encrypted before subjects had keys, in small batches beside the work.

Both forms are read meanwhile, and a replica of the version before can go on writing the old one.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from services.common import logs
from services.common.errors import Unavailable
from services.identity.database import Database
from services.identity.privacy.aead import PiiError
from services.identity.privacy.subjects import DataSubject, visitor
from services.identity.privacy.vault import Vault

_EVERY_S: Final = 60.0
_BATCH: Final = 200
_log = logs.get(__name__)


def _is_old(*columns: str) -> str:
    old = " OR ".join(f"substring({column} FROM 1 FOR 1) = '\\x01'" for column in columns)
    return f"({old}) AND ($1::text IS NULL OR tenant_id = $1) LIMIT {_BATCH} FOR UPDATE SKIP LOCKED"


_SESSIONS = (
    "SELECT tenant_id, session_id, user_id, company, email, name, enriched, enriched_for"
    f" FROM sessions WHERE {_is_old('email', 'name', 'enriched')}"
)
_IDENTIFIES = (
    f"SELECT tenant_id, session_id, stream_id, seq, facts FROM identifies WHERE {_is_old('facts')}"
)
_PEOPLE = (
    f"SELECT tenant_id, person_id, name, channels FROM people WHERE {_is_old('name', 'channels')}"
)
_TENANTS = (
    "SELECT tenant_id, identity_secret, transactions_secret FROM tenants"
    f" WHERE {_is_old('identity_secret', 'transactions_secret')}"
)


class Rewriter:
    """Rewrites every tenant's, or at once one tenant's."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self.rewritten = 0
        self.failed = 0

    async def run(self) -> None:
        """Rewrite until cancelled; nothing to do is the usual case."""
        while True:
            try:
                await self.finish(None)
            except Unavailable:
                pass
            except PiiError as error:
                self.failed += 1
                _log.error("old values cannot be rewritten", error=str(error))
            await asyncio.sleep(_EVERY_S)

    async def finish(self, tenant_id: str | None) -> None:
        """Rewrite all that is there of a tenant, or of all.

        Raises:
            PiiError: a value does not open.
            Unavailable: PostgreSQL is away.
        """
        for rewrite in (self._identifies, self._sessions, self._people, self._tenants):
            more = True
            while more:
                async with self._database.transaction() as connection:
                    count = await rewrite(connection, tenant_id)
                self.rewritten += count
                more = count == _BATCH

    async def _identifies(self, connection: Any, tenant_id: str | None) -> int:
        rows: list[Any] = await connection.fetch(_IDENTIFIES, tenant_id)
        for row in rows:
            at = (row["tenant_id"], row["session_id"], "facts")
            text = self._vault.old.decrypt(row["facts"], *at)
            subject = visitor(json.loads(text).get("user_id"), row["session_id"])
            own = await self._vault.sealer(connection, row["tenant_id"], subject)
            await connection.execute(
                "UPDATE identifies SET facts = $5, subject = $6 WHERE tenant_id = $1"
                " AND session_id = $2 AND stream_id = $3 AND seq = $4",
                *(row["tenant_id"], row["session_id"], row["stream_id"], row["seq"]),
                own.seal(text, *at),
                own.subject,
            )
        return len(rows)

    async def _sessions(self, connection: Any, tenant_id: str | None) -> int:
        rows: list[Any] = await connection.fetch(_SESSIONS, tenant_id)
        for row in rows:
            place = (row["tenant_id"], row["session_id"])
            columns = ("email", "name", "enriched")
            opened = await self._vault.opened(
                connection, row["tenant_id"], [row[column] for column in columns]
            )
            email, name, enriched = (opened.text(row[c], *place, c) for c in columns)
            subject = visitor(row["user_id"], row["session_id"])
            own = await self._vault.sealer(connection, row["tenant_id"], subject)
            index = await self._vault.index(connection, row["tenant_id"])
            looked_up = row["enriched_for"] is not None
            await connection.execute(
                "UPDATE sessions SET email = $3, name = $4, enriched = $5, email_index = $6,"
                " enriched_for = $7 WHERE tenant_id = $1 AND session_id = $2",
                *place,
                own.seal(email, *place, "email"),
                own.seal(name, *place, "name"),
                own.seal(enriched, *place, "enriched"),
                index.blind(email),
                index.blind(f"{email}\n{row['company']}") if looked_up else None,
            )
        return len(rows)

    async def _people(self, connection: Any, tenant_id: str | None) -> int:
        rows: list[Any] = await connection.fetch(_PEOPLE, tenant_id)
        for row in rows:
            place = (row["tenant_id"], row["person_id"])
            opened = await self._vault.opened(
                connection, row["tenant_id"], [row["name"], row["channels"]]
            )
            subject = DataSubject("person", row["person_id"])
            own = await self._vault.sealer(connection, row["tenant_id"], subject)
            await connection.execute(
                "UPDATE people SET name = $3, channels = $4"
                " WHERE tenant_id = $1 AND person_id = $2",
                *place,
                own.seal(opened.text(row["name"], *place, "name"), *place, "name"),
                own.seal(opened.text(row["channels"], *place, "channels"), *place, "channels"),
            )
        return len(rows)

    async def _tenants(self, connection: Any, tenant_id: str | None) -> int:
        rows: list[Any] = await connection.fetch(_TENANTS, tenant_id)
        for row in rows:
            place = row["tenant_id"]
            columns = ("identity_secret", "transactions_secret")
            opened = await self._vault.opened(connection, place, [row[c] for c in columns])
            own = await self._vault.sealer(connection, place, DataSubject("tenant", place))
            await connection.execute(
                "UPDATE tenants SET identity_secret = $2, transactions_secret = $3"
                " WHERE tenant_id = $1",
                place,
                *(own.seal(opened.text(row[c], place, c), place, c) for c in columns),
            )
        return len(rows)
