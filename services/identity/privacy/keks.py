"""Key encryption keys: they wrap tenants' keys, and are nowhere in the database.

They are lines of a file, or sit in a key management service behind an adapter: anything with the
methods of `Keks`, named as `package.module:function` in SIQ_KMS. The function takes no argument.

A file holds {"active": ID, "keys": {ID: 64 hex digits}}. It is read again when a key turns up that
is not known yet, so another process may add one while this one serves.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import time
from pathlib import Path
from typing import Any, Protocol, cast

from services.common import logs
from services.identity.privacy.aead import PiiError, new_key, unwrap, wrap
from services.identity.privacy.derive import derive
from services.identity.sealing import write_new

BUILT_IN = "sealing-key"
"""Derived from the sealing key: what wraps where neither a file nor a service is named."""
_KEY_BYTES = 32
_log = logs.get(__name__)


class KekError(Exception):
    """The file or the adapter cannot be used; the message names the mend."""


class Keks(Protocol):
    """What wraps tenants' keys."""

    async def wrap(self, key: bytes, context: tuple[str, ...]) -> tuple[str, bytes]:
        """Wrap with the active key; returns its id too."""
        ...

    async def unwrap(self, kek_id: str, wrapped: bytes, context: tuple[str, ...]) -> bytes:
        """Undo `wrap`; raises PiiError."""
        ...

    async def active(self) -> str:
        """The id of the key that wraps now."""
        ...


class FileKeks:
    """Keys of a file, and the one that is derived from the sealing key."""

    def __init__(self, secret: bytes, file: str = "") -> None:
        self._built_in = derive(secret, b"kek")
        self._file = Path(file) if file else None
        self._keys: dict[str, bytes] = {BUILT_IN: self._built_in}
        self._active = BUILT_IN
        if self._file is not None:
            if not self._file.exists():
                made = _fresh_id()
                write_new(self._file, _written(made, {made: new_key()}))
                _log.info("key encryption key made", file=file, kek_id=made)
            self._read()

    def _read(self) -> None:
        if self._file is None:
            return
        active, keys = read_file(self._file)
        # What is in use somewhere this moment must still unwrap: a process forgets when it ends.
        self._keys |= keys
        self._active = active

    async def active(self) -> str:
        """As the file says now."""
        await asyncio.to_thread(self._read)
        return self._active

    async def wrap(self, key: bytes, context: tuple[str, ...]) -> tuple[str, bytes]:
        """Wrap with the key that is active now, which is seldom the moment to save a read."""
        await asyncio.to_thread(self._read)
        return self._active, wrap(self._keys[self._active], key, *context)

    async def unwrap(self, kek_id: str, wrapped: bytes, context: tuple[str, ...]) -> bytes:
        """Undo `wrap`."""
        if kek_id not in self._keys:
            await asyncio.to_thread(self._read)
        if kek_id not in self._keys:
            raise PiiError(f"key encryption key {kek_id!r} is not here: restore it to SIQ_KEK_FILE")
        return unwrap(self._keys[kek_id], wrapped, *context)


def read_file(file: Path) -> tuple[str, dict[str, bytes]]:
    """The active key's id, and all keys.

    Raises:
        KekError: it cannot be read, or is not of this form.
    """
    try:
        told = cast("dict[str, Any]", json.loads(file.read_text()))
        keys = {str(name): bytes.fromhex(text) for name, text in told["keys"].items()}
        active = str(told["active"])
    except OSError as error:
        raise KekError(f"SIQ_KEK_FILE={file}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KekError(
            f'SIQ_KEK_FILE={file}: expected {{"active": ID, "keys": {{ID: 64 hex digits}}}}'
        ) from error
    if active not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
        raise KekError(f"SIQ_KEK_FILE={file}: the active key is missing, or a key has no 32 bytes")
    return active, keys


def add_key(file: Path) -> str:
    """Add a key to the file and make it the active one; returns its id."""
    _, keys = read_file(file)
    made = _fresh_id()
    _replace(file, _written(made, {**keys, made: new_key()}))
    return made


def retire_keys(file: Path, in_use: set[str]) -> list[str]:
    """Remove the keys that wrap nothing any more; returns their ids."""
    active, keys = read_file(file)
    kept = {name: key for name, key in keys.items() if name in in_use | {active}}
    if gone := sorted(keys.keys() - kept.keys()):
        _replace(file, _written(active, kept))
    return gone


def open_keks(secret: bytes, file: str, adapter: str) -> Keks:
    """What the settings name.

    Raises:
        KekError: it cannot be used.
    """
    if not adapter:
        return FileKeks(secret, file)
    module, separator, function = adapter.partition(":")
    try:
        if not separator:
            raise ValueError("expected package.module:function")
        made: Keks = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise KekError(f"SIQ_KMS={adapter}: {error}") from error
    return made


def _fresh_id() -> str:
    return f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(4)}"


def _written(active: str, keys: dict[str, bytes]) -> str:
    told = {"active": active, "keys": {name: key.hex() for name, key in keys.items()}}
    return json.dumps(told, indent=1) + "\n"


def _replace(file: Path, text: str) -> None:
    """In one step: whoever reads meanwhile reads the old one or the new one whole."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    write_new(fresh, text)
    fresh.replace(file)
