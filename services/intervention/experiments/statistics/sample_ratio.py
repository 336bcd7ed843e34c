"""Sample ratio mismatch: are there as many units in each arm as were meant to be?

Fabijan et al. (2019), "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD. A
mismatch says that units were lost or gained by arm, so their difference is no effect of the arm.
"""

from __future__ import annotations

import numpy as np

from services.intervention.experiments.statistics.moments import Floats, stats

ALPHA = 0.001
"""Low, because it is looked at often, and because it throws the experiment away."""


def sample_ratio_p(counts: Floats, expected: Floats) -> Floats:
    """The p-value of a chi-squared test over the last axis; `expected` in units or in shares."""
    total = counts.sum(axis=-1, keepdims=True)
    scaled = expected / expected.sum(axis=-1, keepdims=True) * total
    return np.asarray(stats.chisquare(counts, scaled, axis=-1).pvalue)
