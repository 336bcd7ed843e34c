"""The file of key encryption keys, and what may stand in its place."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from services.identity.privacy.aead import PiiError, new_key
from services.identity.privacy.keks import (
    BUILT_IN,
    FileKeks,
    KekError,
    add_key,
    open_keks,
    read_file,
    retire_keys,
)

SECRET = b"s" * 32
CONTEXT = ("tenant key", "t1", "data", "1")


async def test_without_a_file_the_sealing_key_wraps() -> None:
    key = new_key()
    kek_id, wrapped = await FileKeks(SECRET).wrap(key, CONTEXT)
    assert kek_id == BUILT_IN
    assert await FileKeks(SECRET).unwrap(kek_id, wrapped, CONTEXT) == key
    with pytest.raises(PiiError):
        await FileKeks(b"o" * 32).unwrap(kek_id, wrapped, CONTEXT)
    with pytest.raises(PiiError):
        await FileKeks(SECRET).unwrap(kek_id, wrapped, ("tenant key", "t2", "data", "1"))


async def test_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    file, key = tmp_path / "kek.json", new_key()
    keks = FileKeks(SECRET, str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first, wrapped = await keks.wrap(key, CONTEXT)
    added = add_key(file)  # by another process
    second, again = await keks.wrap(key, CONTEXT)
    assert (second, await keks.active()) == (added, added)
    fresh = FileKeks(SECRET, str(file))
    for kek_id, one in ((first, wrapped), (second, again)):
        assert await fresh.unwrap(kek_id, one, CONTEXT) == key
    assert retire_keys(file, {added}) == [first]
    # What serves goes on with what it read; who starts now never had it.
    assert await keks.unwrap(first, wrapped, CONTEXT) == key
    with pytest.raises(PiiError, match="SIQ_KEK_FILE"):
        await FileKeks(SECRET, str(file)).unwrap(first, wrapped, CONTEXT)


async def test_before_there_was_a_file_is_still_read(tmp_path: Path) -> None:
    kek_id, wrapped = await FileKeks(SECRET).wrap(b"k" * 32, CONTEXT)
    keks = FileKeks(SECRET, str(tmp_path / "kek.json"))
    assert await keks.unwrap(kek_id, wrapped, CONTEXT) == b"k" * 32
    assert (await keks.wrap(b"k" * 32, CONTEXT))[0] != BUILT_IN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"active": "a"}',
        json.dumps({"active": "b", "keys": {"a": "ab" * 32}}),
        json.dumps({"active": "a", "keys": {"a": "ab" * 16}}),
        json.dumps({"active": "a", "keys": {"a": "no hex"}}),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kek.json"
    file.write_text(text)
    with pytest.raises(KekError, match="SIQ_KEK_FILE"):
        read_file(file)


def test_an_adapter_is_named_or_refused() -> None:
    made = open_keks(SECRET, "", "tests.unit.services.identity.privacy.test_keks:adapter")
    assert isinstance(made, FileKeks)
    for bad in ("nowhere", "no.such:thing", "json:nothing"):
        with pytest.raises(KekError, match="SIQ_KMS"):
            open_keks(SECRET, "", bad)


def adapter() -> FileKeks:
    """As an operator's module would make one."""
    return FileKeks(b"a" * 32)
