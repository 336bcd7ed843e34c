"""Amounts as people read them, always with their currency."""

from __future__ import annotations

from decimal import Decimal

from services.common.currencies import DIGITS


def amount_text(currency: str, minor: int) -> str:
    """ "USD 100,000", "JPY 500", "EUR 12.50": digits after the point only of small amounts."""
    digits = DIGITS.get(currency, 2)
    amount = Decimal(minor).scaleb(-digits)
    shown = 0 if abs(amount) >= 100 else digits
    return f"{currency} {amount:,.{shown}f}".strip()
