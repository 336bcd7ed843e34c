"""Chance decided who was left alone: the difference of means, adjusted, with its interval.

The estimand is the effect of helping (the offer of it, whether or not anybody took it up) on all
who met the holdout: the mean of those helped less the mean of those left alone.

Adjusting takes out what was known before: CUPED (Deng, Xu, Kohavi & Walker 2013, WSDM) with several
columns, which is regression adjustment (Lin 2013, "Agnostic Notes on Regression Adjustments to
Experimental Data", Annals of Applied Statistics 7(1)). It changes the noise, not the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.accountability.cost.estimate import Estimate, from_influence
from services.accountability.cost.units import Bools, Floats, Ints, cluster_count

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """What helping does, and what the adjustment left of the noise."""

    estimate: Estimate
    variance_left: float
    """After adjusting, of the variance before; 1: nothing was known."""


def comparable(helped: Bools, share: Floats, cluster: Ints) -> Bools:
    """Those who met a chance by which at least two clusters were dealt to each side.

    Where a share changed a moment ago only one side may have met the new one: nothing tells what
    the other would have done, and a mean of nobody is no number.
    """
    found = np.zeros(helped.size, dtype=np.bool_)
    for chance in np.unique(share):
        here = share == chance
        sides = [cluster_count(cluster[here & arm]) for arm in (helped, ~helped)]
        found |= here & (min(sides) >= _FEWEST)
    return found


def difference(
    values: Floats,
    helped: Bools,
    share: Floats,
    cluster: Ints,
    known: Floats,
    *,
    level: float = 0.95,
) -> Difference:
    """Helped less left alone.

    Args:
        share: each unit's chance of being helped. Where it changed over time, units are compared
            within the same chance only, and the differences are weighed by how many met it.
        known: what was known before, a column each; may have none.
    """
    strata = np.unique(share, return_inverse=True)[1]
    adjusted = _adjust(values, helped, strata, known)
    some = values != 0
    value, influence, freedom = _means(adjusted, some, helped, strata, cluster)
    # Slopes fitted to few units take out noise that is there.
    influence *= np.sqrt(values.size / max(values.size - known.shape[1], 1))
    _, plain, _ = _means(values, some, helped, strata, cluster)
    left = _ratio(float((influence**2).sum()), float((plain**2).sum()))
    return Difference(from_influence(value, influence, cluster, freedom=freedom, level=level), left)


def _means(
    values: Floats, some: Bools, helped: Bools, strata: Ints, cluster: Ints
) -> tuple[float, Floats, float]:
    """The difference, each unit's influence on it, and degrees of freedom by Satterthwaite."""
    value, parts = 0.0, list[tuple[float, int]]()
    influence = np.zeros(values.size)
    for stratum in range(int(strata.max(initial=-1)) + 1):
        weight = float((strata == stratum).mean())
        for arm, sign in ((helped, 1.0), (~helped, -1.0)):
            mask = (strata == stratum) & arm
            n, groups = int(mask.sum()), cluster_count(cluster[mask])
            mean = float(values[mask].mean())
            value += sign * weight * mean
            # Welch's variance, that of a sample: n - 1, with clusters in the place of units.
            small = np.sqrt(groups / max(groups - 1, 1))
            scatter = _two_part(values, some, mask, strata == stratum)
            influence[mask] = sign * weight * small * scatter * (values[mask] - mean) / n
            parts.append((float((influence[mask] ** 2).sum()), groups))
    total = sum(square for square, _ in parts)
    below = sum(square**2 / max(groups - 1, 1) for square, groups in parts)
    return value, influence, total**2 / below if below > 0 else 1.0


def _two_part(values: Floats, some: Bools, arm: Bools, both: Bools) -> float:
    """By how much an arm's spread is larger than it looks, going by both arms' amounts."""
    own = float(values[arm].var())
    first, second = 0.0, 0.0
    for part in (some, ~some):
        if part[arm].any():
            pooled, of_arm = values[both & part], float(part[arm].mean())
            first += of_arm * float(pooled.mean())
            second += of_arm * float((pooled**2).mean())
    return float(np.sqrt(max(second - first**2, 0.0) / own)) if own > 0 else 1.0


def _adjust(values: Floats, helped: Bools, strata: Ints, known: Floats) -> Floats:
    """Take out what `known` explains, by slopes within arms, so that no effect passes for one."""
    if not known.shape[1]:
        return values
    cell = strata * 2 + helped
    within, rest = _centred(known, cell), _centred(values[:, None], cell)[:, 0]
    slopes = np.linalg.lstsq(within, rest, rcond=None)[0]
    centre = _centred(known, strata)
    adjusted: Floats = values - centre @ slopes
    return adjusted


def _centred(columns: Floats, cell: Ints) -> Floats:
    """Each column less its mean within the cell."""
    counts = np.maximum(np.bincount(cell), 1)
    centred = np.empty_like(columns, dtype=np.float64)
    for place in range(columns.shape[1]):
        means = np.bincount(cell, weights=columns[:, place]) / counts
        centred[:, place] = columns[:, place] - means[cell]
    return centred


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else 1.0
