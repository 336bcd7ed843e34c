"""Thompson sampling by its probabilities, so that each is exactly known and can be logged.

Thompson (1933): give an arm the share that it has the chance to be best. Drawing from the
posteriors and taking the best does that; here the chance itself is computed, and the unit's hash
draws the arm. The two are the same, but this one is deterministic and its propensity is a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from services.intervention.experiments.statistics.moments import Floats, Moments, stats

_NODES = 200


def posterior(arm: Moments, kind: Literal["proportion", "mean"]) -> Any:
    """What is believed of an arm's mean: Beta(1 + did, 1 + did not), or Student's t around it."""
    n, mean = float(arm.n), float(arm.mean)
    if kind == "proportion":
        return stats.beta(1.0 + n * mean, 1.0 + n * (1.0 - mean))
    return stats.t(max(n - 1.0, 1.0), loc=mean, scale=np.sqrt(float(arm.variance) / n))


def chances_to_be_best(posteriors: Sequence[Any], *, higher: bool = True) -> Floats:
    """Each arm's chance that its mean is the best of all."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # Crowded at both ends: where one arm is far ahead, all that matters is in the others' tails.
    u = (nodes + 1) / 2
    part, weight = u * u * (3 - 2 * u), weights / 2 * 6 * u * (1 - u)
    chances: list[float] = []
    for index, one in enumerate(posteriors):
        at = one.ppf(part)
        beaten = np.ones_like(at)
        for other in (*posteriors[:index], *posteriors[index + 1 :]):
            beaten = beaten * (other.cdf(at) if higher else other.sf(at))
        chances.append(float(np.sum(weight * beaten)))
    found: Floats = np.clip(np.array(chances), 0.0, 1.0)
    total: Floats = found / found.sum()
    return total


def shares(chances: Floats, floor: float) -> tuple[float, ...]:
    """The chances with none below the floor; what the raised ones take, the others give in part."""
    low = chances < floor
    while True:
        room = 1.0 - floor * low.sum()
        scaled = np.where(low, floor, chances / chances[~low].sum() * room)
        below = scaled < floor - 1e-12
        if not below.any():
            return tuple(float(share) for share in scaled)
        low = low | below
