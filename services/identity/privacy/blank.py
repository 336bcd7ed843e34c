"""Takes one subject out of a session, and leaves what is about others as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.identity.company.rules import Rules
from services.identity.fold import fold
from services.identity.graph.attach import Attach, Said
from services.identity.graph.link_store import standing
from services.identity.identity_store import IdentityStore
from services.identity.record import raised


class Blanker:
    """Blanks statements, and folds the session anew from what is left."""

    def __init__(
        self, identities: IdentityStore, attach: Attach, rules_of: Callable[[str], Rules]
    ) -> None:
        self._identities = identities
        self._attach = attach
        self._rules_of = rules_of

    async def blank(
        self,
        connection: Any,
        tenant_id: str,
        session_id: str,
        *,
        user: bytes | None,
        nobody: bytes,
        until_ms: int,
    ) -> tuple[int, bool]:
        """Blank what `user` (None: anybody) stated until then, under the tenant's lock.

        The rows of statements stay, empty: so the log cannot bring them back. Returns how many
        were blanked, and whether a statement of `nobody`, the session itself, is left.
        """
        before = await self._identities.lock(connection, tenant_id, session_id)
        rows: list[Any] = await connection.fetch(
            "SELECT stream_id, seq, occurred_at_ms, subject FROM identifies"
            " WHERE tenant_id = $1 AND session_id = $2 AND facts <> ''"
            " ORDER BY occurred_at_ms, stream_id, seq",
            tenant_id,
            session_id,
        )
        gone = [
            row
            for row, owner in zip(rows, _owners(rows, nobody), strict=True)
            if row["occurred_at_ms"] <= until_ms and (user is None or owner in (user, nobody))
        ]
        await connection.execute(
            "UPDATE identifies AS i SET facts = '', subject = NULL"
            " FROM unnest($3::text[], $4::bigint[]) AS gone (stream_id, seq)"
            " WHERE i.tenant_id = $1 AND i.session_id = $2 AND i.stream_id = gone.stream_id"
            " AND i.seq = gone.seq",
            tenant_id,
            session_id,
            [row["stream_id"] for row in gone],
            [row["seq"] for row in gone],
        )
        left = {row["subject"] for row in rows if row not in gone}
        said = Said(
            session_id,
            await self._identities.entries(connection, tenant_id, session_id),
            await standing(connection, tenant_id, session_id),
        )
        (place,) = await self._attach.place(connection, tenant_id, [said], alone=True)
        after = replace(before, identity=fold(said.entries, self._rules_of(tenant_id)))
        # Even where nothing changed: whoever keeps the identity is to ask again.
        await raised(
            self._identities, self._attach, connection, before, after, said, place, always=True
        )
        return len(gone), nobody in left


def _owners(rows: Sequence[Any], nobody: bytes) -> list[bytes]:
    """Whom each statement is about: one that names no user is about the user in force then.

    That is the one stated last before it, else the first after it, else nobody.
    """
    named = [row["subject"] for row in rows if row["subject"] != nobody]
    current = named[0] if named else nobody
    owners: list[bytes] = []
    for row in rows:
        if row["subject"] != nobody:
            current = row["subject"]
        owners.append(current)
    return owners
