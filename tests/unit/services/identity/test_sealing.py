"""The key file, and what it opens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from services.identity.sealing import SealError, SealingKey, SealingKeyError, load_sealing_key


def _seal(key: SealingKey, text: bytes = b"{}") -> bytes:
    return SealedBox(PublicKey(key.public_key)).encrypt(text)


def test_key_file_is_made_private_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "made" / "sealing.key"
    first = load_sealing_key(str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert load_sealing_key(str(file)).public_key == first.public_key


def test_sealed_text_opens() -> None:
    key = SealingKey(bytes(PrivateKey.generate()))
    sealed = _seal(key, b'{"user_id":"u1"}')
    assert key.key_id == key.public_key[:8]
    assert key.open(sealed) == b'{"user_id":"u1"}'
    assert key.open(sealed, key.key_id) == b'{"user_id":"u1"}'


@pytest.mark.parametrize("damage", ["flip", "cut", "short", "empty"])
def test_damaged_seal_does_not_open(damage: str) -> None:
    key = SealingKey(bytes(PrivateKey.generate()))
    sealed = _seal(key)
    broken = {
        "flip": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "cut": sealed[:-1],
        "short": b"x",
        "empty": b"",
    }[damage]
    with pytest.raises(SealError, match="cannot be opened"):
        key.open(broken)


def test_seal_to_another_key_does_not_open() -> None:
    key, other = (SealingKey(bytes(PrivateKey.generate())) for _ in range(2))
    with pytest.raises(SealError, match="cannot be opened"):
        key.open(_seal(other))
    with pytest.raises(SealError, match="GetSealingKey"):
        key.open(_seal(other), other.key_id)


@pytest.mark.parametrize("content", ["", "not hex", "00", "00" * 33])
def test_bad_key_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "sealing.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(SealingKeyError, match="SIQ_SEALING_KEY_FILE"):
        load_sealing_key(str(file))


def test_unusable_path_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SealingKeyError, match="SIQ_SEALING_KEY_FILE"):
        load_sealing_key(str(tmp_path / "file" / "sealing.key"))
