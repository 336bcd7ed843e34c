"""A transaction told in words, as CSV rows and webhooks tell it: exact, or refused by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.currencies import DIGITS

NEEDED: Final = ("transaction_id", "user_id", "amount", "currency", "occurred_at")
OPTIONAL: Final = ("kind", "refers_to")
_KINDS: Final = {
    "": pb.TRANSACTION_KIND_PURCHASE,
    "purchase": pb.TRANSACTION_KIND_PURCHASE,
    "subscription": pb.TRANSACTION_KIND_SUBSCRIPTION,
    "refund": pb.TRANSACTION_KIND_REFUND,
    "chargeback": pb.TRANSACTION_KIND_CHARGEBACK,
}
_MOST_MINOR: Final = Decimal(10) ** 15


class BadWords(ValueError):
    """No transaction; the message names the field and the mend."""


def read_words(told: Mapping[str, str]) -> pb.Transaction:
    """Read a transaction; every field of NEEDED is there, if perhaps empty.

    Raises:
        BadWords: naming the field.
    """
    for name, text in told.items():
        if not text.isprintable():
            raise BadWords(f"{name}: expected printable UTF-8 text")
    for name in NEEDED:
        if not told[name]:
            raise BadWords(f"{name}: expected a value, was empty")
    kind = _KINDS.get(told.get("kind", "").lower())
    if kind is None:
        names = ", ".join(filter(None, _KINDS))
        raise BadWords(f"kind: expected one of {names}, was {told['kind'][:40]!r}")
    currency = told["currency"].upper()
    transaction = pb.Transaction(
        transaction_id=told["transaction_id"],
        user_id=told["user_id"],
        amount=pb.Money(currency=currency, minor=_minor(told["amount"], currency)),
        kind=kind,
        refers_to=told.get("refers_to", ""),
    )
    transaction.occurred_at.FromDatetime(_time(told["occurred_at"]))
    return transaction


def _minor(amount: str, currency: str) -> int:
    digits = DIGITS.get(currency)
    if digits is None:
        raise BadWords(f"currency: expected an ISO 4217 code such as EUR, was {currency[:20]!r}")
    try:
        minor = Decimal(amount).scaleb(digits)
    except InvalidOperation as error:
        raise BadWords(
            f"amount: expected a decimal number such as 1234.50, was {amount[:40]!r}"
        ) from error
    if not minor.is_finite() or not 0 < minor <= _MOST_MINOR:
        raise BadWords(
            f"amount: expected more than 0 (a refund is positive too), was {amount[:40]!r}"
        )
    # Rounding would be a guess at what was meant.
    if minor != minor.to_integral_value():
        raise BadWords(f"amount: {currency} has {digits} decimals, was {amount[:40]!r}")
    return int(minor)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadWords(
            f"occurred_at: expected a date or time such as 2026-03-01T12:30:00Z, was {text[:40]!r}"
        ) from error
