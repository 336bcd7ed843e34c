"""How strong would an unknown cause have to be?

The E-value: VanderWeele & Ding 2017, "Sensitivity Analysis in Observational Research: Introducing
the E-Value", Annals of Internal Medicine 167(4).
"""

from __future__ import annotations

import math

from services.accountability.cost.estimate import Estimate


def e_value(effect: Estimate, ignored_rate: float) -> float:
    """For the end of the interval that is nearer to no effect; 1: it holds no effect already.

    Args:
        ignored_rate: share of the ignored to whom it went well.
    """
    if effect.low <= 0 <= effect.high:
        return 1.0
    nearest = effect.low if effect.low > 0 else effect.high
    treated = min(max(ignored_rate + nearest, 1e-6), 1.0)
    ratio = treated / max(ignored_rate, 1e-6)
    ratio = max(ratio, 1 / ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))
