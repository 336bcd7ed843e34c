"""Which value is told, and the tier it earns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from services.identity.model import Assurance, Identity, Lack, Tier
from services.identity.money import Money
from services.identity.value.history import History
from services.identity.value.overlay import Worth, valued
from services.identity.value.rates import NO_RATES, Rates
from services.identity.value.rules import NO_RULES, read_rules
from services.identity.value.valuation import UserValue

PAID = UserValue(
    History(Money("USD", 700), 1, date(2026, 1, 1), date(2026, 1, 1)),
    Money("USD", 1_000),
    Money("USD", 800),
    Money("USD", 2_000),
    Money("USD", 300),
    as_of_ms=77,
)
UNVALUED = UserValue(lack=Lack.RATE, reason="cannot be valued", as_of_ms=77)
RULES = read_rules(b'{"plans": {"pro": {"value": 50, "low": 40, "high": 60}}}')
TOKEN = Money("USD", 123)


def identity(
    source: str = "", *, plan: str = "", assurance: Assurance = Assurance.VERIFIED, user: str = "u1"
) -> Identity:
    return Identity(
        assurance=assurance,
        user_id=user,
        ltv=TOKEN if source else None,
        ltv_low=TOKEN if source == "token" else Money("USD", 0) if source else None,
        ltv_high=TOKEN if source else None,
        ltv_source=source,
        established_at_ms=55,
        plan=plan,
    )


def told(of: Identity, user: UserValue | None = None) -> tuple[str, int | None]:
    found = valued(of, Worth(user, RULES, NO_RATES, has_rules=True))
    return found.ltv_source, found.ltv.minor if found.ltv else None


def test_transactions_then_token_then_plan_then_traits() -> None:
    assert told(identity("token", plan="pro"), PAID) == ("transactions", 1_000)
    assert told(identity("token", plan="pro")) == ("token", 123)
    assert told(identity("traits", plan="pro")) == ("plan", 5_000)
    assert told(identity("traits")) == ("traits", 123)
    assert told(identity("traits", plan="basic")) == ("traits", 123)
    assert told(identity()) == ("", None)


def test_what_cannot_be_valued_leaves_the_next_source_and_says_why() -> None:
    assert told(identity("token"), UNVALUED) == ("token", 123)
    assert told(identity(plan="pro"), UNVALUED) == ("plan", 5_000)
    found = valued(identity(), Worth(UNVALUED, RULES, NO_RATES, has_rules=True))
    assert (found.ltv, found.ltv_lack, found.ltv_reason) == (None, Lack.RATE, "cannot be valued")


def test_every_value_has_an_age() -> None:
    worth = Worth(PAID, NO_RULES, NO_RATES, has_rules=False)
    assert valued(identity(), worth).ltv_as_of_ms == 77
    without = Worth(None, RULES, NO_RATES, has_rules=True)
    for of in (identity("token"), identity("traits"), identity(plan="pro")):
        assert valued(of, without).ltv_as_of_ms == 55
    assert valued(identity(), without).ltv_as_of_ms == 0


@pytest.mark.parametrize("assurance", [Assurance.CLAIMED, Assurance.INFERRED])
def test_a_user_who_is_not_verified_may_be_worth_nothing(assurance: Assurance) -> None:
    worth = Worth(PAID, NO_RULES, NO_RATES, has_rules=False)
    found = valued(identity(assurance=assurance), worth)
    assert (found.ltv, found.ltv_low, found.ltv_high) == (PAID.total, Money("USD", 0), PAID.high)


def test_nobody_has_no_user_value() -> None:
    assert told(identity(user=""), PAID) == ("", None)


def tier(value: Money, document: bytes | None, rates: Rates = NO_RATES) -> Tier:
    rules = NO_RULES if document is None else read_rules(document)
    of = Identity(assurance=Assurance.VERIFIED, ltv=value, ltv_source="token", established_at_ms=55)
    return valued(of, Worth(None, rules, rates, document is not None)).tier


def test_the_tenants_thresholds_make_the_tier() -> None:
    low = b'{"tiers": {"growth": "1", "enterprise": "10.01"}}'
    assert tier(Money("USD", 1_000), low) is Tier.GROWTH
    assert tier(Money("USD", 1_001), low) is Tier.ENTERPRISE
    assert tier(Money("USD", 1_001), None) is Tier.STARTER


def test_thresholds_of_a_tenant_are_in_its_currency() -> None:
    document = b'{"currency": "EUR", "tiers": {"growth": 100, "enterprise": 200}}'
    rates = Rates("USD", 31, {"EUR": ((date(1970, 1, 1),), (Decimal(2),))})
    assert tier(Money("USD", 39_998), document, rates) is Tier.GROWTH
    assert tier(Money("USD", 40_000), document, rates) is Tier.ENTERPRISE
    assert tier(Money("USD", 40_000), document) is Tier.UNKNOWN
    # Without rules the default thresholds count units of any currency.
    assert tier(Money("JPY", 5_000), None) is Tier.GROWTH


def test_a_stated_tier_goes_before_the_rule() -> None:
    of = Identity(assurance=Assurance.VERIFIED, user_id="u1", stated_tier=Tier.ENTERPRISE)
    assert valued(of, Worth(PAID, NO_RULES, NO_RATES, has_rules=False)).tier is Tier.ENTERPRISE
