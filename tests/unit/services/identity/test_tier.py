"""The tier rule."""

from __future__ import annotations

import pytest

from services.identity.model import Tier
from services.identity.money import Money
from services.identity.tier import tier_of, tier_word


@pytest.mark.parametrize(
    ("cents", "tier"),
    [
        (0, Tier.STARTER),
        (499_999, Tier.STARTER),
        (500_000, Tier.GROWTH),
        (4_999_999, Tier.GROWTH),
        (5_000_000, Tier.ENTERPRISE),
    ],
)
def test_value_earns_the_tier(cents: int, tier: Tier) -> None:
    assert tier_of(Money("USD", cents), None) is tier


def test_value_counts_in_major_units_of_its_currency() -> None:
    assert tier_of(Money("JPY", 5_000), None) is Tier.GROWTH


def test_stated_tier_wins() -> None:
    assert tier_of(Money("USD", 10_000_000), Tier.STARTER) is Tier.STARTER


def test_without_value_the_tier_is_unknown() -> None:
    assert tier_of(None, None) is Tier.UNKNOWN


@pytest.mark.parametrize(
    ("word", "tier"), [("Enterprise ", Tier.ENTERPRISE), ("growth", Tier.GROWTH)]
)
def test_words_are_read(word: str, tier: Tier) -> None:
    assert tier_word(word) is tier


@pytest.mark.parametrize("word", ["platinum", "", 3, None])
def test_other_words_state_nothing(word: object) -> None:
    assert tier_word(word) is None
