"""Which of the known values of a session's user is told.

What they paid goes before what a token says, that before what the tenant says of their plan, and
that before what the page claims. A session whose user is merely claimed may be somebody else, so
its value may be anything down to zero, wherever it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.identity.model import Assurance, Identity, Lack, Tier
from services.identity.money import Money
from services.identity.tier import tier_of
from services.identity.value.rates import NoRate, Rates
from services.identity.value.rules import Rules
from services.identity.value.valuation import UserValue


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known besides the session's own identifies."""

    user: UserValue | None
    rules: Rules
    rates: Rates
    has_rules: bool


def valued(identity: Identity, worth: Worth) -> Identity:
    """Return the identity with its value and the tier which that earns."""
    identity = _with_value(identity, worth)
    if identity.assurance < Assurance.VERIFIED and identity.ltv is not None:
        identity = replace(identity, ltv_low=Money(identity.ltv.currency, 0))
    if identity.ltv is not None and not identity.ltv_as_of_ms:
        identity = replace(identity, ltv_as_of_ms=identity.established_at_ms)
    return _with_tier(identity, worth)


def _with_value(identity: Identity, worth: Worth) -> Identity:
    user = worth.user if identity.user_id else None
    if user:
        identity = replace(identity, ltv_lack=user.lack, ltv_reason=user.reason)
    if user and user.history and user.total:
        return replace(
            identity,
            ltv=user.total,
            ltv_low=user.low,
            ltv_high=user.high,
            ltv_source="transactions",
            ltv_observed=user.history.paid,
            ltv_expected=user.expected,
            ltv_as_of_ms=user.as_of_ms,
        )
    prior = worth.rules.prior(identity.plan) if identity.plan else None
    if identity.ltv_source == "token" or prior is None:
        return identity
    return replace(
        identity,
        ltv=prior.value,
        ltv_low=prior.low,
        ltv_high=prior.high,
        ltv_source="plan",
    )


def _with_tier(identity: Identity, worth: Worth) -> Identity:
    """A tenant with rules has thresholds in one currency; the default ones count units of any."""
    if identity.stated_tier is not Tier.UNKNOWN:
        return replace(identity, tier=identity.stated_tier)
    value = identity.ltv
    if value is not None and worth.has_rules:
        day = datetime.fromtimestamp(identity.ltv_as_of_ms / 1000, UTC).date()
        try:
            value = worth.rates.convert(value, worth.rules.currency, day)
        except NoRate as error:
            reason = identity.ltv_reason or f"no tier: {error}"
            return replace(identity, tier=Tier.UNKNOWN, ltv_lack=Lack.RATE, ltv_reason=reason)
    return replace(identity, tier=tier_of(value, None, worth.rules.thresholds))
