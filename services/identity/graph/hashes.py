"""Identifiers as the graph keeps them: keyed hashes, equal for equal ones of a tenant."""

from __future__ import annotations

from collections.abc import Callable

from services.identity.graph.rules import EMAIL
from services.identity.pii import Pii


def hasher(pii: Pii, tenant_id: str) -> Callable[[str, str], str]:
    """Return what hashes a kind and a value; addresses as the blind index of their column does."""

    def hashed(kind: str, value: str) -> str:
        text = value if kind == EMAIL else f"{kind}\n{value.encode().hex()}"
        return (pii.blind_index(tenant_id, text) or b"").hex()

    return hashed
