"""What a user paid, as a function of their transactions, whatever order these came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.identity.money import MOST_MINOR, Money
from services.identity.value.rates import Rates
from services.identity.value.transaction import Transaction


@dataclass(frozen=True, slots=True)
class History:
    """What the models look at, and what was paid."""

    paid: Money
    """Less what was taken back; never below zero."""
    occasions: int = 0
    """Days on which something was bought that was not wholly taken back."""
    first: date | None = None
    last: date | None = None


def observe(transactions: Iterable[Transaction], currency: str, rates: Rates) -> History:
    """Add up a user's transactions in one currency.

    A refund or chargeback takes back what its payment brought, and no more than that; one whose
    payment is not known (yet) takes back nothing. In the payment's own currency it is taken off
    before the exchange, so that changing rates make no gain or loss of it.

    Raises:
        NoRate: an amount cannot be exchanged.
    """
    payments: list[Transaction] = []
    taken: defaultdict[str, list[Transaction]] = defaultdict(list)
    for transaction in transactions:
        if transaction.kind.takes_back:
            taken[transaction.refers_to].append(transaction)
        else:
            payments.append(transaction)
    paid = 0
    days: set[date] = set()
    for payment in payments:
        left = _left(payment, taken[payment.transaction_id], currency, rates)
        if left > 0:
            paid += left
            days.add(payment.day)
    return History(
        Money(currency, min(paid, MOST_MINOR)),
        len(days),
        min(days, default=None),
        max(days, default=None),
    )


def _left(payment: Transaction, taken: list[Transaction], currency: str, rates: Rates) -> int:
    """What remains of a payment, in minor units of the currency."""
    own = payment.amount.currency
    remains = payment.amount.minor - sum(
        one.amount.minor for one in taken if one.amount.currency == own
    )
    if remains <= 0:
        return 0
    minor = rates.convert(Money(own, remains), currency, payment.day).minor
    for one in taken:
        if one.amount.currency != own:
            minor -= rates.convert(one.amount, currency, one.day).minor
    return max(0, minor)
