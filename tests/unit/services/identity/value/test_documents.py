"""The tenant's documents: what they mean, and how a bad one is refused."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.identity.money import Money
from services.identity.value.document import DocumentError
from services.identity.value.rates import NO_RATES, NoRate, read_rates
from services.identity.value.rules import NO_RULES, Prior, read_rules


def rules(**document: Any) -> Any:
    return read_rules(json.dumps(document).encode())


def rates(document: Any, **more: Any) -> Any:
    return read_rates(json.dumps({"rates": document, **more}).encode())


def test_an_empty_document_is_the_defaults() -> None:
    assert rules() == NO_RULES
    assert read_rates(b"{}") == NO_RATES


def test_a_plan_is_found_whatever_its_capitals() -> None:
    found = rules(currency="JPY", plans={"Pro ": {"value": 1000, "low": "500.4"}})
    thousand = Money("JPY", 1_000)
    assert found.prior("PRO") == Prior(thousand, Money("JPY", 500), thousand)
    assert found.prior("basic") is None


def test_the_discount_is_that_of_a_year() -> None:
    horizon = rules(horizon_days=731, discount_per_year="0.25").horizon
    assert math.exp(-horizon.discount * 365.25 / 7) == pytest.approx(0.8)
    assert horizon.length == pytest.approx(731 / 7)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"currency": "EURO"}, "currency: "),
        ({"currency": 5}, "Expected `str`"),
        ({"horizon_days": 0}, "horizon_days: "),
        ({"horizon_days": 4_000}, "horizon_days: "),
        ({"horizon_days": 1.5}, "Expected `int`"),
        ({"discount_per_year": "-0.1"}, "discount_per_year: "),
        ({"discount_per_year": "NaN"}, "discount_per_year: "),
        ({"tiers": {"growth": "60000"}}, "tiers.enterprise: "),
        ({"tiers": {"gold": 5}}, "Object contains unknown field"),
        ({"plans": {"pro": {}}}, "Object missing required field"),
        ({"plans": {"pro": {"value": 5, "low": 6}}}, "plans.pro.low: "),
        ({"plans": {"pro": {"value": 5, "high": 4}}}, "plans.pro.high: "),
        ({"plans": {"pro": {"value": 5}, "PRO": {"value": 6}}}, "plans.PRO: "),
        ({"plans": {" ": {"value": 5}}}, "plans. : "),
        ({"plans": {str(n): {"value": 5} for n in range(1_001)}}, "plans: "),
    ],
)
def test_bad_rules_are_refused_by_field(document: Any, fault: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        rules(**document)
    assert str(refusal.value).startswith(fault)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":'])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    for read in (read_rules, read_rates):
        with pytest.raises(DocumentError):
            read(body)


def test_a_rate_holds_from_its_day_to_the_next() -> None:
    found = rates({"EUR": {"2026-02-01": "1.20", "2026-01-01": "1.10"}})
    euros = Money("EUR", 10_000)
    worth = {"2026-01-01": 11_000, "2026-01-31": 11_000, "2026-02-01": 12_000, "2026-03-04": 12_000}
    for day, cents in worth.items():
        found_cents = found.convert(euros, "USD", date.fromisoformat(day))
        assert found_cents == Money("USD", cents), day
    for day in (date(2025, 12, 31), date(2026, 3, 5)):
        with pytest.raises(NoRate) as lack:
            found.convert(euros, "USD", day)
        assert (lack.value.currency, lack.value.to, lack.value.day) == ("EUR", "USD", day)


def test_an_amount_in_its_own_currency_needs_no_rate() -> None:
    assert NO_RATES.convert(Money("KWD", 5), "KWD", date(1999, 1, 1)) == Money("KWD", 5)


def test_two_currencies_meet_in_the_base_and_round_once() -> None:
    found = rates({"EUR": {"2026-01-01": "1.1"}, "JPY": {"2026-01-01": "0.007"}})
    on = date(2026, 1, 2)
    assert found.convert(Money("EUR", 1_001), "JPY", on) == Money("JPY", 1_573)
    with pytest.raises(NoRate, match="no rate of EUR in CLF"):
        found.convert(Money("EUR", 1), "CLF", on)


def test_rates_are_exact() -> None:
    found = rates({"BHD": {"2026-01-01": 2.659574468085106}}, max_age_days=366)
    assert found.dated["BHD"][1] == (Decimal("2.659574468085106"),)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"rates": {"EURO": {}}}, "rates.EURO: "),
        ({"base": "X"}, "base: "),
        ({"max_age_days": 0}, "max_age_days: "),
        ({"rates": {"EUR": {"2026-02-30": 1}}}, "Invalid"),
        ({"rates": {"EUR": {"2026-01-01": 0}}}, "rates.EUR.2026-01-01: "),
        ({"rates": {"EUR": {"2026-01-01": "1e30"}}}, "rates.EUR.2026-01-01: "),
        ({"rates": {"EUR": [1]}}, "Expected `object`"),
    ],
)
def test_bad_rates_are_refused_by_field(document: Any, fault: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        read_rates(json.dumps(document).encode())
    assert str(refusal.value).startswith(fault)
