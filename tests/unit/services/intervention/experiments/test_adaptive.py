"""Shares that follow the results: where they go, and that effects are still told as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from services.intervention.experiments.adaptive import next_shares
from services.intervention.experiments.analysis import analyse
from services.intervention.experiments.assignment import Units, assign
from services.intervention.experiments.checks import ExperimentError
from services.intervention.experiments.observed import Observed, in_order
from services.intervention.experiments.statistics.offline import inverse_propensity
from tests.unit.services.intervention.experiments.documents import trial

ADAPTIVE = trial(
    adaptive={"floor": 0.1},
    variants=[{"name": "control"}, {"name": "chat"}, {"name": "offer"}],
    plan={"mde": 0.02, "units": 4_000},
)
RATES = (0.1, 0.12, 0.3)


def run(
    seed: int, batches: int = 10, size: int = 400, rates: tuple[float, ...] = RATES
) -> Observed:
    """Batches of units, each dealt by shares that follow all before."""
    chance = np.random.default_rng(seed)
    arms: list[int] = []
    dealt: list[tuple[float, ...]] = []
    did: list[float] = []
    shares = ADAPTIVE.shares
    for batch in range(batches):
        for number in range(size):
            unit = Units(person=f"{seed}-{batch}-{number}")
            arms.append(ADAPTIVE.names.index(assign(ADAPTIVE, unit, shares).variant))
            dealt.append(shares)
        did += list((chance.random(size) < np.array(rates)[arms[-size:]]) * 1.0)
        shares = next_shares(ADAPTIVE, seen(arms, dealt, did))
    return seen(arms, dealt, did)


def seen(arms: list[int], dealt: list[tuple[float, ...]], did: list[float]) -> Observed:
    values = {"bought": np.array(did)}
    at = np.arange(len(arms), dtype=np.int64)
    return in_order(ADAPTIVE, np.array(arms), at, values, {}, np.array(dealt))


def test_the_best_arm_gets_the_most_and_none_less_than_the_floor():
    found = run(1)
    last = found.shares[-1]
    assert last[2] == pytest.approx(0.8, abs=0.02)
    assert min(last) >= 0.1 - 1e-9
    assert found.values["bought"].mean() > np.mean(RATES) + 0.05, "it earns while it learns"


def test_effects_are_told_without_bias_whatever_the_shares_were():
    """Plain differences of means are not: an arm that begins badly is given fewer units for it."""
    truth = 0.02
    scores: list[float] = []
    held = 0
    for seed in range(30):
        report = analyse(ADAPTIVE, run(seed, batches=5, size=250), 86_400_000)
        chat = report.comparisons[0]
        assert chat.variant == "chat"
        assert chat.difference is not None
        assert chat.always is not None
        scores.append(chat.difference)
        held += chat.always[0] <= truth <= chat.always[1]
        assert report.sample_ratio_p is None or report.sample_ratio_p > 1e-4
    error = np.std(scores, ddof=1) / len(scores) ** 0.5
    assert abs(np.mean(scores) - truth) < 3.5 * error
    assert held >= 28


def test_logged_propensities_evaluate_another_policy():
    found = run(2)
    logged = np.take_along_axis(found.shares, found.arm[:, None], axis=1)[:, 0]
    for arm, rate in enumerate(RATES):
        target = np.zeros_like(found.shares)
        target[:, arm] = 1.0
        worth = inverse_propensity(found.values["bought"], found.arm, logged, target, alpha=0.001)
        assert worth.low < rate < worth.high


def test_without_results_the_weights_stand():
    nobody = seen([], [], [])
    empty = Observed(nobody.arm.astype(np.int64), nobody.exposed_at_ms, {}, {}, np.zeros((0, 3)))
    assert next_shares(ADAPTIVE, empty) == ADAPTIVE.shares


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_mean_is_followed_too(better: str):
    metric: dict[str, Any] = {
        "name": "spend", "kind": "mean", "better": better, "role": "primary", "cap": 1_000,
    }  # fmt: skip
    found = trial(adaptive={"floor": 0.05}, metrics=[metric])
    chance = np.random.default_rng(3)
    arm = chance.integers(0, 2, 2_000)
    values = {"spend": chance.lognormal(2, 1, 2_000) * (1 + arm)}
    shares = next_shares(found, in_order(found, arm, arm * 0, values, {}))
    assert shares == pytest.approx((0.05, 0.95) if better == "higher" else (0.95, 0.05))


def test_only_an_adaptive_experiment_has_shares_that_follow():
    with pytest.raises(ExperimentError, match="give it `adaptive`"):
        next_shares(trial(), seen([0, 1], [ADAPTIVE.shares] * 2, [0.0, 1.0]))
