"""Money: exact amounts in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from services.common.currencies import DIGITS

DEFAULT_CURRENCY = "USD"
# Far above any customer's value, and safely inside int64 in minor units.
_MOST_MAJOR = Decimal(10) ** 13


MOST_MINOR = 10**17
"""Above any value, and inside what PostgreSQL and protobuf hold even when a few are added."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency."""

    currency: str
    minor: int

    @property
    def major(self) -> Decimal:
        """The amount in major units."""
        return Decimal(self.minor).scaleb(-DIGITS.get(self.currency, 2))


def of_major(currency: str, major: Decimal) -> Money:
    """Round an amount in major units to the currency's minor unit, halves to even."""
    minor = major.scaleb(DIGITS[currency]).to_integral_value(rounding=ROUND_HALF_EVEN)
    return Money(currency, int(minor))


def read_money(amount: object, currency: object = None) -> Money | None:
    """Read an amount in major units, a number or a plain decimal text; None if it is not usable.

    A negative, infinite or absurd amount is not usable, nor is an unknown currency.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        return None
    if currency is not None and not isinstance(currency, str):
        return None
    code = DEFAULT_CURRENCY if currency is None else currency.strip().upper()
    if code not in DIGITS:
        return None
    text = str(amount).strip()
    if len(text) > 40:
        return None
    try:
        major = Decimal(text)
    except InvalidOperation:
        return None
    if not major.is_finite() or not 0 <= major <= _MOST_MAJOR:
        return None
    return of_major(code, major)
