"""Intervals that hold at every look at once, so that anybody may look and stop at any time.

An asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), 2024
(arXiv:2103.06476), theorem 2.2. Its boundary is Robbins' normal mixture (1970); the p-value that
goes with it is that of the mSPRT, Johari, Koomen, Pekelis & Walsh, "Always Valid Inference",
Operations Research 70(3), 2022.

With n of N planned units, and eta = c n / N:

    estimate +- error sqrt((1 + 1/eta) (2 log(1/alpha) + log(1 + eta)))

c makes it narrowest at N; N is set beforehand, or the promise is void. "Asymptotic": it needs a few
units before the first look, see MIN_UNITS and MIN_EVENTS.
"""

from __future__ import annotations

import numpy as np

from services.intervention.experiments.statistics.moments import Difference, Floats, Interval

MIN_UNITS = 100
"""In each arm, before an interval says anything."""
MIN_EVENTS = 20
"""Units of both arms together that did it, and that did not, where did or not is all there is."""


def tuning(alpha: float) -> float:
    """c: near the planned size the interval is narrowest (their equation 71)."""
    log = -2.0 * np.log(alpha)
    return float(log + np.log(log + 1.0))


def widening(progress: Floats | float, alpha: float) -> Floats:
    """How many standard errors the interval reaches to each side.

    Args:
        progress: units so far by units planned.
    """
    eta = tuning(alpha) * np.asarray(progress, dtype=np.float64)
    errors: Floats = np.sqrt((1.0 + 1.0 / eta) * (2.0 * np.log(1.0 / alpha) + np.log1p(eta)))
    return errors


def always(difference: Difference, progress: Floats | float, alpha: float) -> Interval:
    """The interval, and the p-value at this look."""
    half = difference.error * widening(progress, alpha)
    eta = tuning(alpha) * np.asarray(progress, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z2 = (difference.estimate / difference.error) ** 2
        p = np.minimum(1.0, np.sqrt(1.0 + eta) * np.exp(-0.5 * z2 * eta / (1.0 + eta)))
    return Interval(difference.estimate - half, difference.estimate + half, p)
