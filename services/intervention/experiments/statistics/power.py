"""How many units it takes, and what can be found with those that are there."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

from services.intervention.experiments.statistics.moments import stats
from services.intervention.experiments.statistics.sequential import widening


@dataclass(frozen=True, slots=True)
class Design:
    """Two arms as they are compared: variance of one unit in each, and the treated share."""

    variances: tuple[float, float]
    treated_share: float = 0.5

    def error(self, units: float) -> float:
        """The standard error of the difference with so many units in both arms."""
        control, treated = self.variances
        share = self.treated_share
        return math.sqrt(control / (units * (1 - share)) + treated / (units * share))


def units_fixed(design: Design, mde: float, alpha: float, power: float) -> float:
    """Units in both arms together, for one look at the end."""
    # Only here: statsmodels takes a second to import.
    of_power: Any = importlib.import_module("statsmodels.stats.power")
    ratio = design.treated_share / (1 - design.treated_share)
    # One standard deviation for both arms, such that the error is that of the two.
    spread = design.error(1.0) / math.sqrt(
        1 / (1 - design.treated_share) + 1 / design.treated_share
    )
    if spread == 0:
        return 0.0
    control = of_power.NormalIndPower().solve_power(
        effect_size=mde / spread, nobs1=None, alpha=alpha, power=power, ratio=ratio
    )
    return float(control) * (1 + ratio)


def units_sequential(
    design: Design, mde: float, alpha: float, power: float, planned: float
) -> float:
    """Units in both arms together until a sequential interval leaves out 0 with that power.

    The power at that very look; having looked before only adds to it.
    """
    optimize: Any = importlib.import_module("scipy.optimize")
    quantile = float(stats.norm.ppf(power))

    def lacking(log_units: float) -> float:
        units = math.exp(log_units)
        reach = float(widening(units / planned, alpha)) + quantile
        return reach * design.error(units) - mde

    if design.error(1.0) == 0:
        return 0.0
    low, high = 0.0, 10.0
    while lacking(high) > 0:
        high += 5.0
    return math.exp(float(optimize.brentq(lacking, low, high))) if lacking(low) > 0 else 1.0


def detectable(design: Design, units: float, alpha: float, power: float) -> float:
    """The smallest effect that one look at so many units finds with that power."""
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) * design.error(units)
