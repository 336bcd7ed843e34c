"""Amounts as people write them."""

from __future__ import annotations

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.common.currencies import DIGITS

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def format_money(money: identity_pb2.Money) -> str:
    """Whole units from 100 on, else all digits: "$100,000", "CHF 12.50"."""
    exponent = DIGITS.get(money.currency, 2)
    scale = 10**exponent
    units, rest = divmod(abs(money.minor), scale)
    if units >= 100 or not exponent:
        text = f"{units + (2 * rest >= scale if exponent else 0):,}"
    else:
        text = f"{units:,}.{rest:0{exponent}d}"
    sign = _SIGNS.get(money.currency, f"{money.currency} " if money.currency else "")
    return f"{'-' if money.minor < 0 else ''}{sign}{text}"


def format_interval(low: identity_pb2.Money, high: identity_pb2.Money) -> str:
    """ "$90,000 to $120,000"."""
    return f"{format_money(low)} to {format_money(high)}"
