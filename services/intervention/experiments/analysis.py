"""From what units did to a report: every metric of every arm, with its intervals."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.contrast import Contrast, contrast
from services.intervention.experiments.observed import Observed
from services.intervention.experiments.statistics import multiple, power, sample_ratio
from services.intervention.experiments.statistics.moments import Interval

_DAY_MS = 86_400_000
_RATE_DAYS = 14
_LEAST_EXPECTED = 5.0
"""Units in an arm, below which chi-squared says nothing."""


class Comparison(msgspec.Struct, frozen=True):
    """An arm against the control by one metric. Figures that are not known are null."""

    metric: str
    role: str
    better: str
    variant: str
    units: tuple[int, int]
    control: float | None
    treated: float | None
    difference: float | None
    low: float | None
    """Of the interval that counts, by the plan's inference; null where it says nothing yet."""
    high: float | None
    p: float | None
    q: float | None
    """Benjamini and Hochberg's, over all comparisons but the primary metric's."""
    always: tuple[float, float] | None
    once: tuple[float, float] | None
    harmed: bool
    """Worse by more than the tolerance, at every look."""
    cap: float | None
    variance_left: float | None

    @property
    def good(self) -> bool:
        """The interval lies on the better side."""
        return self._beyond(1 if self.better == "higher" else -1)

    @property
    def bad(self) -> bool:
        """The interval lies on the worse side."""
        return self._beyond(-1 if self.better == "higher" else 1)

    def _beyond(self, side: int) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > 0 if side > 0 else self.high < 0


class Report(msgspec.Struct, frozen=True):
    """All figures of an experiment at one time."""

    experiment: str
    version: str
    at_ms: int
    variants: tuple[str, ...]
    units: tuple[int, ...]
    """By variant: settled ones, which are those that count."""
    waiting: int
    """Exposed, and not settled yet."""
    expected: tuple[float, ...]
    sample_ratio_p: float | None
    days: float
    units_per_day: float
    needed_units: int | None
    """Of all arms, to find an effect of `needed_for` in the primary metric."""
    needed_for: float
    """plan.mde; once that should have shown, the effect that there seems to be."""
    detectable: float | None
    """What one look at the planned units could find."""
    comparisons: tuple[Comparison, ...]


def analyse(trial: Trial, observed: Observed, now_ms: int) -> Report:
    """Compare every arm with the control by every metric."""
    plan = trial.spec.plan
    settled = observed.settled(now_ms, plan.settle_hours)
    contrasts = [
        (arm, contrast(trial, metric, settled, arm))
        for metric in trial.spec.metrics
        for arm in range(1, len(trial.shares))
    ]
    counts = settled.counts(len(trial.shares))
    expected = settled.shares.sum(axis=0)
    days = (now_ms - int(observed.exposed_at_ms[0])) / _DAY_MS if observed.units else 0.0
    primary = [(arm, found) for arm, found in contrasts if found.metric.role == "primary"]
    needs = [_needed(trial, arm, found) for arm, found in primary]
    most = max((need for need in needs if need is not None), default=None)
    return Report(
        trial.name, trial.version, now_ms, trial.names,
        units=tuple(int(count) for count in counts),
        waiting=observed.units - settled.units,
        expected=tuple(float(share) for share in expected),
        sample_ratio_p=float(sample_ratio.sample_ratio_p(counts, expected))
        if expected.min() >= _LEAST_EXPECTED else None,
        days=days,
        units_per_day=_rate(observed, now_ms, days),
        needed_units=None if most is None or None in needs else most[0],
        needed_for=plan.mde if most is None else most[1],
        detectable=max(
            (_detectable(trial, arm, found) for arm, found in primary if found.enough),
            default=None,
        ),
        comparisons=_compared(trial, contrasts),
    )  # fmt: skip


