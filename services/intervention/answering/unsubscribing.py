"""The link with which a person stops mails to an address (RFC 8058): signed, and names nobody.

It stands in every mail for as long as the mail is kept, so it does not expire.
"""

from __future__ import annotations

from services.intervention.answering.signed import Signed

PATH = "/hooks/unsubscribe"


class Unsubscribing:
    """Makes and reads the links."""

    def __init__(self, mesh_secret: str, *, public_url: str) -> None:
        self._signed = Signed(mesh_secret, "unsubscribe")
        self._base = f"{public_url.rstrip('/')}{PATH}"

    def link(self, tenant_id: str, endpoint_hash: str) -> str:
        """The URL for one address of a tenant's."""
        token = self._signed.token(f"{tenant_id}\x00{endpoint_hash}")
        return f"{self._base}/{token}"

    def read(self, token: str) -> tuple[str, str] | None:
        """Tenant and address, by hash; None: it is none of ours."""
        text = self._signed.read(token)
        if text is None:
            return None
        tenant_id, _, endpoint_hash = text.partition("\x00")
        return tenant_id, endpoint_hash
