"""Money: exact amounts in minor units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

DEFAULT_CURRENCY = "USD"
# Far above any customer's value, and safely inside int64 in minor units.
_MOST_MAJOR = Decimal(10) ** 13
_CURRENCY = re.compile(r"[A-Z]{3}")

# ISO 4217 currencies whose minor unit is not a hundredth.
_WHOLE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def _exponent(currency: str) -> int:
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency."""

    currency: str
    minor: int

    @property
    def major(self) -> Decimal:
        """The amount in major units."""
        return Decimal(self.minor).scaleb(-_exponent(self.currency))


def read_money(amount: object, currency: object = None) -> Money | None:
    """Read an amount in major units, a number or a plain decimal text; None if it is not usable.

    A negative, infinite or absurd amount is not usable, nor is an unknown form of currency.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        return None
    if currency is None:
        code = DEFAULT_CURRENCY
    elif isinstance(currency, str) and _CURRENCY.fullmatch(currency.strip().upper()):
        code = currency.strip().upper()
    else:
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
    minor = (major.scaleb(_exponent(code))).to_integral_value(rounding=ROUND_HALF_EVEN)
    return Money(code, int(minor))
