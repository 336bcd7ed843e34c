"""What PostgreSQL holds of people is sealed."""

from __future__ import annotations

import pytest

from services.intervention.sending.secrets import Sealer


def test_seal_round_trip_hides_everything() -> None:
    sealer = Sealer("mesh")
    fields = {"address": "+15005550006", "body": "Dana Reyes"}
    sealed = sealer.seal(fields)
    assert b"Dana" not in sealed
    assert b"15005550006" not in sealed
    assert sealer.unseal(sealed) == fields


@pytest.mark.parametrize("sealed", [b"", b"x" * 100])
def test_damaged_seal_is_refused(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="sealed with another"):
        Sealer("mesh").unseal(sealed)


def test_endpoint_hash_depends_on_kind_and_secret() -> None:
    sealer = Sealer("mesh")
    assert sealer.endpoint_hash("sms", "+1") == sealer.endpoint_hash("sms", "+1")
    assert sealer.endpoint_hash("sms", "+1") != sealer.endpoint_hash("slack", "+1")
    assert sealer.endpoint_hash("sms", "+1") != Sealer("other").endpoint_hash("sms", "+1")
