"""What is left of the erased: since when nothing older about them is taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Vault


async def erased_users(
    connection: Any, vault: Vault, tenant_id: str, user_ids: Collection[str]
) -> dict[str, int]:
    """Those of the users who were erased, and when."""
    index = await vault.index(connection, tenant_id)
    names = {index.pseudonym(DataSubject("user", user_id)): user_id for user_id in user_ids}
    rows: list[Any] = await connection.fetch(
        "SELECT subject, erased_at_ms FROM subject_keys WHERE tenant_id = $1"
        " AND subject = ANY($2) AND erased_at_ms > 0",
        tenant_id,
        list(names),
    )
    return {names[row["subject"]]: row["erased_at_ms"] for row in rows}
