"""Does anything trivial give a label away: how long a visit is, how many events of which type?

A tree of depth 2 on such numbers must do badly. Run: `python -m benchmarks.visitors.leakage`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import click
import numpy as np

from benchmarks.learning import small_tree
from benchmarks.statistics import f1
from benchmarks.visitors.mix import generate
from benchmarks.visitors.person import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.visitors.mix import Visit


def metadata(visits: Sequence[Visit]) -> list[list[float]]:
    """Return of each visit: duration, events, streams, targets, flags, and counts by type."""
    counts = [Counter(str(line["type"]) for line in visit.lines) for visit in visits]
    kinds = sorted(set[str]().union(*counts))
    rows: list[list[float]] = []
    for visit, count in zip(visits, counts, strict=True):
        lines = visit.lines
        seconds = (cast("int", lines[-1]["t"]) - cast("int", lines[0]["t"])) / 1000
        targets = {str(line["target"]) for line in lines if "target" in line}
        flags = {flag for line in lines for flag in cast("list[str]", line.get("flags", []))}
        streams = {str(line["stream"]) for line in lines}
        row = [
            seconds,
            float(len(lines)),
            float(len(streams)),
            float(len(targets)),
            float(len(flags)),
        ]
        rows.append(row + [float(count[kind]) for kind in kinds])
    return rows


def leaks(visits: Sequence[Visit]) -> dict[str, float]:
    """Return the cross-validated F1 of a depth-2 tree on metadata, by emotion."""
    table = np.array(metadata(visits))
    found: dict[str, float] = {}
    for emotion in EMOTIONS:
        felt = np.array([visit.truth[emotion] is not None for visit in visits])
        best = 0.0
        for balanced in (False, True):
            guess = small_tree(table, felt, balanced=balanced)
            best = max(best, f1(guess.tolist(), felt.tolist())["f1"])
        found[emotion] = round(best, 3)
    return found


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--visits", default=1500, show_default=True)
def main(seed: int, visits: int) -> None:
    """Print what a depth-2 tree makes of metadata (F1 by emotion; at most 0.75 is wanted)."""
    for emotion, value in leaks(list(generate(seed, visits))).items():
        click.echo(f"{emotion:12} {value:.3f}")


if __name__ == "__main__":
    main()
