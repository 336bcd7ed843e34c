"""The primary metric's interval as it was at each of many looks: what the chart draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.contrast import contrast
from services.intervention.experiments.observed import Observed
from services.intervention.experiments.statistics.multiple import each_of

LOOKS = 150


@dataclass(frozen=True, slots=True)
class Look:
    """An interval at one time."""

    at_ms: int
    units: int
    estimate: float
    low: float
    high: float


def looks(trial: Trial, observed: Observed, arm: int, *, count: int = LOOKS) -> list[Look]:
    """The always-valid interval over time; looks with too few units for one are left out.

    What a unit did later counts from its first exposure on: this is the experiment as it stands,
    cut by exposure, not what somebody saw that day.
    """
    alpha = each_of(trial.spec.plan.alpha, len(trial.shares) - 1)
    sizes = np.unique(np.linspace(0, observed.units, count + 1, dtype=np.int64)[1:])
    found: list[Look] = []
    for size in sizes:
        seen = observed.first(int(size))
        now = contrast(trial, trial.primary, seen, arm)
        if now.enough:
            interval = now.always(alpha)
            found.append(
                Look(
                    int(seen.exposed_at_ms[-1]), int(size), float(now.difference.estimate),
                    float(interval.low), float(interval.high),
                )
            )  # fmt: skip
    return found
