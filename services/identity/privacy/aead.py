"""AES-256-GCM, for columns and for the keys that are wrapped by other keys.

A column's value says by itself whose key opens it: form, pseudonym of the subject, nonce,
ciphertext. Its place (tenant, row, column) is authenticated, so that a value moved elsewhere in the
database does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORM = b"\x02"
SUBJECT_BYTES = 16
_NONCE_BYTES = 12
_HEAD = 1 + SUBJECT_BYTES
_KEY_BITS = 256


class PiiError(Exception):
    """A stored value does not open: not the key it was written with, or damage."""


def new_key() -> bytes:
    """A fresh random key."""
    return AESGCM.generate_key(_KEY_BITS)


def wrap(wrapping: bytes, key: bytes, *context: str) -> bytes:
    """Encrypt a key with another one, for one place."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(wrapping).encrypt(nonce, key, place(context))


def unwrap(wrapping: bytes, wrapped: bytes, *context: str) -> bytes:
    """Undo `wrap`.

    Raises:
        PiiError: another key, another place, or damage.
    """
    try:
        return AESGCM(wrapping).decrypt(
            wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], place(context)
        )
    except (InvalidTag, ValueError) as error:
        raise PiiError(f"the key of {'/'.join(context)} does not unwrap") from error


def seal(key: AESGCM, subject: bytes, text: str, at: tuple[str, ...]) -> bytes:
    """Encrypt a column's text; an empty one stays empty."""
    if not text:
        return b""
    nonce = os.urandom(_NONCE_BYTES)
    return FORM + subject + nonce + key.encrypt(nonce, text.encode(), place(at))


def open_sealed(key: AESGCM, stored: bytes, at: tuple[str, ...]) -> str:
    """Undo `seal`.

    Raises:
        PiiError: another key, another place, or damage.
    """
    nonce = stored[_HEAD : _HEAD + _NONCE_BYTES]
    try:
        return key.decrypt(nonce, stored[_HEAD + _NONCE_BYTES :], place(at)).decode()
    except (InvalidTag, ValueError) as error:
        raise PiiError(f"{at[-1]} does not decrypt") from error


def subject_of(stored: bytes) -> bytes | None:
    """Whose key opens a value; None if it is empty or of the old form."""
    return bytes(stored[1:_HEAD]) if stored[:1] == FORM else None


def place(parts: tuple[str, ...]) -> bytes:
    """What is authenticated along: no part can hold NUL."""
    return "\0".join(parts).encode()
