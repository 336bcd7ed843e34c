"""A tenant with very many identities, written into the tables as identifies leave them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.identity.model import Assurance
from services.identity.privacy import aead
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import tenant_context, wrap_subject

if TYPE_CHECKING:
    from services.identity.privacy.subjects import Index
    from services.identity.privacy.vault import Vault

TENANT: Final = "bench"
_AT_ONCE: Final = 50_000
_COLUMNS: Final = {
    "subject_keys": ("tenant_id", "subject", "tenant_key", "wrapped"),
    "sessions": (
        *("tenant_id", "session_id", "version", "assurance", "user_id", "email", "email_index"),
        *("company", "company_kind", "established_at_ms", "began_ms"),
    ),
    "links": ("tenant_id", "session_id", "kind", "value", "person", "assurance", "at_ms"),
}


@dataclass(frozen=True, slots=True)
class _Keys:
    index: Index
    data: bytes
    version: int


def session_of(number: int) -> str:
    """The session of the so-manieth identity."""
    return f"{number:032x}"


async def fill(connection: Any, vault: Vault, begin: int, end: int) -> None:
    """Add identities: each a user with an address, a company and one verified session."""
    keys = await _keys(connection, vault)
    for start in range(begin, end, _AT_ONCE):
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}
        now_ms = time.time_ns() // 1_000_000
        for number in range(start, min(start + _AT_ONCE, end)):
            _add(rows, keys, number, now_ms)
        for table, columns in _COLUMNS.items():
            await connection.copy_records_to_table(table, columns=columns, records=rows[table])
    await connection.execute("ANALYZE sessions, links, subject_keys")


async def _keys(connection: Any, vault: Vault) -> _Keys:
    # Makes the tenant's keys, if there are none yet.
    await vault.sealer(connection, TENANT, DataSubject("tenant", TENANT))
    row: Any = await connection.fetchrow(
        "SELECT version, kek_id, wrapped FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'"
        " ORDER BY version DESC LIMIT 1",
        TENANT,
    )
    context = tenant_context(TENANT, "data", row["version"])
    data = await vault.keks.unwrap(row["kek_id"], row["wrapped"], context)
    return _Keys(await vault.index(connection, TENANT), data, row["version"])


def _add(rows: dict[str, list[tuple[Any, ...]]], keys: _Keys, number: int, now_ms: int) -> None:
    company = f"company{number // 10}.example"
    user, email, session = f"u{number}", f"person{number}@{company}", session_of(number)
    subject, key = keys.index.pseudonym(DataSubject("user", user)), aead.new_key()
    rows["subject_keys"].append(
        (TENANT, subject, keys.version, wrap_subject(keys.data, key, TENANT, subject))
    )
    proof = int(Assurance.VERIFIED)
    sealed = aead.seal(AESGCM(key), subject, email, (TENANT, session, "email"))
    rows["sessions"].append(
        (
            *(TENANT, session, 1, proof, user, sealed, keys.index.blind(email)),
            *(company, "company", now_ms, now_ms),
        )
    )
    rows["links"] += [
        (TENANT, session, kind, value, f"u:{user}", proof, now_ms)
        for kind, value in (
            ("visitor", session),
            ("email", keys.index.identifier("email", email)),
        )
    ]
