"""The old form of encrypted columns, one key for all: read, and rewritten by privacy/rewrite.py."""

from __future__ import annotations

import hmac

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from services.identity.privacy.aead import PiiError
from services.identity.privacy.derive import derive

# First byte of everything encrypted: which key and form, so that both can change later.
_FORM = b"\x01"


class Pii:
    """Encrypts and decrypts columns (XChaCha20-Poly1305) with keys derived from one secret.

    `place` names tenant and column: a value moved elsewhere in the database does not decrypt.
    """

    def __init__(self, secret: bytes) -> None:
        self._box = Aead(derive(secret, b"pii"))
        self._index_key = derive(secret, b"blind-index")

    def encrypt(self, text: str, *place: str) -> bytes:
        """Encrypt a text; an empty one stays empty."""
        if not text:
            return b""
        return _FORM + bytes(self._box.encrypt(text.encode(), aad=_aad(place)))

    def decrypt(self, stored: bytes, *place: str) -> str:
        """Decrypt what `encrypt` made for the same place.

        Raises:
            PiiError: another key, another place, or damage.
        """
        if not stored:
            return ""
        if stored[:1] != _FORM:
            raise PiiError(f"{place[-1]}: unknown form of encryption")
        try:
            return self._box.decrypt(stored[1:], aad=_aad(place)).decode()
        except (CryptoError, ValueError) as error:
            raise PiiError(
                f"{place[-1]} does not decrypt: is SIQ_SEALING_KEY_FILE another than before?"
            ) from error

    def blind_index(self, tenant_id: str, email: str) -> bytes | None:
        """A keyed hash by which equal addresses of a tenant are found; None for no address."""
        if not email:
            return None
        return hmac.digest(self._index_key, f"{tenant_id}\0{email.lower()}".encode(), "sha256")


def _aad(place: tuple[str, ...]) -> bytes:
    return "\0".join(place).encode()
