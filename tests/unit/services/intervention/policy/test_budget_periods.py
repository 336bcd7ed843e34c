"""What is spent of a budget, where replicas' clocks are not one."""

from __future__ import annotations

from services.intervention.policy.ledger import Ledger


def test_a_replica_that_is_behind_spends_of_the_later_period() -> None:
    ledger = Ledger()
    ledger.spend("budget:b:EUR", "2026-11-26", 3_000)
    ledger.spend("budget:b:EUR", "2026-11-27", 1_500)
    assert ledger.spent_in("budget:b:EUR", "2026-11-27") == 1_500
    assert ledger.spent_in("budget:b:EUR", "2026-11-26") == 1_500
    ledger.spend("budget:b:EUR", "2026-11-26", 500)
    assert ledger.spent_in("budget:b:EUR", "2026-11-27") == 2_000
    assert ledger.spent_in("budget:b:EUR", "2026-11-28") == 0
