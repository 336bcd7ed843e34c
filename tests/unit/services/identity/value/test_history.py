"""What was paid does not depend on the order in which it is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.money import Money
from services.identity.value.history import History, observe
from services.identity.value.rates import NO_RATES, NoRate, Rates
from services.identity.value.transaction import Kind, Transaction

DAY_MS = 24 * 3_600_000
FIRST = date(2026, 1, 1)
RATES = Rates("USD", 31, {"EUR": ((FIRST, date(2026, 1, 20)), (Decimal("1.10"), Decimal("1.20")))})


def paid(name: str, minor: int, day: int = 0, currency: str = "USD") -> Transaction:
    return _one(name, Kind.PURCHASE, minor, day, currency, "")


def back(
    of: str, minor: int, day: int = 1, currency: str = "USD", kind: Kind = Kind.REFUND
) -> Transaction:
    return _one(f"back {of} {minor} {day} {currency}", kind, minor, day, currency, of)


def _one(name: str, kind: Kind, minor: int, day: int, currency: str, refers_to: str) -> Transaction:
    at_ms = 1_767_225_600_000 + day * DAY_MS  # 2026-01-01
    return Transaction(name, "u1", kind, Money(currency, minor), at_ms, refers_to)


def usd(*transactions: Transaction) -> int:
    return observe(transactions, "USD", RATES).paid.minor


def test_nothing_is_nothing() -> None:
    assert observe([], "USD", NO_RATES) == History(Money("USD", 0))


def test_a_day_of_buying_is_one_occasion() -> None:
    history = observe([paid("a", 5), paid("b", 6), paid("c", 7, 9)], "USD", NO_RATES)
    assert history == History(Money("USD", 18), 2, FIRST, date(2026, 1, 10))


def test_a_refund_takes_back_no_more_than_was_paid() -> None:
    assert usd(paid("a", 100), back("a", 30)) == 70
    assert usd(paid("a", 100), back("a", 130), paid("b", 5)) == 5
    assert usd(paid("a", 100), back("a", 60), back("a", 60, 2, kind=Kind.CHARGEBACK)) == 0


def test_a_purchase_wholly_taken_back_is_no_occasion() -> None:
    history = observe([paid("a", 100), back("a", 100), paid("b", 5, 3)], "USD", NO_RATES)
    assert (history.occasions, history.first) == (1, date(2026, 1, 4))


def test_a_refund_of_what_is_not_known_takes_back_nothing() -> None:
    assert usd(paid("a", 100), back("z", 50)) == 100


def test_rates_that_change_make_no_gain_of_a_refund() -> None:
    """Bought at 1.10, given back at 1.20: all of it is gone, not 109 % of it."""
    assert usd(paid("a", 1_000, 0, "EUR")) == 1_100
    assert usd(paid("a", 1_000, 0, "EUR"), back("a", 1_000, 25, "EUR"), paid("b", 50)) == 50
    assert usd(paid("a", 1_000, 0, "EUR"), back("a", 500, 25, "EUR")) == 550


def test_a_refund_in_another_currency_counts_at_its_own_day() -> None:
    assert usd(paid("a", 1_000), back("a", 500, 25, "EUR")) == 400


def test_without_a_rate_there_is_no_value() -> None:
    for missing in (paid("a", 5, 0, "JPY"), paid("a", 5, -1, "EUR"), paid("a", 5, 60, "EUR")):
        with pytest.raises(NoRate, match=r"no rate of \w+ in USD was in force on 202"):
            usd(missing)
    # What is wholly taken back in its own currency needs none.
    assert usd(paid("a", 5, 0, "JPY"), back("a", 5, 1, "JPY")) == 0


_TOLD = st.one_of(
    st.builds(
        paid,
        st.sampled_from("abc"),
        st.integers(1, 500),
        st.integers(0, 30),
        st.sampled_from(["USD", "EUR"]),
    ),
    st.builds(
        back,
        st.sampled_from("abcz"),
        st.integers(1, 500),
        st.integers(0, 30),
        st.sampled_from(["USD", "EUR"]),
        st.sampled_from([Kind.REFUND, Kind.CHARGEBACK]),
    ),
)


@given(st.lists(_TOLD, max_size=5, unique_by=lambda one: one.transaction_id))
def test_order_does_not_matter(told: list[Transaction]) -> None:
    assert len({observe(order, "USD", RATES) for order in permutations(told)}) == 1


@given(st.lists(_TOLD, max_size=8, unique_by=lambda one: one.transaction_id))
def test_what_was_paid_is_between_nothing_and_all_payments(told: list[Transaction]) -> None:
    payments = [one for one in told if not one.kind.takes_back]
    assert 0 <= usd(*told) <= usd(*payments)
