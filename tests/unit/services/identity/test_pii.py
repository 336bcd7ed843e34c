"""Encrypted columns."""

from __future__ import annotations

import pytest

from services.identity.pii import Pii, PiiError

PII = Pii(b"k" * 32)


def test_text_round_trips_and_is_not_readable() -> None:
    stored = PII.encrypt("jane@acme.example", "t1", "email")
    assert b"jane" not in stored
    assert PII.decrypt(stored, "t1", "email") == "jane@acme.example"


def test_same_text_is_stored_differently() -> None:
    assert PII.encrypt("x", "t1", "email") != PII.encrypt("x", "t1", "email")


def test_empty_text_stays_empty() -> None:
    assert PII.encrypt("", "t1", "email") == b""
    assert PII.decrypt(b"", "t1", "email") == ""


def test_value_moved_to_another_place_does_not_decrypt() -> None:
    stored = PII.encrypt("x", "t1", "email")
    with pytest.raises(PiiError, match="email"):
        PII.decrypt(stored, "t2", "email")


def test_another_key_does_not_decrypt() -> None:
    with pytest.raises(PiiError, match="SIQ_SEALING_KEY_FILE"):
        Pii(b"o" * 32).decrypt(PII.encrypt("x", "t1", "email"), "t1", "email")


@pytest.mark.parametrize("stored", [b"\x01", b"\x01short", b"\x02whatever"])
def test_damaged_value_does_not_decrypt(stored: bytes) -> None:
    with pytest.raises(PiiError):
        PII.decrypt(stored, "t1", "email")


def test_blind_index_finds_equal_addresses_of_one_tenant() -> None:
    index = PII.blind_index("t1", "Jane@acme.example")
    assert index == PII.blind_index("t1", "jane@acme.example")
    assert index != PII.blind_index("t2", "jane@acme.example")
    assert PII.blind_index("t1", "") is None
