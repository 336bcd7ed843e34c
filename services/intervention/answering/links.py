"""The link in a message: which decision, for whom, until when; signed, and without any PII.

    base64url( decision id, 16 bytes | expiry, 4 | tag of the person, 6 | MAC, 16 ) = 56 characters

The person stands as a keyed hash: person ids are the tenant's own words and may be names.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from hashlib import blake2b

from services.intervention.sending.secrets import derive_key

_BODY = struct.Struct(">16sI6s")
_MAC_BYTES = 16
_TOKEN_CHARS = 56


class LinkError(Exception):
    """The token is malformed, forged or too old, or its page was closed."""

    def __init__(self, text: str, why: str = "broken") -> None:
        """`why`: "broken", "expired", "revoked", "foreign" or "gone"."""
        super().__init__(text)
        self.why = why


@dataclass(frozen=True, slots=True)
class Link:
    """A verified link."""

    decision_id: str
    person_tag: bytes
    expires_at_s: int


class Links:
    """Makes and verifies tokens."""

    def __init__(self, mesh_secret: str) -> None:
        self._key = derive_key(mesh_secret, "link")

    def make(self, decision_id: str, person_id: str, *, expires_at_ms: int) -> str:
        """Sign a token; `decision_id` is 32 hex digits."""
        body = _BODY.pack(
            bytes.fromhex(decision_id), expires_at_ms // 1000, self.person_tag(person_id)
        )
        return base64.urlsafe_b64encode(body + self._mac(body)).decode()

    def read(self, token: str, *, now_ms: int) -> Link:
        """Verify a token.

        Raises:
            LinkError: with a sentence for a person.
        """
        if len(token) != _TOKEN_CHARS:
            raise LinkError("This link is not complete.")
        try:
            blob = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise LinkError("This link is not complete.") from error
        body, mac = blob[: _BODY.size], blob[_BODY.size :]
        if not hmac.compare_digest(self._mac(body), mac):
            raise LinkError("This link is not valid.")
        decision, expires_at_s, person_tag = _BODY.unpack(body)
        if expires_at_s * 1000 <= now_ms:
            raise LinkError("This link has expired.", "expired")
        return Link(decision.hex(), person_tag, expires_at_s)

    def person_tag(self, person_id: str) -> bytes:
        """6 bytes that stand for a person."""
        return blake2b(b"person\x00" + person_id.encode(), key=self._key, digest_size=6).digest()

    def _mac(self, body: bytes) -> bytes:
        return blake2b(b"link\x00" + body, key=self._key, digest_size=_MAC_BYTES).digest()
