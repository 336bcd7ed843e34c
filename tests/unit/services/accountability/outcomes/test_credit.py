"""One outcome, one credit: against a slow twin, in any order, however often it is told."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accountability.outcomes.credit import Act, credit
from services.accountability.outcomes.document import DEFAULTS
from services.accountability.outcomes.facts import Happened, Paid, Tracked, outcomes_of

_keys = st.lists(
    st.sampled_from(["session:a", "session:b", "user:u", "user:v"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
_acts = st.lists(st.builds(Act, st.sampled_from("pqrs"), st.integers(0, 40), _keys), max_size=6)
_outcomes = st.lists(
    st.builds(Happened, st.sampled_from("123456"), st.integers(0, 50), _keys), max_size=6
)


def _twin(acts: list[Act], outcomes: dict[str, Happened], window_ms: int) -> dict[str, set[str]]:
    """Every outcome against every act."""
    found: dict[str, set[str]] = {}
    for one in outcomes.values():
        fitting = [
            (act.at_ms, act.id)
            for act in acts
            if set(act.keys) & set(one.keys) and act.at_ms <= one.at_ms
        ]
        if fitting and one.at_ms - max(fitting)[0] <= window_ms:
            found.setdefault(max(fitting)[1], set()).add(one.id)
    return found


@given(_acts, _outcomes, st.integers(0, 30), st.randoms(use_true_random=False))
def test_it_is_the_twins(
    acts: list[Act], told: list[Happened], window_ms: int, order: random.Random
) -> None:
    outcomes = {one.id: one for one in told}
    found = credit(acts, outcomes, window_ms)
    assert {key: {one.id for one in ones} for key, ones in found.items()} == _twin(
        acts, outcomes, window_ms
    )
    credited = [one.id for ones in found.values() for one in ones]
    assert len(credited) == len(set(credited)), "credited once"
    shuffled, again = [*acts, *acts[:2]], list(outcomes.items())
    order.shuffle(shuffled)
    order.shuffle(again)
    assert credit(shuffled, dict(again), window_ms) == found


_PROPS = '{"order_id": "o2", "revenue": 5, "currency": "eur"}'
_events = st.lists(
    st.builds(
        Tracked,
        key=st.sampled_from(["k1", "k2", "k3", "k4"]),
        name=st.sampled_from(["Order Completed", "purchase", "scrolled"]),
        props=st.sampled_from(
            [
                "",
                "[]",
                "{",
                '{"order_id": "o1"}',
                '{"order_id": "o2", "revenue": 5, "currency": "eur"}',
                '{"revenue": 5, "currency": "jpy"}',
            ]
        ),
        session_id=st.sampled_from(["a", "b"]),
        user_id=st.sampled_from(["", "u"]),
        at_ms=st.integers(0, 9),
    ),
    max_size=6,
    unique_by=lambda event: event.key,
)
_paid = st.lists(
    st.builds(
        Paid,
        transaction_id=st.sampled_from(["o1", "o2", "r1"]),
        user_id=st.just("u"),
        kind=st.just("purchase"),
        currency=st.sampled_from(["EUR", "JPY"]),
        minor=st.integers(1, 9),
        at_ms=st.integers(0, 9),
    ),
    max_size=3,
    unique_by=lambda one: one.transaction_id,
)


@given(_events, _paid, st.randoms(use_true_random=False))
def test_what_is_told_again_or_in_another_order_changes_nothing(
    events: list[Tracked], paid: list[Paid], order: random.Random
) -> None:
    found = outcomes_of(DEFAULTS["purchase"], events, paid)
    again, paid_again = events * 2, paid * 2
    order.shuffle(again)
    order.shuffle(paid_again)
    assert outcomes_of(DEFAULTS["purchase"], again, paid_again) == found
    assert not any(event.name == "scrolled" and event.key in found for event in events)


def test_a_late_event_moves_no_credit_but_its_own() -> None:
    acts = [Act("first", 0, ("user:u",)), Act("second", 100, ("user:u",))]
    early = {"o1": Happened("o1", 150, ("user:u",))}
    late = {**early, "o2": Happened("o2", 50, ("user:u",))}
    assert credit(acts, early, 1_000) == {"second": [early["o1"]]}
    assert credit(acts, late, 1_000) == {"first": [late["o2"]], "second": [early["o1"]]}


def test_a_subscription_is_renewed_each_month() -> None:
    props = '{"subscription_id": "s1"}'
    events = [Tracked(f"k{at}", "Subscription Renewed", props, "s", "u", at) for at in (5, 9)]
    found = outcomes_of(DEFAULTS["renewal"], events, [])
    assert sorted(one.at_ms for one in found.values()) == [5, 9]


def test_an_order_of_the_page_and_of_the_server_is_one() -> None:
    event = Tracked(
        "k", "Order Completed", '{"order_id": "o1", "total": 12.5, "currency": "EUR"}', "s", "", 5
    )
    paid = Paid("o1", "u", "purchase", "EUR", 1_300, 7)
    (one,) = outcomes_of(DEFAULTS["purchase"], [event], [paid]).values()
    assert one == Happened("o1", 7, ("session:s", "user:u"), "EUR", 1_300)


_ORDER = '{"order_id": "web-1", "total": 13, "currency": "EUR"}'
_MINUTE_MS = 60_000


def _bought(key: str, at_ms: int, user: str = "u", props: str = _ORDER) -> Tracked:
    return Tracked(key, "Order Completed", props, "s", user, at_ms)


@pytest.mark.parametrize("props", [_ORDER, _ORDER.replace('"order_id": "web-1", ', "")])
def test_a_purchase_told_by_page_and_server_without_a_common_id_is_one(props: str) -> None:
    paid = Paid("pi_1", "u", "purchase", "EUR", 1_300, 10 * _MINUTE_MS)
    for at_ms in (0, 20 * _MINUTE_MS):
        (one,) = outcomes_of(
            DEFAULTS["purchase"], [_bought("k", at_ms, props=props)], [paid]
        ).values()
        assert one == Happened("pi_1", 10 * _MINUTE_MS, ("session:s", "user:u"), "EUR", 1_300)
    refund = Paid("r1", "u", "refund", "EUR", 1_300, 11 * _MINUTE_MS, "pi_1")
    assert outcomes_of(DEFAULTS["purchase"], [_bought("k", 0, props=props)], [paid, refund]) == {}


def test_what_may_be_another_purchase_is_another() -> None:
    paid = Paid("pi_1", "u", "purchase", "EUR", 1_300, 0)
    for event in (
        _bought("k", 10 * _MINUTE_MS + 1),
        _bought("k", 0, user="v"),
        _bought("k", 0, user=""),
        _bought("k", 0, props=_ORDER.replace("13", "13.01")),
        _bought("k", 0, props=_ORDER.replace("EUR", "USD")),
    ):
        assert len(outcomes_of(DEFAULTS["purchase"], [event], [paid])) == 2, event
    # Two of one amount stay two, and the one that is known by its id is not taken for another.
    twice = [_bought("k1", 0, props="{}"), _bought("k2", 5, props=_ORDER.replace("web-1", "pi_2"))]
    twice += [_bought("k3", 7), _bought("k4", 9, props=_ORDER.replace("web-1", "web-2"))]
    payments = [paid, Paid("pi_2", "u", "purchase", "EUR", 1_300, 1)]
    found = outcomes_of(DEFAULTS["purchase"], twice, payments)
    assert sorted(found) == ["k1", "pi_1", "pi_2", "web-2"]


def test_what_was_taken_back_does_not_count() -> None:
    paid = Paid("o1", "u", "purchase", "EUR", 1_300, 7)
    part = Paid("r1", "u", "refund", "EUR", 300, 9, "o1")
    rest = Paid("r2", "u", "chargeback", "EUR", 1_000, 9, "o1")
    (one,) = outcomes_of(DEFAULTS["purchase"], [], [part, paid]).values()
    assert one.minor == 1_000
    assert outcomes_of(DEFAULTS["purchase"], [], [part, rest, paid]) == {}


def test_no_currency_is_guessed() -> None:
    for props in (
        '{"total": 5}',
        '{"total": 5, "currency": "XXQ"}',
        '{"total": true, "currency": "EUR"}',
    ):
        event = Tracked("k", "purchase", props, "s", "", 5)
        (one,) = outcomes_of(DEFAULTS["purchase"], [event], []).values()
        assert (one.currency, one.minor) == ("", 0)
    yen = Tracked("k", "purchase", '{"total": "500", "currency": "JPY"}', "s", "", 5)
    (one,) = outcomes_of(DEFAULTS["purchase"], [yen], []).values()
    assert (one.currency, one.minor) == ("JPY", 500)
