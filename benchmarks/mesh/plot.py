"""A run as a chart: latency over time, its distribution, and who took the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.mesh.report import Figures
    from benchmarks.mesh.run import Timeline

_SERIES: Final = (("ack", "#2563eb"), ("verdict", "#d97706"))
_SHARES: Final = 1 - np.logspace(0, -4, 200)
_SMALLEST_CORES: Final = 0.01


def draw(timeline: Timeline, figures: Figures, path: Path) -> None:
    """Write the chart of a run."""
    figure, (over_time, spread, cores) = plt.subplots(1, 3, figsize=(16, 4.6), layout="constrained")
    _over_time(over_time, timeline)
    _spread(spread, timeline)
    _cores(cores, figures.cores)
    figure.suptitle(
        f"{figures.sessions:,} sessions, {figures.frames_per_s:,} frames/s, "
        f"{figures.events_per_s:,} events/s on this machine, generators included"
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _over_time(axes: Any, timeline: Timeline) -> None:
    for name, color in _SERIES:
        samples = timeline.samples[name]
        seconds = (samples[:, 0] / 1000 - timeline.start).astype(int)
        at = np.unique(seconds)
        for share, style in ((50, ":"), (99, "-")):
            values = [np.percentile(samples[seconds == second, 1], share) for second in at]
            axes.plot(at, values, style, color=color, label=f"{name} p{share}")
    axes.set(yscale="log", xlabel="seconds", ylabel="ms", title="Latency, second by second")
    axes.legend(frameon=False)


def _spread(axes: Any, timeline: Timeline) -> None:
    for name, color in _SERIES:
        values = timeline.samples[name][:, 1]
        if len(values):
            axes.plot(1 / (1 - _SHARES), np.quantile(values, _SHARES), color=color, label=name)
    axes.set(xscale="log", yscale="log", ylabel="ms", title="Latency by percentile")
    axes.set_xticks([1, 10, 100, 1_000, 10_000], ["0", "90", "99", "99.9", "99.99"])
    axes.legend(frameon=False)


def _cores(axes: Any, taken: dict[str, float]) -> None:
    shown = sorted((value, name) for name, value in taken.items() if value >= _SMALLEST_CORES)
    axes.barh([name for _, name in shown], [value for value, _ in shown], color="#0f766e")
    axes.set(xlabel="cores", title="Processor by process")
