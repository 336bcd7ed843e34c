"""How long an experiment takes, before the first unit comes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.statistics import multiple, power


class PlanError(ValueError):
    """It cannot be planned; the message names the option and the mend."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The figures."""

    name: str
    inference: str
    mde: float
    units: int
    """Of all arms."""
    days: int
    planned_units: int
    detectable: float
    """What one look at the planned units finds."""
    min_days: int
    max_days: int

    def as_json(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "units": self.units,
            "days": self.days,
            "planned_units": self.planned_units,
            "detectable": self.detectable,
        }

    def text(self) -> str:
        """The same for people."""
        lines = [
            f"{self.name}: to find an effect of {self.mde:g} takes {self.units:,} units,"
            f" about {self.days:,} days ({self.inference})",
            f"one look at the planned {self.planned_units:,} units finds {self.detectable:.3g}"
            " or more",
        ]
        if self.days > self.max_days:
            lines.append(
                f'that is more than plan.max_days, {self.max_days}: it would end as "cannot tell"'
            )
        if not 0.5 < self.units / self.planned_units < 2:
            lines.append(f"set plan.units near {self.units:,}: there intervals are narrowest")
        return "\n".join(lines)


def planned(trial: Trial, *, baseline: float, spread: float | None, per_day: float) -> Planned:
    """Plan by the primary metric.

    Raises:
        PlanError: an option makes no sense.
    """
    plan, metric = trial.spec.plan, trial.primary
    if metric.kind == "proportion":
        if not 0 < baseline < 1 or spread is not None:
            raise PlanError(
                f"{metric.name} is a proportion: --baseline between 0 and 1, no --spread"
            )
        treated = min(max(baseline + plan.mde, 0.0), 1.0)
        variances = baseline * (1 - baseline), treated * (1 - treated)
    elif spread is None or spread <= 0:
        raise PlanError(
            f"{metric.name} is a {metric.kind}: give its standard deviation as --spread"
        )
    else:
        variances = spread**2, spread**2
    if per_day <= 0:
        raise PlanError("--per-day: expected more than 0")
    alpha = multiple.each_of(plan.alpha, len(trial.shares) - 1)
    smallest = min(trial.shares[1:])
    share = trial.shares[0] + smallest
    design = power.Design(variances, smallest / share)
    if plan.inference == "fixed":
        pair = power.units_fixed(design, plan.mde, alpha, plan.power)
    else:
        pair = power.units_sequential(design, plan.mde, alpha, plan.power, plan.units * share)
    units = math.ceil(pair / share)
    return Planned(
        trial.name, plan.inference, plan.mde, units,
        days=max(plan.min_days, math.ceil(units / per_day)),
        planned_units=plan.units,
        detectable=power.detectable(design, plan.units * share, alpha, plan.power),
        min_days=plan.min_days, max_days=plan.max_days,
    )  # fmt: skip
