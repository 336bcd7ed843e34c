"""Statistics against what else is known of them: other libraries, closed forms, exhaustive sums."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.experiments.statistics import (
    bandit,
    cuped,
    fixed,
    multiple,
    offline,
    power,
    sample_ratio,
    sequential,
)
from services.intervention.experiments.statistics.moments import (
    Difference,
    Floats,
    Moments,
    capped,
    difference,
    linearised,
    moments,
)

# Without types, all three.
stats: Any = importlib.import_module("scipy.stats")
multitest: Any = importlib.import_module("statsmodels.stats.multitest")
weightstats: Any = importlib.import_module("statsmodels.stats.weightstats")

CHANCE = np.random.default_rng(20261127)
CONTROL, TREATED = CHANCE.lognormal(0.0, 1.0, 300), CHANCE.lognormal(0.2, 1.0, 200)


def number(value: Any) -> float:
    return float(value)


def test_welch_is_statsmodels():
    found = fixed.welch(difference(moments(CONTROL), moments(TREATED)), 0.05)
    theirs = weightstats.CompareMeans(
        weightstats.DescrStatsW(TREATED), weightstats.DescrStatsW(CONTROL)
    )
    low, high = theirs.tconfint_diff(alpha=0.05, usevar="unequal")
    assert (number(found.low), number(found.high)) == pytest.approx((low, high))
    assert number(found.p) == pytest.approx(theirs.ttest_ind(usevar="unequal")[1])


def test_proportions_are_agresti_and_caffos():
    """One success and one failure added to each arm, then the textbook interval."""
    found = fixed.proportions(
        (np.asarray(5.0), np.asarray(12.0)), (np.asarray(60.0), np.asarray(50.0)), 0.05
    )
    a, b = 6 / 62, 13 / 52
    error = math.sqrt(a * (1 - a) / 62 + b * (1 - b) / 52)
    assert number(found.low) == pytest.approx(b - a - 1.959964 * error, abs=1e-6)
    assert number(found.high) == pytest.approx(b - a + 1.959964 * error, abs=1e-6)
    assert number(found.p) == pytest.approx(2 * stats.norm.sf((b - a) / error))


def test_a_ratio_has_the_delta_methods_variance():
    shown: Floats = CHANCE.poisson(4, 5_000).astype(np.float64) + 1.0
    clicked = CHANCE.binomial(shown.astype(int), 0.3).astype(float)
    values = linearised(clicked, shown)
    assert values.mean() == pytest.approx(clicked.sum() / shown.sum())
    (a, b), n = (clicked.mean(), shown.mean()), len(shown)
    joint = np.cov(clicked, shown)
    textbook = (joint[0, 0] - 2 * a / b * joint[0, 1] + (a / b) ** 2 * joint[1, 1]) / b**2 / n
    assert values.var(ddof=1) / n == pytest.approx(textbook)
    # And it is the variance that ratios of such samples have.
    draws = CHANCE.integers(0, n, (2_000, n))
    ratios = clicked[draws].sum(axis=1) / shown[draws].sum(axis=1)
    assert ratios.var() == pytest.approx(textbook, rel=0.15)


def test_one_cap_for_all_arms():
    values, cap = capped(np.array([0.0, 1, 2, 3, 0, 0, 4, 100]), quantile=0.5)
    assert cap == 3.0, "the middle of those that did anything"
    assert values.tolist() == [0, 1, 2, 3, 0, 0, 3, 3]
    assert capped(np.zeros(3), quantile=0.9)[1] is None
    assert capped(CONTROL) == (CONTROL, None)


@given(st.floats(0.001, 5.0), st.floats(0.001, 0.2), st.floats(-3.0, 3.0))
def test_the_sequential_p_is_below_alpha_where_the_interval_leaves_out_nothing(
    progress: float, alpha: float, z: float
):
    """The interval is the mixture martingale's, solved for the difference."""
    scale = number(sequential.widening(progress, alpha))
    found = sequential.always(
        Difference(np.asarray(z * scale), np.asarray(1.0), np.asarray(9.0)), progress, alpha
    )
    outside = number(found.low) > 0 or number(found.high) < 0
    if abs(abs(z) - 1) > 1e-6:
        assert outside == (number(found.p) < alpha) == (abs(z) > 1)


def test_the_sequential_interval_is_narrowest_at_the_planned_size():
    progress = np.geomspace(0.01, 100, 4_001)
    width = sequential.widening(progress, 0.05) / np.sqrt(progress)
    # In units of the error that falls with the root of the units, tuned to be best at 1.
    best_at_1 = number(sequential.widening(1.0, 0.05))
    for scale in (0.25, 4.0):
        assert best_at_1 < number(sequential.widening(scale, 0.05))
    assert np.all(np.diff(width) < 0), "more units never widen it"


def test_cuped_finds_the_slope_and_leaves_the_difference():
    past = [CHANCE.standard_normal(4_000) for _ in range(2)]
    arms = [2 * x + 0.1 * CHANCE.standard_normal(4_000) for x in past]
    arms[1] = arms[1] + 5.0  # an effect is no slope
    adjusted, theta = cuped.adjust(arms, past)
    assert number(theta) == pytest.approx(2, abs=0.01)
    assert adjusted[1].mean() - adjusted[0].mean() == pytest.approx(5, abs=0.02)
    assert adjusted[0].var() == pytest.approx(0.01, rel=0.1)


