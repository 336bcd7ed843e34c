"""The chart of a report: the primary metric's always-valid interval, as it narrowed over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from services.intervention.experiments.sequence import Look, looks

if TYPE_CHECKING:
    from pathlib import Path

    from services.intervention.experiments.checks import Trial
    from services.intervention.experiments.observed import Observed
    from services.intervention.experiments.verdict import Verdict

_COLOURS: Final = ("#1f5fa8", "#c0504d", "#4f7f3a", "#7a5195", "#b07d2b")
_SHOWN: Final = 3.0
"""Times the last interval's reach: the first ones are many times as wide."""


def draw(path: Path, trial: Trial, observed: Observed, verdict: Verdict) -> None:
    """Write the PNG; a panel for each arm but the control."""
    from matplotlib.figure import Figure

    arms = range(1, len(trial.names))
    figure: Any = Figure(figsize=(8.0, 4.0 * len(arms) + 0.6), layout="constrained")
    panels: Any = figure.subplots(len(arms), 1, squeeze=False, sharex=True)
    for arm, axes in zip(arms, panels[:, 0], strict=True):
        _panel(axes, trial, arm, looks(trial, observed, arm), observed.units)
    figure.suptitle(f"{trial.name}: {verdict.text}", fontsize=12, fontweight="bold")
    figure.savefig(path, dpi=120)


def _panel(axes: Any, trial: Trial, arm: int, found: list[Look], units: int) -> None:
    metric, plan = trial.primary, trial.spec.plan
    better = "above" if metric.better == "higher" else "below"
    axes.set_title(
        f"{trial.names[arm]} less {trial.names[0]}: {metric.name}, better {better} 0", fontsize=10
    )
    axes.set_ylabel(f"difference in {metric.name}")
    axes.set_xlabel("units exposed")
    axes.grid(color="#e6e6e6", linewidth=0.6)
    if not found:
        axes.text(0.5, 0.5, "too few units for an interval", ha="center", transform=axes.transAxes)
        return
    colour = _COLOURS[(arm - 1) % len(_COLOURS)]
    at = [look.units for look in found]
    alpha = 100 * (1 - plan.alpha / (len(trial.names) - 1))
    axes.axhline(0, color="#404040", linewidth=1.2)
    for effect in (-plan.mde, plan.mde):
        axes.axhline(effect, color="#808080", linewidth=0.9, linestyle=(0, (5, 4)))
    axes.fill_between(
        at, [look.low for look in found], [look.high for look in found], color=colour, alpha=0.22,
        label=f"{alpha:.4g} % at every look at once", linewidth=0,
    )  # fmt: skip
    axes.plot(at, [look.estimate for look in found], color=colour, linewidth=1.8, label="estimate")
    axes.plot(
        [], [], color="#808080", linewidth=0.9, linestyle=(0, (5, 4)),
        label=f"smallest effect worth finding, ±{plan.mde:g}",
    )  # fmt: skip
    last = found[-1]
    reach = max(_SHOWN * (last.high - last.low) / 2, 1.5 * plan.mde, abs(last.estimate) * 1.5)
    axes.set_ylim(-reach + min(last.estimate, 0), reach + max(last.estimate, 0))
    axes.set_xlim(0, units * 1.02)
    axes.legend(loc="upper right", fontsize=8, framealpha=0.95)
    _dates(axes, found)


def _dates(axes: Any, found: list[Look]) -> None:
    """Days along the top, where units do not come evenly the two differ."""
    marks = [found[round(part * (len(found) - 1))] for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    marks = list({look.units: look for look in marks}.values())
    above: Any = axes.secondary_xaxis("top")
    above.set_ticks(
        [look.units for look in marks],
        [datetime.fromtimestamp(look.at_ms / 1000, UTC).strftime("%d %b") for look in marks],
    )
    above.tick_params(labelsize=8, colors="#606060")
