"""Amounts in major units become exact minor ones."""

from __future__ import annotations

import pytest

from services.identity.money import Money, read_money


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        (100_000, None, Money("USD", 10_000_000)),
        (0, None, Money("USD", 0)),
        (19.99, "eur", Money("EUR", 1_999)),
        ("1234.5", "USD", Money("USD", 123_450)),
        (0.1 + 0.2, None, Money("USD", 30)),
        (5_000, "JPY", Money("JPY", 5_000)),
        ("1.234", "KWD", Money("KWD", 1_234)),
    ],
)
def test_amount_is_read_exactly(amount: object, currency: object, money: Money) -> None:
    assert read_money(amount, currency) == money


@pytest.mark.parametrize(
    "amount",
    [
        *(-1, True, None, [], {}, "", "much", "1,000"),
        *(float("nan"), float("inf"), "NaN", "-Infinity", 1e300, "1e999999999", "9" * 100),
    ],
)
def test_unusable_amount_is_none(amount: object) -> None:
    assert read_money(amount) is None


@pytest.mark.parametrize("currency", ["", "US", "DOLLARS", "12A", 840])
def test_unusable_currency_is_none(currency: object) -> None:
    assert read_money(10, currency) is None


def test_major_is_the_inverse() -> None:
    assert [str(Money(code, 1_234).major) for code in ("USD", "JPY", "KWD")] == [
        "12.34",
        "1234",
        "1.234",
    ]
