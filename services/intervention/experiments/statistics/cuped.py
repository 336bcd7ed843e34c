"""CUPED: take out of a metric what was known before the experiment.

Deng, Xu, Kohavi & Walker (2013), "Improving the Sensitivity of Online Controlled Experiments by
Utilizing Pre-Experiment Data", WSDM. With correlation rho between before and after, the variance
falls to 1 - rho^2 of what it was; the difference that is estimated stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.intervention.experiments.statistics.moments import Floats


def adjust(values: Sequence[Floats], before: Sequence[Floats]) -> tuple[list[Floats], Floats]:
    """The arms' values adjusted, and theta.

    Units without a past (NaN) are left as they are; theta is of those with one. It is the arms'
    own regression pooled, so that a difference between arms never passes for a slope.
    """
    known = [~np.isnan(past) for past in before]
    n = sum(np.sum(mask, axis=-1, keepdims=True) for mask in known)
    filled = [np.where(mask, past, 0.0) for mask, past in zip(known, before, strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = sum(np.sum(past, axis=-1, keepdims=True) for past in filled) / n
        joint, spread = 0.0, 0.0
        for arm, past, mask in zip(values, filled, known, strict=True):
            some = np.maximum(np.sum(mask, axis=-1, keepdims=True), 1)
            off = np.where(mask, past - np.sum(past, axis=-1, keepdims=True) / some, 0.0)
            joint = joint + np.sum(off * arm, axis=-1, keepdims=True)
            spread = spread + np.sum(off * off, axis=-1, keepdims=True)
        theta: Floats = np.where(np.asarray(spread) > 0, joint / np.asarray(spread), 0.0)
    adjusted = [
        arm - np.where(mask, theta * (past - centre), 0.0)
        for arm, past, mask in zip(values, filled, known, strict=True)
    ]
    return adjusted, theta[..., 0]
