"""What a token proves, by the tenant's secret, policy and keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.identity.key_sets import KeySets
from services.identity.tenant_documents import TenantDocuments
from services.identity.tenant_store import TenantStore
from services.identity.token_policy import TokenPolicy
from services.identity.tokens import KEYED, named_key, verify


class TokenChecks:
    """Of all tenants."""

    def __init__(
        self, tenants: TenantStore, policies: TenantDocuments[TokenPolicy], key_sets: KeySets
    ) -> None:
        self._tenants = tenants
        self._policies = policies
        self._key_sets = key_sets

    async def claims(self, tenant_id: str, token: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a valid token.

        Raises:
            TokenRefused: it proves nothing.
            NotFound: no such tenant.
            Unavailable: PostgreSQL is away.
        """
        policy = self._policies.of(tenant_id)
        name = named_key(token)
        secret = await self._tenants.identity_secret(tenant_id) if policy.hs256 else ""
        asks = policy.jwks_url and name.algorithm in KEYED and not name.among(policy.keys)
        if not asks:
            return verify(token, secret, now, policy)
        keys = await self._key_sets.keys(policy.jwks_url, lambda held: name.among(held) is not None)
        return verify(token, secret, now, policy, keys)
