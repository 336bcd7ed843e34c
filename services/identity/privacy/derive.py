"""Keys for one purpose each, from one secret."""

from __future__ import annotations

import hashlib
import hmac


def derive(secret: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) of one block, without salt: the secret is uniform."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    return hmac.digest(extracted, b"sentientiq/identity/" + purpose + b"\x01", "sha256")


def audit_key(secret: bytes) -> bytes:
    """The key of the audit chains; `sentientiq audit verify` needs the sealing key for it."""
    return derive(secret, b"audit")
