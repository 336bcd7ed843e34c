"""Links: signed, expiring, and silent about people."""

from __future__ import annotations

import base64

import pytest

from services.common.ids import decision_id
from services.intervention.answering.links import LinkError, Links

ID = decision_id("e1", 1, "builtin@1")
NOW_MS = 1_700_000_000_000


@pytest.fixture
def links() -> Links:
    return Links("a-mesh-secret")


def test_link_round_trip(links: Links) -> None:
    token = links.make(ID, "dana.reyes@acme", expires_at_ms=NOW_MS + 5_000)
    link = links.read(token, now_ms=NOW_MS)
    assert link.decision_id == ID
    assert link.person_tag == links.person_tag("dana.reyes@acme")
    assert len(token) == 56


def test_link_names_nobody(links: Links) -> None:
    token = links.make(ID, "dana", expires_at_ms=NOW_MS)
    assert b"dana" not in base64.urlsafe_b64decode(token)


def test_link_expires(links: Links) -> None:
    token = links.make(ID, "p", expires_at_ms=NOW_MS)
    with pytest.raises(LinkError, match="expired"):
        links.read(token, now_ms=NOW_MS)


def test_every_changed_bit_is_noticed(links: Links) -> None:
    blob = base64.urlsafe_b64decode(links.make(ID, "p", expires_at_ms=NOW_MS + 5_000))
    for place in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[place // 8] ^= 1 << place % 8
        token = base64.urlsafe_b64encode(changed).decode()
        with pytest.raises(LinkError, match="not valid"):
            links.read(token, now_ms=NOW_MS)


@pytest.mark.parametrize("token", ["", "x", "A" * 55, "A" * 57, "é" * 56, "=" * 56, "A" * 55 + " "])
def test_malformed_token_is_refused(links: Links, token: str) -> None:
    with pytest.raises(LinkError):
        links.read(token, now_ms=NOW_MS)


def test_link_of_another_mesh_is_refused(links: Links) -> None:
    token = Links("another").make(ID, "p", expires_at_ms=NOW_MS + 5_000)
    with pytest.raises(LinkError, match="not valid"):
        links.read(token, now_ms=NOW_MS)
