"""The difference by chance: against textbook formulas, and where it must not be too sure."""

from __future__ import annotations

import numpy as np
import pytest

from services.accountability.cost.randomised import comparable, difference
from services.accountability.cost.units import Floats


def _none(count: int) -> Floats:
    return np.empty((count, 0))


def test_without_anything_known_it_is_the_difference_of_means() -> None:
    chance = np.random.default_rng(1)
    values = chance.normal(size=400)
    helped = chance.random(400) < 0.7
    found = difference(values, helped, np.full(400, 0.7), np.arange(400), _none(400))
    assert found.estimate.value == pytest.approx(values[helped].mean() - values[~helped].mean())
    error = np.sqrt(
        values[helped].var(ddof=1) / helped.sum() + values[~helped].var(ddof=1) / (~helped).sum()
    )
    # Both sides' spread is taken together: not Welch's to the digit.
    assert found.estimate.error == pytest.approx(error, rel=0.1)
    assert found.variance_left == 1


def test_shares_have_the_textbook_error() -> None:
    helped = np.arange(1_000) < 600
    values = (np.arange(1_000) % 4 == 0).astype(np.float64)
    found = difference(values, helped, np.full(1_000, 0.6), np.arange(1_000), _none(1_000))
    assert found.estimate.error**2 == pytest.approx(0.25 * 0.75 * (1 / 599 + 1 / 399))


def test_what_is_known_before_takes_out_noise_and_leaves_the_effect() -> None:
    chance = np.random.default_rng(2)
    past = chance.normal(size=4_000)
    helped = chance.random(4_000) < 0.5
    values = 3 * past + 0.5 * helped + chance.normal(size=4_000)
    share, cluster = np.full(4_000, 0.5), np.arange(4_000)
    plain = difference(values, helped, share, cluster, _none(4_000))
    adjusted = difference(values, helped, share, cluster, past[:, None])
    assert adjusted.variance_left == pytest.approx(0.1, abs=0.02)
    assert abs(adjusted.estimate.value - 0.5) < 0.1
    assert adjusted.estimate.error < 0.4 * plain.estimate.error


def test_two_copies_of_everybody_are_no_evidence() -> None:
    chance = np.random.default_rng(3)
    values, helped = chance.normal(size=300), chance.random(300) < 0.5
    once = difference(values, helped, np.full(300, 0.5), np.arange(300), _none(300)).estimate
    twice = difference(
        np.tile(values, 2), np.tile(helped, 2), np.full(600, 0.5), np.tile(np.arange(300), 2),
        _none(600),
    ).estimate  # fmt: skip
    assert twice.value == pytest.approx(once.value)
    assert twice.error == pytest.approx(once.error, rel=1e-6)


def test_a_holdout_that_grew_does_not_pass_for_an_effect() -> None:
    """Later ones are held out more often and buy more: the plain difference is negative."""
    chance = np.random.default_rng(4)
    late = np.arange(20_000) >= 10_000
    share = np.where(late, 0.5, 0.95)
    helped = chance.random(20_000) < share
    values = (chance.random(20_000) < np.where(late, 0.6, 0.2)).astype(np.float64)
    assert values[helped].mean() - values[~helped].mean() < -0.1
    found = difference(values, helped, share, np.arange(20_000), _none(20_000)).estimate
    assert abs(found.value) < 3 * found.error
    assert found.error < 0.011


def test_nothing_varies() -> None:
    values = np.ones(300)
    found = difference(
        values, np.arange(300) < 150, np.full(300, 0.5), np.arange(300), _none(300)
    ).estimate
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_share_that_only_one_side_has_met_is_left_out() -> None:
    share = np.full(100, 0.5)
    share[:3] = 0.9
    helped = np.arange(100) % 2 == 0
    helped[:3] = True
    counted = comparable(helped, share, np.arange(100))
    assert counted.tolist() == [False] * 3 + [True] * 97
    values = np.arange(100, dtype=np.float64)
    found = difference(values[counted], helped[counted], share[counted], np.arange(97), _none(97))
    assert np.isfinite(found.estimate.low)
    assert np.isfinite(found.estimate.high)
    # One person's many visits are one case, and no side of their own.
    assert not comparable(helped, np.full(100, 0.5), np.zeros(100, dtype=np.int64)).any()
