"""Tenants, publishable keys and people in PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.errors import NotFound
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Opened, Vault

_KEY_BYTES = 20


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of SentientIQ."""

    tenant_id: str
    name: str
    identity_secret: str
    emotions_to_page: bool
    transactions_secret: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a person."""

    kind: str
    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member of a tenant's team."""

    person_id: str
    name: str
    role: str
    zone: str
    channels: Sequence[Channel]
    owns_companies: Sequence[str]


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """A tenant without its secrets."""

    tenant_id: str
    name: str
    emotions_to_page: bool
    has_identity_secret: bool
    has_transactions_secret: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without what makes it work."""

    key_id: str
    environment: str
    origins: list[str]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key it is, and what the edge needs to admit a socket with it."""

    tenant_id: str
    origins: Sequence[str]
    sdk_config: bytes
    emotions_to_page: bool


class TenantStore:
    """Reads and writes the tables of 0001_tenants.sql, but for configuration."""

    def __init__(self, database: Database, vault: Vault, audit: AuditWriter) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit

    async def put_tenant(self, tenant: Tenant) -> None:
        """Create or replace a tenant."""
        place = tenant.tenant_id
        async with self._database.transaction() as connection:
            # First its row, which its keys refer to.
            await connection.execute(
                "INSERT INTO tenants (tenant_id, name, identity_secret, emotions_to_page)"
                " VALUES ($1, '', '', false) ON CONFLICT DO NOTHING",
                place,
            )
            own = await self._vault.sealer(connection, place, DataSubject("tenant", place))
            await connection.execute(
                "INSERT INTO tenants (tenant_id, name, identity_secret, emotions_to_page,"
                " transactions_secret) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id)"
                " DO UPDATE SET name = $2, identity_secret = $3, emotions_to_page = $4,"
                " transactions_secret = $5, updated_at = now()",
                tenant.tenant_id,
                tenant.name,
                own.seal(tenant.identity_secret, place, "identity_secret"),
                tenant.emotions_to_page,
                own.seal(tenant.transactions_secret, place, "transactions_secret"),
            )
            detail = {
                "emotions_to_page": tenant.emotions_to_page,
                "identity_secret": bool(tenant.identity_secret),
                "transactions_secret": bool(tenant.transactions_secret),
            }
            await self._audit.append(
                connection, tenant.tenant_id, Entry("tenant.put", detail=detail)
            )

    async def get_tenant(self, tenant_id: str) -> TenantInfo:
        """Tell of a tenant, without its secrets.

        Raises:
            NotFound: no such tenant.
        """
        found = await self._tenants("tenant_id = $1", tenant_id, 1)
        if not found:
            raise NotFound("tenant_id: no such tenant; create it with PutTenant")
        return found[0]

    async def list_tenants(self, after: str, most: int) -> list[TenantInfo]:
        """Tell of tenants in order of their ids, from the one after another on."""
        return await self._tenants("tenant_id > $1", after, most)

    async def _tenants(self, which: str, argument: str, most: int) -> list[TenantInfo]:
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT tenant_id, name, emotions_to_page, identity_secret <> '' AS identity,"
                " transactions_secret <> '' AS transactions, created_at FROM tenants"
                f' WHERE {which} ORDER BY tenant_id COLLATE "C" LIMIT $2',
                argument,
                most,
            )
        return [TenantInfo(*row) for row in rows]

    async def identity_secret(self, tenant_id: str) -> str:
        """Return the secret that signs the tenant's identity tokens; "" if it has none.

        Raises:
            NotFound: no such tenant.
        """
        return await self._secret(tenant_id, "identity_secret")

    async def transactions_secret(self, tenant_id: str) -> str:
        """Return the secret that signs the tenant's webhooks of transactions; "" if it has none.

        Raises:
            NotFound: no such tenant.
        """
        return await self._secret(tenant_id, "transactions_secret")

    async def _secret(self, tenant_id: str, column: str) -> str:
        async with self._database.connection() as connection:
            stored: Any = await connection.fetchval(
                f"SELECT {column} FROM tenants WHERE tenant_id = $1", tenant_id
            )
            if stored is None:
                raise NotFound("tenant_id: no such tenant; create it with PutTenant")
            opened = await self._vault.opened(connection, tenant_id, [stored])
        return opened.text(stored, tenant_id, column)

    async def create_key(self, tenant_id: str, origins: Sequence[str], environment: str) -> str:
        """Make a publishable key. It is returned here and never again."""
        key = f"pk_{environment}_{secrets.token_hex(_KEY_BYTES)}"
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO publishable_keys (key_hash, tenant_id, environment, origins)"
                " VALUES ($1, $2, $3, $4)",
                _hash(key),
                tenant_id,
                environment,
                list(origins),
            )
            entry = Entry(
                "key.create",
                _named(key),
                detail={"environment": environment, "origins": [*origins]},
            )
            await self._audit.append(connection, tenant_id, entry)
        return key

    async def list_keys(self, tenant_id: str) -> list[KeyInfo]:
        """Tell of a tenant's keys, the oldest first."""
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT key_hash, environment, origins, created_at, revoked_at"
                " FROM publishable_keys WHERE tenant_id = $1 ORDER BY created_at, key_hash",
                tenant_id,
            )
        return [KeyInfo(key_id(row["key_hash"]), *list(row)[1:]) for row in rows]

    async def revoke_key(self, tenant_id: str, key: str, name: str) -> None:
        """End a key, given itself or by its id; ending it again changes nothing.

        Raises:
            NotFound: the tenant has no such key.
        """
        async with self._database.transaction() as connection:
            known: Any = await connection.fetchval(
                "UPDATE publishable_keys SET revoked_at = coalesce(revoked_at, now())"
                " WHERE tenant_id = $2 AND (key_hash = $1 OR substring(key_hash FROM 1 FOR 8) = $3)"
                " RETURNING key_hash",
                _hash(key) if key else None,
                tenant_id,
                bytes.fromhex(name) if name else None,
            )
            if known is not None:
                await self._audit.append(
                    connection, tenant_id, Entry("key.revoke", f"key:{key_id(known)}")
                )
        if known is None:
            raise NotFound("key: the tenant has no such key")

    async def resolve_key(self, key: str) -> KeyOwner:
        """Tell whose key it is.

        Raises:
            NotFound: unknown or revoked.
        """
        async with self._database.connection() as connection:
            row: Any = await connection.fetchrow(
                "SELECT k.tenant_id, k.origins, t.emotions_to_page,"
                " (SELECT body FROM config_documents c WHERE c.kind = 'sdk'"
                " AND c.tenant_id = k.tenant_id ORDER BY version DESC LIMIT 1) AS sdk_config"
                " FROM publishable_keys k JOIN tenants t USING (tenant_id)"
                " WHERE k.key_hash = $1 AND k.revoked_at IS NULL",
                _hash(key),
            )
        if row is None:
            raise NotFound("key: unknown or revoked")
        return KeyOwner(
            row["tenant_id"], row["origins"], row["sdk_config"] or b"", row["emotions_to_page"]
        )

    async def put_person(self, tenant_id: str, person: Person) -> None:
        """Create or replace a person."""
        place = (tenant_id, person.person_id)
        channels = json.dumps([asdict(channel) for channel in person.channels])
        async with self._database.transaction() as connection:
            # Whom a company belongs to is part of every answer about it.
            await announce(connection, PROFILE_CHANNEL, tenant_id)
            subject = DataSubject("person", person.person_id)
            own = await self._vault.sealer(connection, tenant_id, subject)
            await connection.execute(
                "INSERT INTO people (tenant_id, person_id, name, role, zone, channels,"
                " owns_companies) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                " ON CONFLICT (tenant_id, person_id) DO UPDATE SET name = $3, role = $4,"
                " zone = $5, channels = $6, owns_companies = $7, updated_at = now()",
                tenant_id,
                person.person_id,
                own.seal(person.name, *place, "name"),
                person.role,
                person.zone,
                own.seal(channels, *place, "channels"),
                list(person.owns_companies),
            )
            kinds = sorted({channel.kind for channel in person.channels})
            entry = Entry(
                "person.put",
                f"person:{person.person_id}",
                detail={"role": person.role, "channels": kinds},
            )
            await self._audit.append(connection, tenant_id, entry)

    async def delete_person(self, tenant_id: str, person_id: str) -> None:
        """Remove a person.

        Raises:
            NotFound: the tenant has no such person.
        """
        async with self._database.transaction() as connection:
            await announce(connection, PROFILE_CHANNEL, tenant_id)
            gone: Any = await connection.fetchval(
                "DELETE FROM people WHERE tenant_id = $1 AND person_id = $2 RETURNING 1",
                tenant_id,
                person_id,
            )
            if gone is None:
                raise NotFound("person_id: the tenant has no such person")
            entry = Entry("person.delete", f"person:{person_id}")
            await self._audit.append(connection, tenant_id, entry)

    async def note_token(self, tenant_id: str, subject: str, detail: dict[str, object]) -> None:
        """Record that a bearer token is about to be handed out.

        Raises:
            NotFound: no such tenant.
        """
        await self.get_tenant(tenant_id)
        async with self._database.transaction() as connection:
            entry = Entry("token.create", f"holder:{subject}", detail=detail)
            await self._audit.append(connection, tenant_id, entry)

    async def list_people(self, tenant_id: str) -> list[Person]:
        """Return the tenant's team in order of person_id."""
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                'SELECT * FROM people WHERE tenant_id = $1 ORDER BY person_id COLLATE "C"',
                tenant_id,
            )
            stored = [value for row in rows for value in (row["name"], row["channels"])]
            opened = await self._vault.opened(connection, tenant_id, stored)
        return [_person(row, opened) for row in rows]


def _person(row: Any, opened: Opened) -> Person:
    place = (row["tenant_id"], row["person_id"])
    channels = json.loads(opened.text(row["channels"], *place, "channels"))
    return Person(
        row["person_id"],
        opened.text(row["name"], *place, "name"),
        row["role"],
        row["zone"],
        [Channel(**channel) for channel in channels],
        row["owns_companies"],
    )


def _named(key: str) -> str:
    """What the audit calls a key."""
    return f"key:{key_id(_hash(key))}"


def key_id(key_hash: bytes) -> str:
    """A key's id: enough to tell it from others, nothing to use it with."""
    return bytes(key_hash[:8]).hex()


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
