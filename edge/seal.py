"""Sealing: what a page says about a person leaves the edge so that only identity can read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from nacl.public import PublicKey, SealedBox


class NoSealingKey(Exception):
    """Identity's public key is not known yet; the identify must be sent again."""


class Sealer:
    """Seals to identity's public key, once it is known."""

    def __init__(self, public_key: bytes | None = None) -> None:
        self._box: SealedBox[PublicKey] | None = None
        self._key_id = b""
        if public_key is not None:
            self.use(public_key)

    @property
    def ready(self) -> bool:
        """Whether a key is known."""
        return self._box is not None

    def use(self, public_key: bytes) -> None:
        """Seal to this X25519 public key (32 bytes) from now on."""
        self._box = SealedBox(PublicKey(public_key))
        self._key_id = public_key[:8]

    def seal(self, content: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """The sealed JSON, and the id of the key it is sealed to.

        Raises:
            NoSealingKey: identity has not told its key yet.
        """
        if self._box is None:
            raise NoSealingKey
        return self._box.encrypt(msgspec.json.encode(content)), self._key_id
