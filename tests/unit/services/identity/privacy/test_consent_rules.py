"""Which purpose may see who somebody is: the table of docs/privacy.md."""

from __future__ import annotations

import pytest

from services.identity.privacy.consent import OPERATION, PURPOSES, Consent, withheld

YES, NO = True, False


def said(**topics: bool) -> dict[str, Consent]:
    return {topic: Consent(topic, granted, "banner", 1) for topic, granted in topics.items()}


_CASES: list[tuple[dict[str, bool], set[str]]] = [
    ({}, {"support"}),
    ({"marketing": YES, "analytics": YES, "sale": YES}, set(PURPOSES)),
    ({"marketing": YES, "analytics": YES, "sale": NO}, {"support", "analytics"}),
    ({"marketing": YES, "analytics": YES, "sale": YES, "gpc": NO}, {"support"}),
    ({"marketing": YES, "gpc": YES}, {"support", "marketing"}),
    ({"support": NO}, set()),
    ({"support": YES, "marketing": NO}, {"support"}),
]


@pytest.mark.parametrize(("topics", "told"), _CASES)
def test_purposes(topics: dict[str, bool], told: set[str]) -> None:
    consents = said(**topics)
    assert {purpose for purpose in PURPOSES if not withheld(purpose, consents)} == told
    assert withheld(OPERATION, consents) == ""
