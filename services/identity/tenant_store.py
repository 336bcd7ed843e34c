"""Tenants, publishable keys and people in PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.common.errors import NotFound
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.pii import Pii

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
class KeyOwner:
    """Whose key it is, and what the edge needs to admit a socket with it."""

    tenant_id: str
    origins: Sequence[str]
    sdk_config: bytes
    emotions_to_page: bool


class TenantStore:
    """Reads and writes the tables of 0001_tenants.sql, but for configuration."""

    def __init__(self, database: Database, pii: Pii) -> None:
        self._database = database
        self._pii = pii

    async def put_tenant(self, tenant: Tenant) -> None:
        """Create or replace a tenant."""
        place = tenant.tenant_id
        secret = self._pii.encrypt(tenant.identity_secret, place, "identity_secret")
        signs = self._pii.encrypt(tenant.transactions_secret, place, "transactions_secret")
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO tenants (tenant_id, name, identity_secret, emotions_to_page,"
                " transactions_secret) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id)"
                " DO UPDATE SET name = $2, identity_secret = $3, emotions_to_page = $4,"
                " transactions_secret = $5, updated_at = now()",
                tenant.tenant_id,
                tenant.name,
                secret,
                tenant.emotions_to_page,
                signs,
            )

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
        return self._pii.decrypt(stored, tenant_id, column)

    async def create_key(self, tenant_id: str, origins: Sequence[str], environment: str) -> str:
        """Make a publishable key. It is returned here and never again."""
        key = f"pk_{environment}_{secrets.token_hex(_KEY_BYTES)}"
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO publishable_keys (key_hash, tenant_id, environment, origins)"
                " VALUES ($1, $2, $3, $4)",
                _hash(key),
                tenant_id,
                environment,
                list(origins),
            )
        return key

    async def revoke_key(self, tenant_id: str, key: str) -> None:
        """End a key; ending it again changes nothing.

        Raises:
            NotFound: the tenant has no such key.
        """
        async with self._database.connection() as connection:
            known: Any = await connection.fetchval(
                "UPDATE publishable_keys SET revoked_at = coalesce(revoked_at, now())"
                " WHERE key_hash = $1 AND tenant_id = $2 RETURNING 1",
                _hash(key),
                tenant_id,
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
            await connection.execute(
                "INSERT INTO people (tenant_id, person_id, name, role, zone, channels,"
                " owns_companies) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                " ON CONFLICT (tenant_id, person_id) DO UPDATE SET name = $3, role = $4,"
                " zone = $5, channels = $6, owns_companies = $7, updated_at = now()",
                tenant_id,
                person.person_id,
                self._pii.encrypt(person.name, *place, "name"),
                person.role,
                person.zone,
                self._pii.encrypt(channels, *place, "channels"),
                list(person.owns_companies),
            )

    async def list_people(self, tenant_id: str) -> list[Person]:
        """Return the tenant's team in order of person_id."""
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                'SELECT * FROM people WHERE tenant_id = $1 ORDER BY person_id COLLATE "C"',
                tenant_id,
            )
        return [self._person(row) for row in rows]

    def _person(self, row: Any) -> Person:
        place = (row["tenant_id"], row["person_id"])
        channels = json.loads(self._pii.decrypt(row["channels"], *place, "channels"))
        return Person(
            row["person_id"],
            self._pii.decrypt(row["name"], *place, "name"),
            row["role"],
            row["zone"],
            [Channel(**channel) for channel in channels],
            row["owns_companies"],
        )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