def _needed(trial: Trial, arm: int, found: Contrast) -> tuple[int, float] | None:
    """Units of all arms, and the effect that they find; None: there is no telling yet.

    Sequential intervals may not have found the plan's effect by then, since its power is not 1:
    then it is asked for with more, and at last for what the effect seems to be.
    """
    if not found.enough:
        return None
    plan, design, share = trial.spec.plan, _design(trial, found), _share(trial, arm)
    alpha = multiple.each_of(plan.alpha, len(trial.shares) - 1)
    if plan.inference == "fixed":
        return math.ceil(power.units_fixed(design, plan.mde, alpha, plan.power) / share), plan.mde
    seems = max(abs(float(found.difference.estimate)), 1e-3 * plan.mde)
    have = found.progress * plan.units * share
    asked = ((plan.mde, plan.power), (plan.mde, 0.95), (plan.mde, 0.99), (seems, 0.5))
    units, effect = 0.0, plan.mde
    for effect, strength in asked:
        units = power.units_sequential(design, effect, alpha, strength, plan.units * share)
        if units > have:
            break
    return math.ceil(units / share), effect


def _compared(trial: Trial, contrasts: list[tuple[int, Contrast]]) -> tuple[Comparison, ...]:
    plan, arms = trial.spec.plan, len(trial.shares) - 1
    watched = sum(metric.role != "secondary" for metric in trial.spec.metrics)
    alpha = multiple.each_of(plan.alpha, arms)
    harm_alpha = multiple.each_of(plan.alpha, arms * watched)
    intervals: list[tuple[Interval, Interval]] = [
        (found.always(alpha), found.once(alpha)) for _, found in contrasts
    ]
    counting = [pair[0] if plan.inference == "sequential" else pair[1] for pair in intervals]
    others = [
        np.nan if found.metric.role == "primary" else float(interval.p)
        for (_, found), interval in zip(contrasts, counting, strict=True)
    ]
    q = multiple.false_discovery(np.array(others))
    return tuple(
        Comparison(
            found.metric.name, found.metric.role, found.metric.better, trial.names[arm],
            units=(int(found.control.n), int(found.treated.n)),
            control=_known(found.control.mean),
            treated=_known(found.treated.mean),
            difference=_known(found.difference.estimate),
            low=_known(counts.low), high=_known(counts.high), p=_known(counts.p), q=_known(one_q),
            always=_pair(always), once=_pair(once),
            harmed=found.metric.role != "secondary" and _harmed(found, harm_alpha),
            cap=found.cap, variance_left=found.variance_left,
        )
        for (arm, found), (always, once), counts, one_q in zip(
            contrasts, intervals, counting, q, strict=True
        )
    )  # fmt: skip


def _harmed(found: Contrast, alpha: float) -> bool:
    interval = found.always(alpha)
    if found.metric.better == "higher":
        return bool(interval.high < -found.metric.tolerance)
    return bool(interval.low > found.metric.tolerance)


def _design(trial: Trial, found: Contrast) -> power.Design:
    """As the difference's error has it now, CUPED and weights included, in equal parts."""
    units = float(found.control.n + found.treated.n)
    if trial.spec.adaptive is not None:
        units = found.progress * trial.spec.plan.units
    variance = float(found.difference.error) ** 2 * units / 4
    return power.Design((variance, variance))


def _share(trial: Trial, arm: int) -> float:
    """The units that bear on a comparison, of all; weighed ones bear on every one."""
    return 1.0 if trial.spec.adaptive is not None else trial.shares[0] + trial.shares[arm]


def _detectable(trial: Trial, arm: int, found: Contrast) -> float:
    plan = trial.spec.plan
    alpha = multiple.each_of(plan.alpha, len(trial.shares) - 1)
    units = plan.units * _share(trial, arm)
    return power.detectable(_design(trial, found), units, alpha, plan.power)


def _rate(observed: Observed, now_ms: int, days: float) -> float:
    """Units a day, of late."""
    window = min(days, float(_RATE_DAYS))
    if window <= 0:
        return 0.0
    recent = observed.exposed_at_ms >= now_ms - window * _DAY_MS
    return float(np.count_nonzero(recent)) / max(window, 1.0)


def _known(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else None


def _pair(interval: Interval) -> tuple[float, float] | None:
    low, high = _known(interval.low), _known(interval.high)
    return None if low is None or high is None else (low, high)
