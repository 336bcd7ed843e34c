"""Amounts in major units become exact minor ones."""

from __future__ import annotations

import pytest

from services.common.currencies import DIGITS
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
        ("1.2345", "CLF", Money("CLF", 12_345)),
        ("0.125", "USD", Money("USD", 12)),
        ("0.375", "USD", Money("USD", 38)),
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


@pytest.mark.parametrize("currency", ["", "US", "DOLLARS", "12A", 840, "ABC", "XAU", "XTS"])
def test_unusable_currency_is_none(currency: object) -> None:
    assert read_money(10, currency) is None


def test_major_is_the_inverse() -> None:
    assert [str(Money(code, 1_234).major) for code in ("USD", "JPY", "KWD")] == [
        "12.34",
        "1234",
        "1.234",
    ]


def test_currencies_are_those_of_iso_4217() -> None:
    """165 of the list of 2026-01-01 have a minor unit; six that were withdrawn are kept."""
    assert len(DIGITS) == 165 + 6
    by_digits = {digits: sum(d == digits for d in DIGITS.values()) for digits in (0, 2, 3, 4)}
    assert by_digits == {0: 17, 2: 145, 3: 7, 4: 2}
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in DIGITS)
