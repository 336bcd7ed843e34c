"""The rule that makes a tier of a value. The only place that knows its thresholds."""

from __future__ import annotations

from services.identity.model import Tier
from services.identity.money import Money

# In major units of the currency in which the tenant states values.
_ENTERPRISE_FROM = 50_000
_GROWTH_FROM = 5_000

_WORDS = {"starter": Tier.STARTER, "growth": Tier.GROWTH, "enterprise": Tier.ENTERPRISE}


def tier_word(value: object) -> Tier | None:
    """Read a plan or tier that the tenant states; None for any other word."""
    return _WORDS.get(value.strip().lower()) if isinstance(value, str) else None


def tier_of(ltv: Money | None, stated: Tier | None) -> Tier:
    """Return the stated tier, else the one the value earns, else UNKNOWN."""
    if stated is not None:
        return stated
    if ltv is None:
        return Tier.UNKNOWN
    if ltv.major >= _ENTERPRISE_FROM:
        return Tier.ENTERPRISE
    return Tier.GROWTH if ltv.major >= _GROWTH_FROM else Tier.STARTER
