"""Many comparisons at once."""

from __future__ import annotations

import numpy as np

from services.intervention.experiments.statistics.moments import Floats, stats


def false_discovery(p: Floats) -> Floats:
    """Benjamini and Hochberg's q-values (1995, JRSS B 57).

    Of all that is called an effect at q, at most a share q is none, in the mean. It holds for
    metrics that go together too (Benjamini & Yekutieli 2001), as metrics of one experiment do.
    p-values that are none (NaN: nothing to compare) stay so and are not counted.
    """
    q = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known], method="bh")
    return q


def each_of(alpha: float, comparisons: int) -> float:
    """Bonferroni's share of alpha: no error at all in any of them, but for alpha."""
    return alpha / max(comparisons, 1)
