"""Everything that is kept about a subject, as JSON objects: what they may ask for.

| kind | what |
|---|---|
| statement | an identify, as it was judged |
| identity | a session as it is folded, with what the tenant's sources knew |
| identifier, attribution | by what they are known, and which sessions were taken for theirs |
| transaction, value | what was paid, and what it makes them worth |
| consent | what they agreed to or refused |
| audit | who did what about them |
| end | how many of each there were |
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Final

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.identity.database import Database
from services.identity.graph.profile_store import identifiers_of
from services.identity.identity_store import IdentityStore
from services.identity.privacy import consent
from services.identity.privacy.rewrite import Rewriter
from services.identity.privacy.subjects import DataSubject, Index
from services.identity.privacy.targets import Ref, Targets, sessions_of, targets_of
from services.identity.privacy.vault import Vault

_PAGE: Final = 500
_Row = dict[str, Any]


class Exporter:
    """Reads what `Eraser` would erase."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        rewriter: Rewriter,
        identities: IdentityStore,
        audit: AuditWriter,
    ) -> None:
        self._database = database
        self._vault = vault
        self._rewriter = rewriter
        self._identities = identities
        self._audit = audit

    async def export(self, tenant_id: str, ref: Ref) -> AsyncIterator[list[str]]:
        """Yield pages of JSON objects.

        Raises:
            FailedPrecondition: the session belongs to a user.
            NotFound: no such tenant.
            Unavailable: PostgreSQL is away; begin again.
        """
        await self._rewriter.finish(tenant_id)
        async with self._database.connection() as connection:
            index = await self._vault.index(connection, tenant_id)
            targets = await targets_of(connection, tenant_id, ref, index)
        subjects = [index.pseudonym(subject) for subject in targets.subjects()]
        async with self._database.transaction() as connection:
            entries = [Entry("subject.export", subject.hex()) for subject in subjects]
            if entries:
                await self._audit.append(connection, tenant_id, *entries)
        counts: Counter[str] = Counter()
        page: list[str] = []
        async for row in self._rows(tenant_id, targets, index, subjects):
            counts[row["kind"]] += 1
            page.append(json.dumps(row, default=str))
            if len(page) == _PAGE:
                yield page
                page = []
        yield [*page, json.dumps({"kind": "end", "counts": counts})]

    async def _rows(
        self, tenant_id: str, targets: Targets, index: Index, subjects: list[bytes]
    ) -> AsyncIterator[_Row]:
        about: set[bytes] = set(subjects)
        for session_id in sorted(targets.sessions):
            async for row in self._session(tenant_id, session_id, None, index):
                yield row
        for user_id in sorted(targets.users):
            user = index.pseudonym(DataSubject("user", user_id))
            async with self._database.connection() as connection:
                sessions = await sessions_of(connection, tenant_id, user_id, user)
            for session_id in sessions:
                nobody = index.pseudonym(DataSubject("session", session_id))
                about.add(nobody)
                async for row in self._session(tenant_id, session_id, user, index):
                    yield row
            async with self._database.connection() as connection:
                known = await identifiers_of(connection, tenant_id, user_id)
            for one in known:
                yield {"kind": "identifier", "of": one.kind, **_without_kind(asdict(one))}
            for kind, table, order in (
                ("attribution", "attributions", "change_id"),
                ("transaction", "transactions", "transaction_id"),
                ("value", "user_values", "user_id"),
            ):
                async for row in self._of_user(kind, table, order, tenant_id, user_id):
                    yield row
        async for row in self._about(tenant_id, sorted(about)):
            yield row

    async def _session(
        self, tenant_id: str, session_id: str, user: bytes | None, index: Index
    ) -> AsyncIterator[_Row]:
        """What the user, or anybody, stated in a session, and who it is if it is they."""
        nobody = index.pseudonym(DataSubject("session", session_id))
        after = ("", -1)
        while True:
            async with self._database.connection() as connection:
                rows: list[Any] = await connection.fetch(
                    "SELECT stream_id, seq, occurred_at_ms, assurance, applied_at, facts"
                    " FROM identifies WHERE tenant_id = $1 AND session_id = $2 AND facts <> ''"
                    " AND ($3::bytea IS NULL OR subject IN ($3, $4))"
                    " AND (stream_id, seq) > ($5, $6) ORDER BY stream_id, seq LIMIT $7",
                    tenant_id,
                    session_id,
                    user,
                    nobody,
                    *after,
                    _PAGE,
                )
                opened = await self._vault.opened(
                    connection, tenant_id, [row["facts"] for row in rows]
                )
            for row in rows:
                text = opened.text(row["facts"], tenant_id, session_id, "facts")
                told = {**dict(row), "facts": json.loads(text or "{}")}
                yield {"kind": "statement", "session_id": session_id, **told}
            if len(rows) < _PAGE:
                break
            after = (rows[-1]["stream_id"], rows[-1]["seq"])
        found = await self._identities.resolve(tenant_id, session_id)
        who = index.pseudonym(DataSubject("user", found.identity.user_id))
        if found.version and (user is None or user == who):
            yield {
                "kind": "identity",
                "session_id": session_id,
                "version": found.version,
                "owner_person_id": found.owner_person_id,
                "identity": asdict(found.identity),
                "from_sources": asdict(found.enrichment),
            }

    async def _of_user(
        self, kind: str, table: str, order: str, tenant_id: str, user_id: str
    ) -> AsyncIterator[_Row]:
        after = ""
        place = f'{order}::text COLLATE "C"'
        while True:
            async with self._database.connection() as connection:
                rows: list[Any] = await connection.fetch(
                    f"SELECT * FROM {table} WHERE tenant_id = $1 AND user_id = $2"
                    f" AND {place} > $3 ORDER BY {place} LIMIT $4",
                    tenant_id,
                    user_id,
                    after,
                    _PAGE,
                )
            for row in rows:
                told = dict(row)
                # What a transaction is, is not what this object is.
                yield {"kind": kind, **{k if k != "kind" else "does": v for k, v in told.items()}}
            if len(rows) < _PAGE:
                return
            after = str(rows[-1][order])

    async def _about(self, tenant_id: str, subjects: list[bytes]) -> AsyncIterator[_Row]:
        """What stands under their pseudonyms."""
        async with self._database.connection() as connection:
            agreed = await consent.read(connection, tenant_id, subjects)
        for one in agreed.values():
            yield {"kind": "consent", **one._asdict()}
        after = 0
        while True:
            async with self._database.connection() as connection:
                rows: list[Any] = await connection.fetch(
                    "SELECT sequence, at_us, actor, role, action, subject, purpose, detail"
                    " FROM audit_records WHERE tenant_id = $1 AND subject = ANY($2)"
                    " AND sequence > $3 ORDER BY sequence LIMIT $4",
                    tenant_id,
                    [subject.hex() for subject in subjects],
                    after,
                    _PAGE,
                )
            for row in rows:
                yield {**dict(row), "kind": "audit"}
            if len(rows) < _PAGE:
                return
            after = rows[-1]["sequence"]


def _without_kind(row: _Row) -> _Row:
    return {name: value for name, value in row.items() if name != "kind"}
