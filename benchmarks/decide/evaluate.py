"""Processor time of one evaluation alone: the tree, the guards, no network and no storage."""

from __future__ import annotations

import statistics
import time

from services.intervention.policy import Facts, judge, parse_policy
from services.intervention.policy.ledger import Ledger, LiveReadings, Subject

_TURNS = 2_000
_ROUNDS = 7


def evaluation_us(document: bytes) -> dict[str, float]:
    """Medians over rounds: the first rule decides, the last one does, none does."""
    policy = parse_policy("benchmark", document)
    last = sum(1 for _ in policy.rules()) - 2
    found: dict[str, float] = {}
    for name, page in (
        ("first_rule", "/shop/0/x"), ("last_rule", f"/shop/{last}/x"), ("no_rule", "/elsewhere"),
    ):  # fmt: skip
        facts = Facts(
            now_ms=1_700_000_000_000, emotion="rage", confidence=99, page=page, user_id="u",
            company="acme.example", assurance=3, currency="USD", value=10**7, trigger="rage_click",
            element="button#pay", periods=("2023-11-14", "2023-11-13", "2023-11"),
        )  # fmt: skip
        rounds: list[float] = []
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(_TURNS):
                ledgers: dict[Subject, Ledger] = dict.fromkeys(
                    ("session", "visitor", "tenant"), Ledger()
                )
                judge(policy, facts, LiveReadings(ledgers))
            rounds.append((time.process_time() - began) / _TURNS * 1e6)
        found[name] = round(statistics.median(rounds), 1)
    return found
