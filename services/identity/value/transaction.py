"""A transaction as it is recorded, and what makes one acceptable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum

from services.common.currencies import DIGITS
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.money import Money

MOST_ID = 128
MOST_USER_ID = 256
_DAY_MS = 24 * 3_600_000
_EARLIEST_MS = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000)
_MOST_MINOR = 10**15


class Kind(IntEnum):
    """What a transaction does to a value; the numbers are those of the proto."""

    PURCHASE = 1
    SUBSCRIPTION = 2
    REFUND = 3
    CHARGEBACK = 4

    @property
    def takes_back(self) -> bool:
        """Whether it undoes a payment."""
        return self in (Kind.REFUND, Kind.CHARGEBACK)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment of a user, or the taking back of one."""

    transaction_id: str
    user_id: str
    kind: Kind
    amount: Money
    occurred_at_ms: int
    refers_to: str = ""

    @property
    def day(self) -> date:
        """The day it happened, by UTC."""
        return datetime.fromtimestamp(self.occurred_at_ms / 1000, UTC).date()


def checked(
    field: str,
    *,
    transaction_id: str,
    user_id: str,
    kind: int,
    currency: str,
    minor: int,
    occurred_at_ms: int,
    refers_to: str,
    now_ms: int,
) -> Transaction:
    """Check what a caller says; `field` is where in the request it stands.

    Raises:
        InvalidArgument: naming the field and the mend.
    """
    validate.text(f"{field}.transaction_id", transaction_id, most=MOST_ID)
    validate.text(f"{field}.user_id", user_id, most=MOST_USER_ID)
    try:
        known = Kind(kind)
    except ValueError as error:
        raise InvalidArgument(
            f"{field}.kind: expected a purchase, subscription, refund or chargeback"
        ) from error
    if currency not in DIGITS:
        raise InvalidArgument(
            f"{field}.amount.currency: expected an ISO 4217 code such as EUR, was {currency[:20]!r}"
        )
    if not 0 < minor <= _MOST_MINOR:
        raise InvalidArgument(
            f"{field}.amount.minor: expected 1 to {_MOST_MINOR} minor units (a refund is positive"
            f" too), was {minor}"
        )
    if not _EARLIEST_MS <= occurred_at_ms <= now_ms + _DAY_MS:
        raise InvalidArgument(
            f"{field}.occurred_at: expected a time from 1990 on that is not in the future"
        )
    if known.takes_back:
        validate.text(f"{field}.refers_to", refers_to, most=MOST_ID)
        if refers_to == transaction_id:
            raise InvalidArgument(f"{field}.refers_to: expected the payment's id, was its own")
    elif refers_to:
        raise InvalidArgument(f"{field}.refers_to: only a refund or chargeback refers to a payment")
    return Transaction(
        transaction_id, user_id, known, Money(currency, minor), occurred_at_ms, refers_to
    )
