"""Keys of this service, all derived from the mesh secret, one for each use."""

from __future__ import annotations

import json
from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


def derive_key(mesh_secret: str, use: str) -> bytes:
    """32 bytes for one use; knowing one key tells nothing about another."""
    return blake2b(
        b"siq.intervention." + use.encode(),
        key=blake2b(mesh_secret.encode()).digest(),
        digest_size=32,
    ).digest()


class Sealer:
    """Encrypts what PostgreSQL holds of people: addresses, secrets, texts with names."""

    def __init__(self, mesh_secret: str) -> None:
        self._box = SecretBox(derive_key(mesh_secret, "sealed"))
        self._hash_key = derive_key(mesh_secret, "endpoint")
        self._unit_key = derive_key(mesh_secret, "forgotten unit")

    def seal(self, fields: dict[str, str]) -> bytes:
        """Encrypt a flat object."""
        return bytes(self._box.encrypt(json.dumps(fields).encode()))

    def unseal(self, sealed: bytes) -> dict[str, str]:
        """Decrypt what `seal` made.

        Raises:
            ValueError: it was sealed with another mesh secret, or is damaged.
        """
        try:
            fields: dict[str, str] = json.loads(self._box.decrypt(sealed))
        except CryptoError as error:
            raise ValueError("sealed with another SIQ_MESH_SECRET, or damaged") from error
        return fields

    def forgotten(self, tenant_id: str, unit: str) -> str:
        """What stands for an erased unit of an experiment: it still counts, as nobody."""
        text = f"{tenant_id}\x00{unit}".encode()
        return "erased:" + blake2b(text, key=self._unit_key, digest_size=16).hexdigest()

    def endpoint_hash(self, channel: str, address: str) -> str:
        """Name an address without revealing it."""
        text = f"{channel}\x00{address}".encode()
        return blake2b(text, key=self._hash_key, digest_size=16).hexdigest()
