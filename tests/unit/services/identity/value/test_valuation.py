"""From transactions to a value, with the model and without."""

from __future__ import annotations

from dataclasses import replace

from services.identity.money import Money
from services.identity.value.bgnbd import BgNbd
from services.identity.value.forecast import Model
from services.identity.value.rates import NO_RATES
from services.identity.value.rules import NO_RULES, read_rules
from services.identity.value.spend import GammaGamma
from services.identity.value.transaction import Kind, Transaction
from services.identity.value.valuation import Basis, FittedModel, UserValue, value_users

DAY_MS = 24 * 3_600_000
NOW_MS = 1_767_225_600_000
NO_MODEL = Basis(NO_RULES, 0, NO_RATES, 0, FittedModel())
MODEL = Model(BgNbd(0.8, 6.0, 0.9, 3.0), GammaGamma(3.0, 4.0, 90.0))
WITH_MODEL = replace(NO_MODEL, fitted=FittedModel(1, MODEL, ""))


def bought(*days_ago: int, minor: int = 5_000, currency: str = "USD") -> list[Transaction]:
    return [
        Transaction(f"t{ago}", "u1", Kind.PURCHASE, Money(currency, minor), NOW_MS - ago * DAY_MS)
        for ago in days_ago
    ]


def value(transactions: list[Transaction], basis: Basis = WITH_MODEL) -> UserValue:
    return value_users([transactions], basis, NOW_MS)[0]


def test_without_a_model_the_value_is_what_was_paid_and_says_so() -> None:
    found = value(bought(3, 9), NO_MODEL)
    paid = Money("USD", 10_000)
    assert (found.total, found.low, found.high, found.expected) == (paid, paid, paid, None)
    assert found.reason == "no model yet: it takes 200 users who paid, 50 of them more than once"


def test_who_bought_lately_is_expected_to_buy_more_than_who_was_long_away() -> None:
    lately, long_ago = value(bought(300, 200, 100, 5)), value(bought(700, 600, 500, 405))
    assert lately.history
    assert long_ago.history
    assert lately.history.paid == long_ago.history.paid
    assert lately.expected
    assert long_ago.expected
    assert lately.expected.minor > 3 * long_ago.expected.minor
    assert lately.reason == long_ago.reason == ""


def test_what_is_expected_grows_with_the_horizon_and_shrinks_with_the_discount() -> None:
    def expected(document: bytes) -> int:
        found = value(bought(90, 40, 5), replace(WITH_MODEL, rules=read_rules(document)))
        assert found.expected
        return found.expected.minor

    month, year = expected(b'{"horizon_days": 30}'), expected(b'{"horizon_days": 365}')
    assert 0 < month < year < 13 * month
    dear = expected(b'{"horizon_days": 365, "discount_per_year": 1}')
    assert month < dear < year


def test_a_value_does_not_depend_on_who_is_valued_along() -> None:
    alone = value(bought(90, 40, 5))
    among = value_users([bought(3), bought(90, 40, 5), [], bought(800, 1)], WITH_MODEL, NOW_MS)
    assert among[1] == alone


def test_what_cannot_be_valued_says_why_and_has_no_figure() -> None:
    found = value(bought(3, currency="EUR"))
    assert (found.total, found.low, found.high, found.expected) == (None, None, None, None)
    assert found.reason.startswith("cannot be valued: no rate of EUR in USD was in force on 2025-")


def test_absurd_amounts_stay_within_what_can_be_kept() -> None:
    most = 10**15
    many = bought(*range(1, 200), minor=most)
    found = value(many)
    assert found.total
    assert found.high
    assert 10**17 <= found.total.minor <= found.high.minor <= 2 * 10**17


def test_who_first_bought_today_takes_no_longer_than_others() -> None:
    """With such a model, draws are of people who buy every second."""
    hasty = replace(MODEL, purchases=BgNbd(0.2, 1e-4, 0.05, 5.0))
    rules = read_rules(b'{"horizon_days": 1800}')
    basis = replace(WITH_MODEL, rules=rules, fitted=FittedModel(1, hasty, ""))
    found = value(bought(0), basis)
    assert found.high
    assert found.high.minor > 0


def test_nothing_is_expected_of_who_gave_everything_back() -> None:
    gave = Transaction("r", "u1", Kind.REFUND, Money("USD", 5_000), NOW_MS, "t3")
    found = value([*bought(3), gave])
    assert (found.total, found.expected) == (Money("USD", 0), None)
    assert found.reason == "no payment is left that was not taken back"


def test_a_purchase_dated_tomorrow_is_one_of_today() -> None:
    found = value(bought(30, -1))
    assert found.expected
    assert found.expected.minor > 0