def test_cuped_leaves_alone_whom_it_knows_nothing_of():
    nobody = [np.full(50, np.nan)] * 2
    arms = [CHANCE.standard_normal(50) for _ in range(2)]
    adjusted, theta = cuped.adjust(arms, nobody)
    assert number(theta) == 0
    assert all(np.array_equal(a, b) for a, b in zip(adjusted, arms, strict=True))
    same, theta = cuped.adjust(arms, [np.ones(50)] * 2)  # a past that is the same for all
    assert number(theta) == 0
    assert np.array_equal(same[0], arms[0])


def test_sample_ratio_is_the_textbooks():
    p = number(sample_ratio.sample_ratio_p(np.array([4_862.0, 5_138.0]), np.array([1.0, 1.0])))
    assert p == pytest.approx(stats.chi2.sf(2 * 138**2 / 5_000, 1))
    three = sample_ratio.sample_ratio_p(np.array([[50.0, 30, 20]] * 2), np.array([0.5, 0.3, 0.2]))
    assert three.tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_benjamini_and_hochberg_is_statsmodels(p: list[float]):
    found = multiple.false_discovery(np.array([*p, np.nan]))
    assert np.isnan(found[-1])
    assert found[:-1] == pytest.approx(multitest.multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_power_is_what_normal_theory_says(share: float):
    design = power.Design((1.0, 4.0), share)
    units = power.units_fixed(design, 0.1, 0.05, 0.8)
    reach = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * design.error(units)
    assert reach == pytest.approx(0.1, rel=1e-3)
    assert power.detectable(design, units, 0.05, 0.8) == pytest.approx(0.1, rel=1e-3)
    looked = power.units_sequential(design, 0.1, 0.05, 0.8, units)
    assert 1.5 < looked / units < 3, "looking at any time has its price, and it is not absurd"
    reach = (number(sequential.widening(looked / units, 0.05)) + 0.8416) * design.error(looked)
    assert reach == pytest.approx(0.1, rel=1e-3)


def arm(did: float, n: float) -> Moments:
    return Moments(np.asarray(n), np.asarray(did / n), np.asarray(did / n * (1 - did / n)))


@pytest.mark.parametrize(
    "counts", [[(5, 100), (9, 100)], [(50, 1000), (52, 1000), (80, 1000)], [(0, 10), (9, 10_000)]]
)
@pytest.mark.parametrize("higher", [True, False])
def test_chances_to_be_best_are_those_of_drawing(counts: list[tuple[int, int]], higher: bool):
    posteriors = [bandit.posterior(arm(did, n), "proportion") for did, n in counts]
    draws = np.array([one.rvs(200_000, random_state=7 + i) for i, one in enumerate(posteriors)])
    best = draws.argmax(axis=0) if higher else draws.argmin(axis=0)
    drawn = np.bincount(best, minlength=len(counts)) / 200_000
    found = bandit.chances_to_be_best(posteriors, higher=higher)
    assert found == pytest.approx(drawn, abs=0.005)
    assert found.sum() == pytest.approx(1)


def test_chances_of_means_follow_students_t():
    arms = [moments(CONTROL), moments(TREATED)]
    found = bandit.chances_to_be_best([bandit.posterior(one, "mean") for one in arms])
    p = stats.ttest_ind(CONTROL, TREATED, equal_var=False).pvalue
    assert found[1] == pytest.approx(1 - p / 2, abs=0.01)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda raw: sum(raw) > 0.01),
    st.floats(0.001, 0.12),
)
def test_no_share_is_below_the_floor(raw: list[float], floor: float):
    chances = np.array(raw) / sum(raw)
    found = bandit.shares(chances, floor)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= floor - 1e-9
    order = np.argsort(chances)
    assert np.all(np.diff(np.array(found)[order]) >= -1e-12), "a better chance never gets less"


def logged(units: int) -> tuple[Floats, Any, Floats]:
    """Rewards of three arms under a logging policy that depends on who it is."""
    chance = np.random.default_rng(5)
    who = chance.integers(0, 2, units)
    shares = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])[who]
    arms = (chance.random(units)[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    truth = np.array([[0.1, 0.3, 0.5], [0.4, 0.2, 0.1]])[who]
    bought = chance.random(units) < np.take_along_axis(truth, arms[:, None], 1)[:, 0]
    propensity = np.take_along_axis(shares, arms[:, None], 1)[:, 0]
    return bought.astype(np.float64), (arms, propensity), truth


def test_offline_evaluation_finds_what_another_policy_would_earn():
    reward, (arms, propensity), truth = logged(20_000)
    target = np.zeros_like(truth)
    target[np.arange(len(truth)), truth.argmax(axis=1)] = 1.0  # always the best for whom it is
    worth = truth.max(axis=1).mean()
    ips = offline.inverse_propensity(reward, arms, propensity, target)
    good = offline.doubly_robust(reward, arms, propensity, target, truth)
    bad = offline.doubly_robust(reward, arms, propensity, target, np.full_like(truth, 0.9))
    for found in (ips, good, bad):
        assert found.low < worth < found.high
    assert good.high - good.low < 0.95 * (ips.high - ips.low)
    assert 0 < ips.effective_units < 20_000
    # What the logging policy itself earned is the plain mean.
    own = offline.inverse_propensity(reward, arms, np.ones(20_000), np.ones_like(truth))
    assert own.estimate == pytest.approx(reward.mean())
