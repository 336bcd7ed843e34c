"""Exchange rates as the tenant states them: document `rates`, by currency and date.

{"base": "USD", "max_age_days": 31, "rates": {"EUR": {"2026-01-01": "1.08"}}} says that from the
first of January a euro is 1.08 dollars, for 31 days or to the next date told. Nothing is
interpolated and nothing is fetched: where no rate is in force an amount has no value in another
currency.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from services.identity.money import Money, of_major
from services.identity.value.document import at_least, decode, known_currency

_HIGHEST = Decimal(10) ** 9
_LOWEST = 1 / _HIGHEST


class NoRate(Exception):
    """An amount cannot be valued: no rate was in force on that day."""

    def __init__(self, currency: str, to: str, day: date) -> None:
        super().__init__(
            f"no rate of {currency} in {to} was in force on {day}: add one to the rates document"
        )
        self.currency = currency
        self.to = to
        self.day = day


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    base: str = "USD"
    max_age_days: int = 31
    rates: dict[str, dict[date, Decimal]] = {}


@dataclass(frozen=True, slots=True)
class Rates:
    """What a unit of each currency was worth in the base, from which day."""

    base: str = "USD"
    max_age_days: int = 31
    dated: Mapping[str, tuple[tuple[date, ...], tuple[Decimal, ...]]] = field(
        default_factory=dict[str, tuple[tuple[date, ...], tuple[Decimal, ...]]]
    )

    def convert(self, money: Money, to: str, day: date) -> Money:
        """Return the amount in another currency at the rates of a day.

        Raises:
            NoRate: none was in force.
        """
        if money.currency == to:
            return money
        rate = self._in_base(money.currency, to, day, money.currency) / self._in_base(
            to, to, day, money.currency
        )
        return of_major(to, money.major * rate)

    def _in_base(self, currency: str, to: str, day: date, asked: str) -> Decimal:
        if currency == self.base:
            return Decimal(1)
        days, rates = self.dated.get(currency, ((), ()))
        place = bisect_right(days, day) - 1
        if place < 0 or day - days[place] > timedelta(days=self.max_age_days):
            raise NoRate(asked, to, day)
        return rates[place]


NO_RATES = Rates()


def read_rates(body: bytes) -> Rates:
    """Read the document.

    Raises:
        DocumentError: naming the field.
    """
    document = decode(body, _Document)
    known_currency("base", document.base)
    at_least("max_age_days", Decimal(document.max_age_days), 1, most=366)
    dated: dict[str, tuple[tuple[date, ...], tuple[Decimal, ...]]] = {}
    for code, by_day in document.rates.items():
        known_currency(f"rates.{code}", code)
        days = sorted(by_day)
        dated[code] = (
            tuple(days),
            tuple(
                at_least(f"rates.{code}.{day}", by_day[day], _LOWEST, most=_HIGHEST) for day in days
            ),
        )
    return Rates(document.base, document.max_age_days, dated)
