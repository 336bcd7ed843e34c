"""From every unit's influence on a figure to the figure's interval."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.accountability.cost.units import Floats, Ints, cluster_sums

_stats: Final[Any] = importlib.import_module("scipy.stats")  # without types


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, how far it may be off, and its interval."""

    value: float
    low: float
    high: float
    error: float
    """The standard error."""
    freedom: float
    """Degrees of freedom of the error."""
    largest_share: float
    """Of the error's square, what the most influential cluster alone makes up."""

    @property
    def p(self) -> float:
        """Against no effect, two-sided."""
        if self.error <= 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * _stats.t.sf(abs(self.value) / self.error, self.freedom))


def from_influence(
    value: float, influence: Floats, cluster: Ints, *, freedom: float, level: float
) -> Estimate:
    """An interval from what each unit adds to the estimate's error.

    Errors of a cluster's units are added up before they are squared, so that ten visits of one
    person count as one person (Liang & Zeger 1986, "Longitudinal Data Analysis Using Generalized
    Linear Models", Biometrika 73(1)). The interval is a t one, wider where there is little.
    """
    sums = cluster_sums(influence, cluster)
    square = float((sums**2).sum())
    error = float(np.sqrt(square))
    freedom = max(freedom, 1.0)
    half = float(_stats.t.ppf((1 + level) / 2, freedom)) * error
    largest = float((sums**2).max()) / square if square > 0 else 0.0
    return Estimate(value, value - half, value + half, error, freedom, largest)
