"""`sentientiq experiment simulate`: every promise, with its bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from services.intervention.experiments import simulation


def simulated(
    runs: int, units: int, seed: int, *, say: Callable[[str], object]
) -> tuple[dict[str, Any], bool]:
    """Run them all; the figures, and whether every promise was kept."""
    say(f"seed {seed}, {runs:,} runs of {units:,} units each")
    rows: dict[str, Any] = {"aa": [], "ab": [], "power": [], "cuped": [], "sample_ratio": []}
    kept = True
    # Fewer runs than 10,000 cannot tell 94 % from 95 %: four standard deviations of a share.
    slack = 0.0 if runs >= 10_000 else 4 * (0.05 * 0.95 / runs) ** 0.5

    def note(kind: str, found: msgspec.Struct, text: str, holds: bool) -> None:
        nonlocal kept
        kept = kept and holds
        rows[kind].append(msgspec.to_builtins(found))
        say(f"{'ok    ' if holds else 'BROKEN'}  {text}")

    for world in simulation.WORLDS:
        aa = simulation.peeking(world, runs, units, seed)
        note(
            "aa", aa,
            f"A/A {world}: a look after each unit calls {_percent(aa.sequential)} different"
            f" (at most 5 %), {_percent(aa.harm)} harmful;"
            f" fixed intervals would {_percent(aa.fixed)}",
            aa.sequential <= 0.05 + slack,
        )  # fmt: skip
    for world in simulation.WORLDS:
        ab = simulation.coverage(world, runs, units, seed)
        note(
            "ab", ab,
            f"A/B {world}: {_percent(ab.fixed)} of 95 % intervals hold the effect (94 to 96 %);"
            f" {_percent(ab.sequential)} of the sequential ones",
            0.94 - slack <= ab.fixed <= 0.96 + slack and ab.sequential >= 0.95 - slack,
        )  # fmt: skip
    size = simulation.planned(runs, 0.1, seed)
    off = max(abs(size.fixed - size.power), abs(size.sequential - size.power))
    note(
        "power", size,
        f"power: {_percent(size.fixed)} of {size.fixed_units:,} units find the effect that was"
        f" planned for, {_percent(size.sequential)} of {size.sequential_units:,} at a sequential"
        f" look ({_percent(size.power)})",
        off <= 4 * 0.4 / runs**0.5,
    )  # fmt: skip
    for rho in (0.0, 0.5, 0.8):
        left = simulation.reduction(rho, runs, max(units // 10, 200), seed)
        # Four standard deviations of a ratio of two variances of so many runs.
        near = abs(left.variance_left / left.theory - 1) <= 4 * 2 / runs**0.5
        note(
            "cuped", left,
            f"CUPED with rho {rho}: {_percent(left.variance_left)} of the variance is left,"
            f" theory says {_percent(left.theory)}; off by {left.bias_in_errors:+.1f} errors",
            near and abs(left.bias_in_errors) < 4,
        )  # fmt: skip
    ratio = simulation.mismatch(runs, units, seed)
    note(
        "sample_ratio", ratio,
        f"sample ratio: {_percent(ratio.false_alarms)} of fair splits are called broken"
        f" (0.1 %), {_percent(ratio.found)} of those that lost {_percent(ratio.lost)} of an arm",
        abs(ratio.false_alarms - 0.001) <= 4 * (0.001 / runs) ** 0.5,
    )  # fmt: skip
    return rows, kept


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
