"""From what users paid to what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from services.identity.model import Lack
from services.identity.money import MOST_MINOR, Money, of_major
from services.identity.value.bgnbd import Histories
from services.identity.value.forecast import Model
from services.identity.value.history import History, observe
from services.identity.value.rates import NoRate, Rates
from services.identity.value.rules import Rules
from services.identity.value.spend import Spending
from services.identity.value.transaction import Transaction

LEAST_USERS: Final = 200
LEAST_REPEATERS: Final = 50


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model, and how it came to be. Without one, `reason` says why there is none."""

    version: int = 0
    model: Model | None = None
    reason: str = (
        f"no model yet: it takes {LEAST_USERS} users who paid,"
        f" {LEAST_REPEATERS} of them more than once"
    )


@dataclass(frozen=True, slots=True)
class Basis:
    """All that a value depends on besides the transactions and the time."""

    rules: Rules
    rules_version: int
    rates: Rates
    rates_version: int
    fitted: FittedModel


@dataclass(frozen=True, slots=True)
class UserValue:
    """What a user is worth. `total` is None where their transactions cannot be valued."""

    history: History | None = None
    total: Money | None = None
    low: Money | None = None
    high: Money | None = None
    expected: Money | None = None
    lack: Lack = Lack.NOTHING
    reason: str = ""
    as_of_ms: int = 0


def value_users(
    transactions: Sequence[Iterable[Transaction]], basis: Basis, now_ms: int
) -> list[UserValue]:
    """Value users by their transactions, each a function of these, the basis and the time."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    values: list[UserValue] = []
    for of_one in transactions:
        try:
            history = observe(of_one, basis.rules.currency, basis.rates)
        except NoRate as error:
            values.append(
                UserValue(lack=Lack.RATE, reason=f"cannot be valued: {error}", as_of_ms=now_ms)
            )
        else:
            values.append(_observed(history, basis.fitted, now_ms))
    _expect(values, basis, today)
    return values


def _observed(history: History, fitted: FittedModel, now_ms: int) -> UserValue:
    paid = history.paid
    lack, reason = Lack.NOTHING, ""
    if not history.occasions:
        lack, reason = Lack.PAYMENT, "no payment is left that was not taken back"
    elif fitted.model is None:
        lack, reason = Lack.MODEL, fitted.reason
    return UserValue(history, paid, paid, paid, None, lack, reason, now_ms)


def _expect(values: list[UserValue], basis: Basis, today: date) -> None:
    """Add what is expected of those who still have bought something, where there is a model."""
    places = [
        index for index, value in enumerate(values) if value.history and value.history.occasions
    ]
    model = basis.fitted.model
    if model is None or not places:
        return
    histories = [history for index in places if (history := values[index].history)]
    forecast = model.forecast(*as_arrays(histories, today), basis.rules.horizon)
    currency = basis.rules.currency
    for place, history, *amounts in zip(
        places, histories, forecast.mean, forecast.low, forecast.high, strict=True
    ):
        expected, least, most = (
            min(of_major(currency, Decimal(float(amount))).minor, MOST_MINOR) for amount in amounts
        )
        paid = history.paid.minor
        values[place] = replace(
            values[place],
            total=Money(currency, paid + expected),
            low=Money(currency, paid + least),
            high=Money(currency, paid + most),
            expected=Money(currency, expected),
        )


def as_arrays(histories: Sequence[History], today: date) -> tuple[Histories, Spending]:
    """Put histories as the models take them, in weeks; each has bought something."""
    rows = [_row(history, today) for history in histories]
    repeats, last, age, occasions, mean = (
        np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)
    )
    return Histories(repeats, last, age), Spending(occasions, mean)


def _row(history: History, today: date) -> tuple[float, float, float, float, float]:
    assert history.first is not None
    assert history.last is not None
    # A clock ahead of ours may date a purchase tomorrow.
    until = max(today, history.last)
    return (
        history.occasions - 1,
        (history.last - history.first).days / 7,
        (until - history.first).days / 7,
        history.occasions,
        float(history.paid.major) / history.occasions,
    )
