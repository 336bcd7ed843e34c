"""What is spent of a budget, where replicas' clocks are not one."""

from __future__ import annotations

from services.intervention.policy.ledger import Charge, Ledger


def test_a_replica_that_is_behind_spends_of_the_later_period() -> None:
    ledger = Ledger()
    ledger.spend("budget:b:EUR", "2026-11-26", 3_000)
    ledger.spend("budget:b:EUR", "2026-11-27", 1_500)
    assert ledger.spent_in("budget:b:EUR", "2026-11-27") == 1_500
    assert ledger.spent_in("budget:b:EUR", "2026-11-26") == 1_500
    ledger.spend("budget:b:EUR", "2026-11-26", 500)
    assert ledger.spent_in("budget:b:EUR", "2026-11-27") == 2_000
    assert ledger.spent_in("budget:b:EUR", "2026-11-28") == 0


def test_what_is_given_back_returns_to_its_own_period_only() -> None:
    ledger, key = Ledger(), "budget:b:EUR"
    ledger.spend(key, "2026-11-26", 3_000)
    assert ledger.correct(Charge(key, "2026-11-26", -1_000))
    assert ledger.spent_in(key, "2026-11-26") == 2_000
    ledger.spend(key, "2026-11-27", 500)
    assert not ledger.correct(Charge(key, "2026-11-26", -1_000))
    assert ledger.spent_in(key, "2026-11-27") == 500


def test_a_budget_for_ever_that_gets_a_period_begins_at_nothing_and_renews() -> None:
    ledger, key = Ledger(), "budget:b:EUR"
    ledger.spend(key, "ever", 3_000)
    ledger.spend(key, "ever", 1_000)
    assert ledger.spent_in(key, "ever") == 4_000
    assert ledger.spent_in(key, "2026-11") == 0
    ledger.spend(key, "2026-11", 500)
    assert ledger.spent[key] == ("2026-11", 500)
    assert ledger.spent_in(key, "2026-12") == 0
    assert ledger.spent_in(key, "ever") == 0
