"""Versioned configuration documents in PostgreSQL; every change is announced on a channel."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.errors import NotFound
from services.identity.database import Database

# Payload: kind, a space, tenant_id. Neither holds a space.
CHANNEL = "identity_config"


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one document."""

    tenant_id: str
    kind: str
    version: int
    body: bytes


class ConfigStore:
    """Reads and writes config_documents."""

    def __init__(self, database: Database, audit: AuditWriter) -> None:
        self._database = database
        self._audit = audit

    async def put(self, tenant_id: str, kind: str, body: bytes) -> int:
        """Store the next version and announce it on commit. Returns the version.

        Raises:
            NotFound: no such tenant.
        """
        async with self._database.transaction() as connection:
            # The tenant's row makes writers queue, so versions are dense and commit in order.
            exists: Any = await connection.fetchval(
                "SELECT 1 FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE", tenant_id
            )
            if exists is None:
                raise NotFound("tenant_id: no such tenant; create it with PutTenant")
            version: Any = await connection.fetchval(
                "INSERT INTO config_documents (tenant_id, kind, version, body)"
                " SELECT $1, $2, coalesce(max(version), 0) + 1, $3 FROM config_documents"
                " WHERE tenant_id = $1 AND kind = $2 RETURNING version",
                tenant_id,
                kind,
                body,
            )
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{kind} {tenant_id}")
            detail = {"version": int(version), "sha256": hashlib.sha256(body).hexdigest()}
            await self._audit.append(
                connection, tenant_id, Entry("config.put", f"config:{kind}", detail=detail)
            )
        return int(version)

    async def newest(self, tenant_id: str, kind: str) -> Document:
        """Return the version in force.

        Raises:
            NotFound: never set.
        """
        documents = await self.newest_of_kind(kind, tenant_id)
        if not documents:
            raise NotFound(f"the tenant has no {kind!r} document; store one with PutConfig")
        return documents[0]

    async def newest_of_kind(self, kind: str, tenant_id: str | None) -> list[Document]:
        """Return the version in force of one tenant, or of every tenant."""
        return await self._documents(
            "SELECT DISTINCT ON (tenant_id) tenant_id, kind, version, body FROM config_documents"
            " WHERE kind = $1 AND ($2::text IS NULL OR tenant_id = $2)"
            " ORDER BY tenant_id, version DESC",
            (kind, tenant_id),
        )

    async def before(self, tenant_id: str, kind: str, version: int) -> Document:
        """Return the newest version before another.

        Raises:
            NotFound: there is none.
        """
        documents = await self._documents(
            "SELECT tenant_id, kind, version, body FROM config_documents"
            " WHERE kind = $1 AND tenant_id = $2 AND version < $3 ORDER BY version DESC LIMIT 1",
            (kind, tenant_id, version),
        )
        if not documents:
            raise NotFound(f"the tenant has no {kind!r} document before version {version}")
        return documents[0]

    async def after(self, tenant_id: str, kind: str, version: int) -> list[Document]:
        """Return every later version, in order."""
        return await self._documents(
            "SELECT tenant_id, kind, version, body FROM config_documents"
            " WHERE kind = $1 AND tenant_id = $2 AND version > $3 ORDER BY version",
            (kind, tenant_id, version),
        )

    async def _documents(self, sql: str, arguments: Sequence[Any]) -> list[Document]:
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(sql, *arguments)
        return [
            Document(row["tenant_id"], row["kind"], row["version"], row["body"]) for row in rows
        ]
