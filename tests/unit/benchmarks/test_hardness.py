"""The rules of others do neither well nor uselessly on simulated visits."""

from __future__ import annotations

from benchmarks.baselines import RULES, presses_of
from benchmarks.statistics import f1
from benchmarks.visitors import generate


def test_best_peer_rule_lies_between_0_5_and_0_7() -> None:
    felt: list[bool] = []
    fired: dict[str, list[bool]] = {name: [] for name in RULES}
    for visit in generate(21, 1000):
        felt.append(visit.truth["rage"] is not None)
        presses = presses_of(visit.lines)
        for name, rule in RULES.items():
            fired[name].append(bool(rule(presses)))
    best = max(f1(found, felt)["f1"] for found in fired.values())
    assert 0.5 <= best <= 0.7
