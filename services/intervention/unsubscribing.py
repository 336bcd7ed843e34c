"""The link with which a person stops mails to an address (RFC 8058): signed, and names nobody.

It stands in every mail for as long as the mail is kept, so it does not expire.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b

from services.intervention.secrets import derive_key

PATH = "/hooks/unsubscribe"
_MAC_BYTES = 16


class Unsubscribing:
    """Makes and reads the links."""

    def __init__(self, mesh_secret: str, *, public_url: str) -> None:
        self._key = derive_key(mesh_secret, "unsubscribe")
        self._base = f"{public_url.rstrip('/')}{PATH}"

    def link(self, tenant_id: str, endpoint_hash: str) -> str:
        """The URL for one address of a tenant's."""
        named = f"{tenant_id}\x00{endpoint_hash}".encode()
        token = base64.urlsafe_b64encode(self._mac(named) + named).decode().rstrip("=")
        return f"{self._base}/{token}"

    def read(self, token: str) -> tuple[str, str] | None:
        """Tenant and address, by hash; None: it is none of ours."""
        try:
            blob = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, named = blob[:_MAC_BYTES], blob[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(named)):
            return None
        tenant_id, _, endpoint_hash = named.decode().partition("\x00")
        return tenant_id, endpoint_hash

    def _mac(self, named: bytes) -> bytes:
        return blake2b(named, key=self._key, digest_size=_MAC_BYTES).digest()
