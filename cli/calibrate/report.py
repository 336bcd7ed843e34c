"""What a calibration came to, for people: calibration.md and calibration.png."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.calibrate.fit import SOLID, Fit, Reliability
from hotpath.calibration import Platt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hotpath.calibration import Calibration

_HEAD: Final = """\
# Calibration: {source}

A confidence is calibrated when it keeps its promise: of the emotions said with 70 %, 70 % are
right. *Before* is what the models said until now; *after* is what they say with `models/` beside
this file, measured on labels that the fit had not seen (five folds). ECE is the mean gap between
confidence and share right, Brier the mean squared error of the confidence: the lower the better.

![Share right by confidence, before and after](calibration.png)
"""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _rows(name: str, found: Reliability) -> list[str]:
    return [
        f"| {name} | {_percent(b.low)} to {_percent(b.high)} | {b.n} | {_percent(b.confidence)}"
        f" | {_percent(b.right)} |"
        for b in found.bins
    ]


def _formula(calibration: Calibration) -> str:
    if isinstance(calibration, Platt):
        return f"confidence = sigmoid({calibration.slope:g} * log-odds + {calibration.intercept:g})"
    points = ", ".join(f"{score / 10:g} → {percent} %" for score, percent in calibration.points)
    return f"confidence by log-odds, straight lines between: {points}"


def _section(fitted: Fit) -> list[str]:
    before, after = fitted.before, fitted.after
    lines = [
        f"## {fitted.emotion.capitalize()}: {fitted.n} labels",
        "",
        _formula(fitted.calibration),
        "",
    ]
    if fitted.n < SOLID:
        lines += [f"**Provisional**: fewer than {SOLID} labels. Expect it to move.", ""]
    if after.brier > before.brier:
        lines += ["**No better than before** on unseen labels: think before using it.", ""]
    return [
        *lines,
        "| | ECE | Brier |",
        "|---|---|---|",
        f"| before | {before.ece:.3f} | {before.brier:.3f} |",
        f"| after | {after.ece:.3f} | {after.brier:.3f} |",
        "",
        "| | confidence | labels | mean confidence | share right |",
        "|---|---|---|---|---|",
        *_rows("before", before),
        *_rows("after", after),
        "",
    ]


def markdown(source: str, fits: list[Fit], left: Mapping[str, str]) -> str:
    """Return calibration.md.

    Args:
        source: what the models name as their calibration.
        fits: the emotions that were calibrated.
        left: those that were not, and why.
    """
    lines = [_HEAD.format(source=source)]
    for fitted in fits:
        lines += _section(fitted)
    if left:
        lines += ["## Left as they were", ""]
        lines += [f"- {emotion}: {why}" for emotion, why in left.items()]
    return "\n".join(lines).rstrip() + "\n"


def _draw(axes: Any, fitted: Fit) -> None:
    axes.plot([0, 100], [0, 100], color="#b0b0b0", linewidth=1, linestyle="--", zorder=1)
    for name, found, colour, marker in (
        ("before", fitted.before, "#c0504d", "s"),
        ("after", fitted.after, "#1f5fa8", "o"),
    ):
        axes.plot(
            [100 * b.confidence for b in found.bins], [100 * b.right for b in found.bins],
            color=colour, linewidth=1.5, zorder=2,
            label=f"{name}: ECE {found.ece:.3f}, Brier {found.brier:.3f}",
        )  # fmt: skip
        axes.scatter(
            [100 * b.confidence for b in found.bins], [100 * b.right for b in found.bins],
            s=[20 + 180 * b.n / fitted.n for b in found.bins], color=colour, marker=marker,
            alpha=0.8, zorder=3,
        )  # fmt: skip
    provisional = ", provisional" if fitted.n < SOLID else ""
    axes.set_title(f"{fitted.emotion.capitalize()} ({fitted.n} labels{provisional})")
    axes.set_xlabel("mean confidence, %")
    axes.set_ylabel("share right, %")
    axes.set_xlim(0, 100)
    axes.set_ylim(-4, 104)
    axes.set_aspect("equal", adjustable="box")
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9)


def draw(path: Path, source: str, fits: list[Fit]) -> None:
    """Write calibration.png: a reliability curve for each emotion."""
    from matplotlib.figure import Figure

    columns = min(2, len(fits))
    rows = -(-len(fits) // columns)
    figure: Any = Figure(figsize=(5.6 * columns, 5.6 * rows + 0.4), layout="constrained")
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    panels = [axes for line in grid for axes in line]
    for axes, fitted in zip(panels, fits, strict=False):
        _draw(axes, fitted)
    for axes in panels[len(fits) :]:
        axes.axis("off")
    figure.suptitle(
        f"Calibration {source}: on the dashed line a confidence keeps its promise\n"
        "the larger the mark, the more labels it stands for",
        fontsize=10,
    )
    figure.savefig(path, dpi=120)
