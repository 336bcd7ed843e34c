"""What another policy would have earned, from what this one did and logged.

Each unit's reward is weighed by how much more often the other policy would have chosen the arm that
it got: inverse propensity scoring (Horvitz & Thompson 1952). A guess of the rewards takes out most
of the noise and is corrected by the same weights: doubly robust (Dudik, Langford & Li, ICML 2011).
Valid for shares that followed the results too, as each was logged when it was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.intervention.experiments.statistics.moments import Floats, Ints, stats


@dataclass(frozen=True, slots=True)
class Worth:
    """Mean reward a unit, with its interval and how many units' worth of evidence there is."""

    estimate: float
    low: float
    high: float
    effective_units: float
    """Kish's: (sum of weights)^2 / sum of squares. Few: the policies hardly overlap."""


def inverse_propensity(
    reward: Floats, arm: Ints, logged: Floats, target: Floats, *, alpha: float = 0.05
) -> Worth:
    """The worth of a policy.

    Args:
        arm: the arm of each unit.
        logged: the propensity with which it was drawn.
        target: what the other policy gives each unit, a column an arm.
    """
    weight = np.take_along_axis(target, arm[:, None], axis=1)[:, 0] / logged
    return _worth(weight * reward, weight, alpha)


def doubly_robust(
    reward: Floats, arm: Ints, logged: Floats, target: Floats, guess: Floats, *, alpha: float = 0.05
) -> Worth:
    """The worth of a policy, with a guess of each unit's reward under each arm.

    However bad the guess, the answer is right; the better it is, the narrower the interval. The
    guess must not have been fitted to the same units.
    """
    weight = np.take_along_axis(target, arm[:, None], axis=1)[:, 0] / logged
    of_arm = np.take_along_axis(guess, arm[:, None], axis=1)[:, 0]
    return _worth((target * guess).sum(axis=1) + weight * (reward - of_arm), weight, alpha)


def _worth(scores: Floats, weight: Floats, alpha: float) -> Worth:
    mean = float(scores.mean())
    half = float(stats.norm.ppf(1 - alpha / 2) * scores.std(ddof=1) / np.sqrt(scores.size))
    squares = float((weight**2).sum())
    effective = float(weight.sum()) ** 2 / squares if squares else 0.0
    return Worth(mean, mean - half, mean + half, effective)
