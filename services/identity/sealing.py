"""The sealing key: identifies are sealed to its public half, and only this service opens them."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from services.common import logs

KEY_ID_BYTES = 8
_log = logs.get(__name__)


class SealError(Exception):
    """A seal that this service cannot open: another key's, or damaged."""


class SealingKeyError(Exception):
    """The key file cannot be used."""


class SealingKey:
    """An X25519 key pair."""

    def __init__(self, private_key: bytes) -> None:
        self._private = PrivateKey(private_key)
        self._box = SealedBox(self._private)
        self.public_key = bytes(self._private.public_key)
        self.key_id = self.public_key[:KEY_ID_BYTES]

    @property
    def secret(self) -> bytes:
        """The private half, for deriving other keys. Never log or store it."""
        return bytes(self._private)

    def open(self, sealed: bytes, key_id: bytes = b"") -> bytes:
        """Open a sealed box; an empty `key_id` means: try.

        Raises:
            SealError: it was sealed to another key, or is damaged.
        """
        if key_id and key_id != self.key_id:
            raise SealError(
                f"sealed to key {key_id[:KEY_ID_BYTES].hex()}, this service holds "
                f"{self.key_id.hex()}; fetch GetSealingKey again"
            )
        try:
            return self._box.decrypt(sealed)
        except (CryptoError, ValueError, TypeError) as error:
            raise SealError(
                "cannot be opened: damaged, or sealed to a key this service does not hold"
            ) from error


def write_new(path: Path, text: str) -> None:
    """Put the file in place complete and with mode 0600, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)


def load_sealing_key(file: str) -> SealingKey:
    """Read the key file (64 hex digits), making it first if it does not exist.

    Raises:
        SealingKeyError: naming the file and the mend.
    """
    path = Path(file)
    try:
        if not path.exists():
            write_new(path, bytes(PrivateKey.generate()).hex() + "\n")
            _log.info("sealing key made", file=file)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            _log.warning("sealing key can be read by others, use mode 0600", file=file)
        key = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise SealingKeyError(f"SIQ_SEALING_KEY_FILE={file}: {error.strerror}") from error
    except ValueError as error:
        raise SealingKeyError(
            f"SIQ_SEALING_KEY_FILE={file} is not 64 hex digits; restore it from its backup"
        ) from error
    if len(key) != PrivateKey.SIZE:
        raise SealingKeyError(
            f"SIQ_SEALING_KEY_FILE={file} must hold {PrivateKey.SIZE} bytes as hex, "
            f"holds {len(key)}; restore it from its backup"
        )
    return SealingKey(key)
