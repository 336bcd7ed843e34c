"""Signed texts in URLs: whoever reads one knows that this mesh wrote it, and for what."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b

from services.intervention.sending.secrets import derive_key

_MAC_BYTES = 16


class Signed:
    """Makes and reads them, for one use: what was signed for another reads as none of ours."""

    def __init__(self, mesh_secret: str, use: str) -> None:
        self._key = derive_key(mesh_secret, use)

    def token(self, text: str) -> str:
        """The text with its signature, for a URL."""
        named = text.encode()
        return base64.urlsafe_b64encode(self._mac(named) + named).decode().rstrip("=")

    def read(self, token: str) -> str | None:
        """The text; None: it is none of ours."""
        try:
            blob = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, named = blob[:_MAC_BYTES], blob[_MAC_BYTES:]
        return named.decode() if hmac.compare_digest(mac, self._mac(named)) else None

    def _mac(self, named: bytes) -> bytes:
        return blake2b(named, key=self._key, digest_size=_MAC_BYTES).digest()
