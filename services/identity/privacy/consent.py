"""What subjects agreed to and refused, and whether a purpose may see who they are.

| purpose | may see e-mail and name |
|---|---|
| operation (the mesh, to help and to alert) | always: it is what the tenant runs this for |
| support | unless support was refused |
| marketing, analytics | only if it was agreed to; never under GPC;
| | marketing not after "do not sell" |
| sale | only if it was agreed to, and never under GPC |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

OPERATION: Final = "operation"
PURPOSES: Final = ("support", "marketing", "analytics", "sale")
TOPICS: Final = (*PURPOSES, "gpc")


class Consent(NamedTuple):
    """One statement."""

    topic: str
    granted: bool
    source: str
    at_ms: int


def withheld(purpose: str, consents: Mapping[str, Consent]) -> str:
    """Why a purpose may not see who it is; empty if it may."""

    def said(topic: str) -> bool | None:
        return consents[topic].granted if topic in consents else None

    if purpose == OPERATION:
        return ""
    if purpose == "support":
        return "consent" if said("support") is False else ""
    if said("gpc") is False:
        return "gpc"
    if said("sale") is False and purpose in ("marketing", "sale"):
        return "do_not_sell"
    return "" if said(purpose) else "consent"


async def read(connection: Any, tenant_id: str, subjects: Collection[bytes]) -> dict[str, Consent]:
    """What is in force of subjects that are one: of each topic what was said last."""
    rows: list[Any] = await connection.fetch(
        "SELECT topic, granted, source, at_ms FROM consents WHERE tenant_id = $1"
        # Said at the same time, the refusal counts.
        " AND subject = ANY($2) ORDER BY at_ms, granted DESC",
        tenant_id,
        list(subjects),
    )
    return {row["topic"]: Consent(*row) for row in rows}


async def write(
    connection: Any, tenant_id: str, subject: bytes, consents: Sequence[Consent]
) -> list[str]:
    """Record what is newer than what is known; returns the topics that changed.

    Raises:
        NotFound: no such tenant (by the foreign key).
    """
    changed: list[str] = []
    for one in sorted(consents):
        row: Any = await connection.fetchval(
            "INSERT INTO consents AS c (tenant_id, subject, topic, granted, source, at_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, subject, topic) DO UPDATE"
            " SET granted = $4, source = $5, at_ms = $6 WHERE c.at_ms < $6"
            " OR (c.at_ms = $6 AND c.granted AND NOT $4) RETURNING topic",
            tenant_id,
            subject,
            *one,
        )
        if row is not None:
            changed.append(one.topic)
    return changed
