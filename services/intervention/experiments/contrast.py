"""One metric, one arm against the control: from units to a difference and its intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.document import Metric
from services.intervention.experiments.observed import Observed
from services.intervention.experiments.statistics import cuped, fixed, sequential
from services.intervention.experiments.statistics.moments import (
    Difference,
    Floats,
    Interval,
    Moments,
    capped,
    difference,
    linearised,
    moments,
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """An arm against its control, by one metric."""

    metric: Metric
    control: Moments
    treated: Moments
    difference: Difference
    progress: float
    """Units so far by units planned, of the arms compared."""
    enough: bool
    """Whether there are units and events enough for any interval."""
    events: tuple[float, float] | None
    """Units that did it, control and treated; where did or not is all there is."""
    cap: float | None = None
    variance_left: float | None = None
    """By CUPED, of the metric's own variance."""

    def always(self, alpha: float) -> Interval:
        """The interval that holds at every look."""
        if not self.enough:
            return _NOTHING
        return sequential.always(self.difference, self.progress, alpha)

    def once(self, alpha: float) -> Interval:
        """The interval for one look."""
        if not self.enough:
            return _NOTHING
        if self.events is not None:
            did = np.asarray(self.events[0]), np.asarray(self.events[1])
            return fixed.proportions(did, (self.control.n, self.treated.n), alpha)
        return fixed.welch(self.difference, alpha)


_NOTHING = Interval(np.asarray(-np.inf), np.asarray(np.inf), np.asarray(np.nan))


def contrast(trial: Trial, metric: Metric, observed: Observed, arm: int) -> Contrast:
    """Compare an arm with the control (arm 0) by a metric."""
    if trial.spec.adaptive is not None:
        return _weighed(trial, metric, observed, arm)
    masks = [observed.arm == index for index in (0, arm)]
    did, cap = _did(metric, observed)
    arms = [did[mask] for mask in masks]
    active = sum(float(np.count_nonzero(values)) for values in arms)
    events = None
    if metric.kind == "ratio" and metric.per is not None:
        under = [_column(observed, metric.per)[mask] for mask in masks]
        arms = [linearised(above, below) for above, below in zip(arms, under, strict=True)]
    plain = [moments(values) for values in arms]
    found, left = plain, None
    if metric.cuped:
        past = [observed.before.get(metric.numerator, _unknown(observed))[mask] for mask in masks]
        adjusted, _ = cuped.adjust(arms, past)
        found = [moments(values) for values in adjusted]
        spread = float(plain[0].variance + plain[1].variance)
        left = float(found[0].variance + found[1].variance) / spread if spread > 0 else None
    elif metric.kind == "proportion":
        events = (float(arms[0].sum()), float(arms[1].sum()))
    planned = trial.spec.plan.units * (trial.shares[0] + trial.shares[arm])
    compared = difference(found[0], found[1])
    return Contrast(
        metric, plain[0], plain[1], compared,
        progress=float(plain[0].n + plain[1].n) / planned,
        enough=_enough(metric, plain, active, compared),
        events=events, cap=cap, variance_left=left,
    )  # fmt: skip


def _weighed(trial: Trial, metric: Metric, observed: Observed, arm: int) -> Contrast:
    """Where shares followed the results: each unit weighed by the chance it had of its arm.

    A plain difference of means is biased then. Every unit gives a score of which the mean is the
    difference, whatever the shares were, as long as they were drawn before the unit was seen.
    """
    values, cap = _did(metric, observed)
    signs = np.where(observed.arm == arm, 1.0, 0.0) - np.where(observed.arm == 0, 1.0, 0.0)
    chance = np.take_along_axis(observed.shares, observed.arm[:, None], axis=1)[:, 0]
    # About the mean of all: the difference is the same, the noise is less.
    scores = signs / chance * (values - (values.mean() if values.size else 0.0))
    of = moments(scores)
    found = Difference(of.mean, np.sqrt(of.variance / of.n), of.n - 1)
    arms = [moments(values[observed.arm == index]) for index in (0, arm)]
    active = float(np.count_nonzero(values[signs != 0]))
    return Contrast(
        metric, arms[0], arms[1], found,
        progress=observed.units / trial.spec.plan.units,
        enough=_enough(metric, arms, active, found),
        events=None, cap=cap,
    )  # fmt: skip


def _enough(metric: Metric, arms: list[Moments], active: float, found: Difference) -> bool:
    units = float(arms[0].n + arms[1].n)
    idle = units - active if metric.kind == "proportion" else np.inf
    return bool(
        min(arms[0].n, arms[1].n) >= sequential.MIN_UNITS
        and min(active, idle) >= sequential.MIN_EVENTS
        and found.error > 0
    )


def _did(metric: Metric, observed: Observed) -> tuple[Floats, float | None]:
    """What every unit counts for, and the cap."""
    values = _column(observed, metric.numerator)
    if metric.kind == "proportion":
        return (values > 0).astype(np.float64), None
    return capped(values, cap=metric.cap, quantile=metric.cap_quantile)


def _column(observed: Observed, name: str) -> Floats:
    """An observation; one that nobody ever made is 0 for all."""
    return observed.values.get(name, np.zeros(observed.units))


def _unknown(observed: Observed) -> Floats:
    return np.full(observed.units, np.nan)
