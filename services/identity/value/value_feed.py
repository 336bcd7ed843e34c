"""Whose value has changed: by transactions, or by what a tenant's values rest on."""

from __future__ import annotations

from services.identity.change_feed import ChangeFeed
from services.identity.config_store import CHANNEL as CONFIG_CHANNEL
from services.identity.value.basis_store import RATES_KIND, RULES_KIND

CHANNEL = "identity_value"


class ValueFeed(ChangeFeed):
    """Fans out changes of users' values."""

    def __init__(self) -> None:
        super().__init__(CHANNEL, CONFIG_CHANNEL)

    def concerns(self, payload: str) -> str | None:
        """A new document that values rest on."""
        kind, _, tenant_id = payload.partition(" ")
        return tenant_id if kind in (RULES_KIND, RATES_KIND) else None
