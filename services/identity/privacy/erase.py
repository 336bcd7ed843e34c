"""Erase a subject: first their keys, so that nothing opens any more; then what is left of them.

The keys go one transaction each. Whoever takes a statement of the subject holds their key's row
until it is committed, so after that every statement is either there to be blanked, or refused for
its age. Then sessions are blanked in batches, each under its own lock, and the last transaction
removes the rest and writes the audit record and the certificate. What broke off goes on when it is
asked for again: all of it can be done twice.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.errors import AlreadyExists
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.graph.link_store import lock_tenant
from services.identity.privacy.blank import Blanker
from services.identity.privacy.certificate import Certificate, Signer
from services.identity.privacy.rewrite import Rewriter
from services.identity.privacy.subjects import DataSubject, Index
from services.identity.privacy.targets import Ref, Targets, sessions_of, targets_of
from services.identity.privacy.vault import CHANNEL, Vault

_BATCH: Final = 50
_ERASURE = (
    "SELECT asked, destroyed, certificate, signature FROM erasures"
    " WHERE tenant_id = $1 AND idempotency_key = $2"
)
_COUNTED = (
    *("keys", "sessions", "statements", "transactions", "user_values", "attributions", "cuts"),
    "consents",
)


@dataclass(slots=True)
class Erasure:
    """One that is under way."""

    tenant_id: str
    idempotency_key: str
    at_ms: int
    destroyed: Counter[str]
    """By all attempts; kept in the transaction of what it counts."""

    def __post_init__(self) -> None:
        for name in _COUNTED:
            self.destroyed.setdefault(name, 0)

    async def keep(self, connection: Any) -> None:
        """Have the next attempt go on counting, if this one breaks off."""
        await connection.execute(
            "UPDATE erasures SET destroyed = $3 WHERE tenant_id = $1 AND idempotency_key = $2",
            self.tenant_id,
            self.idempotency_key,
            json.dumps(self.destroyed),
        )


class Eraser:
    """Erases, and proves it."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        rewriter: Rewriter,
        blanker: Blanker,
        audit: AuditWriter,
        signer: Signer,
        clock_ms: Callable[[], int],
        changed: Callable[[str], None],
    ) -> None:
        """`changed`: told a tenant of whom somebody is gone, before the news come round."""
        self._database = database
        self._vault = vault
        self._rewriter = rewriter
        self._blanker = blanker
        self._audit = audit
        self.signer = signer
        self._clock_ms = clock_ms
        self._changed = changed
        self.erased = 0

    async def erase(self, tenant_id: str, ref: Ref, idempotency_key: str) -> Certificate:
        """Erase, or find it done.

        Raises:
            AlreadyExists: the idempotency key is of another request.
            FailedPrecondition: the session belongs to a user.
            NotFound: no such tenant.
            Unavailable: PostgreSQL is away; ask again.
        """
        # Of an old form nobody knows whose it is.
        await self._rewriter.finish(tenant_id)
        async with self._database.connection() as connection:
            index = await self._vault.index(connection, tenant_id)
            begun = await self._begun(connection, tenant_id, ref, idempotency_key, index)
            if isinstance(begun, Certificate):
                self._changed(tenant_id)  # another replica may have done it
                return begun
            targets = await targets_of(connection, tenant_id, ref, index)
        subjects = [index.pseudonym(subject) for subject in targets.subjects()]
        try:
            for subject in subjects:
                async with self._database.transaction() as connection:
                    await self._destroy_key(connection, begun, subject)
                self._vault.forget(tenant_id, subject)
            await self._blank(begun, targets, index)
            certificate = await self._end(begun, targets, subjects)
        finally:
            self._changed(tenant_id)
        self.erased += 1
        return certificate

    async def _begun(
        self, connection: Any, tenant_id: str, ref: Ref, idempotency_key: str, index: Index
    ) -> Erasure | Certificate:
        """Take the idempotency key and what was done under it: all, or some, or nothing yet."""
        asked = hmac.digest(index.key, f"erase\0{ref.kind}\0{ref.name}".encode(), "sha256")
        await connection.execute(
            "INSERT INTO erasures (tenant_id, idempotency_key, asked) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            tenant_id,
            idempotency_key,
            asked,
        )
        row: Any = await connection.fetchrow(_ERASURE, tenant_id, idempotency_key)
        if row["asked"] != asked:
            raise AlreadyExists(
                "idempotency_key: it was used to erase another subject; use a new one"
            )
        if row["certificate"] is not None:
            return Certificate(row["certificate"], row["signature"])
        return Erasure(
            tenant_id, idempotency_key, self._clock_ms(), Counter(json.loads(row["destroyed"]))
        )

    async def _destroy_key(self, connection: Any, erasure: Erasure, subject: bytes) -> None:
        """Destroy a key, for good and for whoever states older things."""
        tenant_id = erasure.tenant_id
        erasure.destroyed["keys"] += await destroy_key(
            connection, tenant_id, subject, erasure.at_ms
        )
        erasure.destroyed["consents"] += await _deleted(
            connection,
            "DELETE FROM consents WHERE tenant_id = $1 AND subject = $2",
            tenant_id,
            subject,
        )
        await erasure.keep(connection)

    async def _blank(self, erasure: Erasure, targets: Targets, index: Index) -> None:
        work: list[tuple[str, bytes | None]] = [(one, None) for one in targets.sessions]
        async with self._database.connection() as connection:
            for user_id in targets.users:
                user = index.pseudonym(DataSubject("user", user_id))
                sessions = await sessions_of(connection, erasure.tenant_id, user_id, user)
                work += [(session_id, user) for session_id in sessions]
        work.sort(key=lambda one: one[0])
        for first in range(0, len(work), _BATCH):
            await self._blank_some(erasure, work[first : first + _BATCH], index)

    async def _blank_some(
        self, erasure: Erasure, batch: Sequence[tuple[str, bytes | None]], index: Index
    ) -> None:
        forgotten: list[bytes] = []
        async with self._database.transaction() as connection:
            # Whose other sessions are may follow from these.
            await lock_tenant(connection, erasure.tenant_id, alone=True)
            for session_id, user in batch:
                nobody = index.pseudonym(DataSubject("session", session_id))
                statements, nobody_left = await self._blanker.blank(
                    connection,
                    erasure.tenant_id,
                    session_id,
                    user=user,
                    nobody=nobody,
                    until_ms=erasure.at_ms,
                )
                erasure.destroyed["sessions"] += 1
                erasure.destroyed["statements"] += statements
                if not nobody_left:
                    await self._destroy_key(connection, erasure, nobody)
                    forgotten.append(nobody)
            await erasure.keep(connection)
        for subject in forgotten:
            self._vault.forget(erasure.tenant_id, subject)

    async def _end(self, erasure: Erasure, targets: Targets, subjects: list[bytes]) -> Certificate:
        tenant_id, destroyed = erasure.tenant_id, erasure.destroyed
        async with self._database.transaction() as connection:
            row: Any = await connection.fetchrow(
                _ERASURE + " FOR UPDATE", tenant_id, erasure.idempotency_key
            )
            if row["certificate"] is not None:  # the same request, made twice at once
                return Certificate(row["certificate"], row["signature"])
            # What nothing is left to show for, since retention took the evidence.
            await connection.execute(
                "UPDATE sessions SET joined_user = '', joined_by = '', version = version + 1"
                " WHERE tenant_id = $1 AND joined_user = ANY($2)",
                tenant_id,
                list(targets.users),
            )
            await announce(connection, PROFILE_CHANNEL, tenant_id)
            # Values first: whoever records a transaction holds that row.
            for table in ("user_values", "transactions", "attributions", "cuts"):
                destroyed[table] += await _deleted(
                    connection,
                    f"DELETE FROM {table} WHERE tenant_id = $1 AND user_id = ANY($2)",
                    tenant_id,
                    list(targets.users),
                )
            named = subjects or [b""]
            entries = [Entry("subject.erase", one.hex(), detail=dict(destroyed)) for one in named]
            records = await self._audit.append(connection, tenant_id, *entries)
            certificate = self.signer.sign(
                tenant_id, subjects, erasure.at_ms, destroyed, records[-1]
            )
            await connection.execute(
                "UPDATE erasures SET certificate = $3, signature = $4"
                " WHERE tenant_id = $1 AND idempotency_key = $2",
                tenant_id,
                erasure.idempotency_key,
                certificate.body,
                certificate.signature,
            )
        return certificate


async def destroy_key(connection: Any, tenant_id: str, subject: bytes, at_ms: int) -> int:
    """Destroy a subject's key and have every replica forget it; returns how many there were."""
    had: Any = await connection.fetchval(
        "SELECT wrapped IS NOT NULL FROM subject_keys WHERE tenant_id = $1 AND subject = $2"
        " FOR UPDATE",
        tenant_id,
        subject,
    )
    await connection.execute(
        "INSERT INTO subject_keys AS s (tenant_id, subject, tenant_key, wrapped, erased_at_ms)"
        " VALUES ($1, $2, 0, NULL, $3) ON CONFLICT (tenant_id, subject) DO UPDATE"
        " SET wrapped = NULL, erased_at_ms = $3",
        tenant_id,
        subject,
        at_ms,
    )
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{tenant_id} {subject.hex()}")
    return int(bool(had))


async def _deleted(connection: Any, statement: str, *arguments: Any) -> int:
    """Run a DELETE; returns how many rows it removed."""
    return int(str(await connection.execute(statement, *arguments)).rpartition(" ")[2])
