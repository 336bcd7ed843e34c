"""How often simulated people do the harmless things that real ones do; README.md has both figures.

Run: `python -m benchmarks.visitors.base_rates`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, cast

import click
import numpy as np

from benchmarks.visitors.mix import generate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.visitors.mix import Visit
    from benchmarks.visitors.tab import Line

REVERSALS: Final = 4
SHAKE_MS: Final = 2000
SWING_PX: Final = 100
PAUSE_MS: Final = 2000
ACTIVE_MS: Final = 30_000


def _of(lines: Iterable[Line], kind: str) -> list[Line]:
    return [line for line in lines if line["type"] == kind]


def _times(lines: Iterable[Line]) -> list[int]:
    return [cast("int", line["t"]) for line in lines]


def shakes(lines: Iterable[Line]) -> bool:
    """Whether the pointer turned back REVERSALS times in SHAKE_MS, each after SWING_PX or more."""
    turns: list[int] = []
    anchor: float | None = None
    side = 0
    for line in _of(lines, "pointer_move"):
        t, x = cast("int", line["t"]), float(cast("int", line["x"]))
        if anchor is None or side * (x - anchor) > 0:
            anchor = x
        elif abs(x - anchor) >= SWING_PX:
            if side:
                turns.append(t)
            side = 1 if x > anchor else -1
            anchor = x
    return any(b - a <= SHAKE_MS for a, b in zip(turns, turns[REVERSALS - 1 :], strict=False))


def rates(visits: Sequence[Visit]) -> dict[str, float]:
    """Return the base rates of the mouse visits."""
    mouse = [v for v in visits if "ptr" not in v.lines[0]]
    gaps = [b - a for v in mouse for a, b in pairwise(_times(_of(v.lines, "click")))]
    clicks = sum(len(_of(v.lines, "click")) for v in mouse)
    pauses = minutes = 0.0
    triples = returns = 0
    keys = long_gaps = 0
    for visit in mouse:
        every = [b - a for a, b in pairwise(_times(visit.lines))]
        pauses += sum(gap >= PAUSE_MS for gap in every)
        minutes += sum(gap for gap in every if gap <= ACTIVE_MS) / 60_000
        pages = [line["page"] for line in _of(visit.lines, "page_view")]
        for a, b, c in zip(pages, pages[1:], pages[2:], strict=False):
            if a != b and b != c:
                triples += 1
                returns += a == c
        typing = [line for line in visit.lines if line["type"] in ("input", "blur")]
        for before, after in pairwise(typing):
            if after["type"] == "blur":
                continue
            keys += int(cast("int", after["keys"])) + int(cast("int", after["deletes"]))
            if before["type"] == "input" and before["target"] == after["target"]:
                began = cast("int", after["t"]) - int(cast("int", after.get("ms", 0)))
                long_gaps += 1000 <= began - cast("int", before["t"]) < 20_000
    return {
        "clicks_within_500_ms": round(float(np.sum(np.array(gaps) < 500)) / clicks, 3),
        "pauses_a_minute": round(pauses / minutes, 2),
        "page_returns": round(returns / max(triples, 1), 3),
        "shaking_visits": round(sum(shakes(v.lines) for v in mouse) / len(mouse), 3),
        "long_key_gaps": round(long_gaps / max(keys, 1), 4),
    }


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--visits", default=1000, show_default=True)
def main(seed: int, visits: int) -> None:
    """Print the base rates of simulated visits."""
    for name, value in rates(list(generate(seed, visits))).items():
        click.echo(f"{name:22} {value}")


if __name__ == "__main__":
    main()
