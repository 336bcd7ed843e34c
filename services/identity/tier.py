"""The rule that makes a tier of a value. The only place that knows the default thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.identity.model import Tier
from services.identity.money import Money

_WORDS = {"starter": Tier.STARTER, "growth": Tier.GROWTH, "enterprise": Tier.ENTERPRISE}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least value of a tier, in major units of the currency in which values are told."""

    growth: Decimal
    enterprise: Decimal


DEFAULT_THRESHOLDS = Thresholds(Decimal(5_000), Decimal(50_000))


def tier_word(value: object) -> Tier | None:
    """Read a plan or tier that the tenant states; None for any other word."""
    return _WORDS.get(value.strip().lower()) if isinstance(value, str) else None


def tier_of(
    ltv: Money | None, stated: Tier | None, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> Tier:
    """Return the stated tier, else the one the value earns, else UNKNOWN."""
    if stated is not None:
        return stated
    if ltv is None:
        return Tier.UNKNOWN
    if ltv.major >= thresholds.enterprise:
        return Tier.ENTERPRISE
    return Tier.GROWTH if ltv.major >= thresholds.growth else Tier.STARTER
