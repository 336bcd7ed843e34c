"""Intervals for one look, at a size that was set beforehand. Looking again breaks their promise."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from services.intervention.experiments.statistics.moments import (
    Difference,
    Floats,
    Interval,
    stats,
)


def welch(difference: Difference, alpha: float) -> Interval:
    """Welch's t interval: arms may differ in variance and in size."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = stats.t.ppf(1 - alpha / 2, difference.freedom) * difference.error
        p = 2 * stats.t.sf(np.abs(difference.estimate) / difference.error, difference.freedom)
    return Interval(difference.estimate - half, difference.estimate + half, np.asarray(p))


def proportions(did: tuple[Floats, Floats], of: tuple[Floats, Floats], alpha: float) -> Interval:
    """Agresti and Caffo's interval for two proportions; control first.

    Agresti & Caffo (2000), The American Statistician 54(4): good from a few units on, where the
    textbook interval is too narrow.
    """
    # Only here: statsmodels takes a second to import.
    proportion: Any = importlib.import_module("statsmodels.stats.proportion")
    asked = (did[1], of[1], did[0], of[0])
    low, high = proportion.confint_proportions_2indep(
        *asked, method="agresti-caffo", compare="diff", alpha=alpha
    )
    found = proportion.test_proportions_2indep(*asked, method="agresti-caffo", compare="diff")
    return Interval(np.asarray(low), np.asarray(high), np.asarray(found.pvalue))
