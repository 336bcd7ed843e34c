"""What a tenant says about values: document `value`. Every field is optional.

{"currency": "USD", "horizon_days": 365, "discount_per_year": "0.1",
 "tiers": {"growth": "5000", "enterprise": "50000"},
 "plans": {"pro": {"value": "12000", "low": "6000", "high": "20000"}}}

Amounts are in major units of `currency`, the one in which values are told. `plans` says what a user
of a plan is worth while nothing better is known of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from services.identity.money import DEFAULT_CURRENCY, Money, of_major
from services.identity.tier import DEFAULT_THRESHOLDS, Thresholds
from services.identity.value.document import DocumentError, at_least, decode, known_currency
from services.identity.value.forecast import WEEKS_PER_YEAR, Horizon

_MOST = Decimal(10) ** 13
_LONGEST_DAYS = 5 * 366
_MOST_PLANS = 1_000


class _Plan(msgspec.Struct, forbid_unknown_fields=True):
    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None


class _Tiers(msgspec.Struct, forbid_unknown_fields=True):
    growth: Decimal = DEFAULT_THRESHOLDS.growth
    enterprise: Decimal = DEFAULT_THRESHOLDS.enterprise


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    currency: str = DEFAULT_CURRENCY
    horizon_days: int = 365
    discount_per_year: Decimal = Decimal("0.1")
    tiers: _Tiers = msgspec.field(default_factory=_Tiers)
    plans: dict[str, _Plan] = {}


@dataclass(frozen=True, slots=True)
class Prior:
    """What somebody of a plan is worth, as the tenant has it."""

    value: Money
    low: Money
    high: Money


@dataclass(frozen=True, slots=True)
class Rules:
    """The document, checked."""

    currency: str = DEFAULT_CURRENCY
    horizon_days: int = 365
    discount_per_year: Decimal = Decimal("0.1")
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    plans: Mapping[str, Prior] = field(default_factory=dict[str, Prior])

    @property
    def horizon(self) -> Horizon:
        """The horizon in weeks, and the yearly discount as a continuous weekly one."""
        weekly = math.log1p(float(self.discount_per_year)) / WEEKS_PER_YEAR
        return Horizon(self.horizon_days / 7, weekly)

    def prior(self, plan: str) -> Prior | None:
        """What a plan says, whatever its capitals."""
        return self.plans.get(plan.strip().casefold())


NO_RULES = Rules()


def read_rules(body: bytes) -> Rules:
    """Read the document.

    Raises:
        DocumentError: naming the field.
    """
    document = decode(body, _Document)
    currency = known_currency("currency", document.currency)
    at_least("horizon_days", Decimal(document.horizon_days), 1, most=_LONGEST_DAYS)
    at_least("discount_per_year", document.discount_per_year, 0, most=10)
    tiers = document.tiers
    at_least("tiers.growth", tiers.growth, 0, most=_MOST)
    at_least("tiers.enterprise", tiers.enterprise, tiers.growth, most=_MOST)
    if len(document.plans) > _MOST_PLANS:
        raise DocumentError(f"plans: expected at most {_MOST_PLANS}, was {len(document.plans)}")
    plans: dict[str, Prior] = {}
    for name, plan in document.plans.items():
        place = f"plans.{name[:64]}"
        key = name.strip().casefold()
        if not key or key in plans:
            raise DocumentError(f"{place}: expected a name that no other plan has")
        plans[key] = _prior(place, plan, currency)
    thresholds = Thresholds(tiers.growth, tiers.enterprise)
    return Rules(currency, document.horizon_days, document.discount_per_year, thresholds, plans)


def _prior(place: str, plan: _Plan, currency: str) -> Prior:
    value = at_least(f"{place}.value", plan.value, 0, most=_MOST)
    low = at_least(f"{place}.low", value if plan.low is None else plan.low, 0, most=value)
    high = at_least(f"{place}.high", value if plan.high is None else plan.high, value, most=_MOST)
    return Prior(*(of_major(currency, amount) for amount in (value, low, high)))
