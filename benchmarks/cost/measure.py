"""Run the worlds through the code that reports use, and count how often it was right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypedDict, TypeVar

import numpy as np

from benchmarks.cost.dealt import FAMILIES, Dealt
from benchmarks.cost.undealt import CONFOUNDED, NO_OVERLAP, Undealt
from services.accountability.cost.by_likeness import judge_alike
from services.accountability.cost.judge import LEVEL
from services.accountability.cost.randomised import difference
from services.accountability.cost.sample import LEAST_EVENTS
from services.accountability.cost.verdict import Method

World = TypeVar("World")
COVERED: Final = (0.94, 0.96)
MOST_BIAS: Final = 0.25
_LEAST_TOLD: Final = 0.9


class Covered(TypedDict):
    """How often 95 % intervals of a family of randomised worlds held the truth."""

    worlds: int
    told: int
    """Worlds with events enough for a figure."""
    covered: float
    below: float
    """Share of the intervals that lie above the truth."""
    above: float


class Biased(TypedDict):
    """How far off figures of a family of confounded worlds are."""

    worlds: int
    told: int
    bias: float
    """Mean error of the effect, in shares of people."""
    naive_bias: float
    """That of the plain difference between helped and ignored."""
    ratio: float
    money_ratio: float
    covered: float


class Overlapless(TypedDict):
    """What was said of a family of worlds without overlap."""

    worlds: int
    cannot_tell: int


def world_at(
    make: Callable[[np.random.Generator], World], family: str, place: int, seed: int
) -> World:
    """One world of a family, the same whatever else runs."""
    return make(np.random.default_rng([seed, int.from_bytes(family.encode()[:8], "big"), place]))


def coverage(family: str, count: int, seed: int) -> Covered:
    """Of the randomised difference."""
    told, below, above = 0, 0, 0
    for place in range(count):
        world: Dealt = world_at(FAMILIES[family], family, place, seed)
        if not _enough(world):
            continue
        told += 1
        found = difference(
            world.values, world.helped, world.share, world.cluster, world.known, level=LEVEL
        ).estimate
        below += int(world.truth < found.low)
        above += int(world.truth > found.high)
    inside = told - below - above
    return Covered(
        worlds=count, told=told, covered=inside / max(told, 1),
        below=below / max(told, 1), above=above / max(told, 1),
    )  # fmt: skip


def bias(family: str, count: int, seed: int) -> Biased:
    """Of the doubly robust effect on the ignored, against the plain difference."""
    off: list[tuple[float, float, float, float, bool]] = []
    for place in range(count):
        world: Undealt = world_at(CONFOUNDED[family], family, place, seed)
        verdict = judge_alike(world.sample, LEVEL)
        effect, counted = verdict.effect, verdict.counted
        if effect is None or counted is None or verdict.money[0].each is None:
            continue
        units = world.sample.units
        ignored = counted & ~units.helped
        truth, money_truth = float(world.gain[ignored].mean()), world.money_gain[ignored].mean()
        paid = world.sample.money["EUR"].kept
        off.append(
            (
                effect.value - truth,
                float(units.kept[units.helped].mean() - units.kept[~units.helped].mean()) - truth,
                verdict.money[0].each.value - money_truth,
                float(paid[units.helped].mean() - paid[~units.helped].mean()) - money_truth,
                effect.low <= truth <= effect.high,
            )
        )
    mean = np.array(off, dtype=np.float64).reshape(-1, 5).mean(axis=0)
    return Biased(
        worlds=count, told=len(off), bias=float(mean[0]), naive_bias=float(mean[1]),
        ratio=float(abs(mean[0] / mean[1])), money_ratio=float(abs(mean[2] / mean[3])),
        covered=float(mean[4]),
    )  # fmt: skip


def overlapless(family: str, count: int, seed: int) -> Overlapless:
    """Worlds that nothing can be told of."""
    silent = 0
    for place in range(count):
        world = world_at(NO_OVERLAP[family], family, place, seed)
        silent += judge_alike(world.sample, LEVEL).method is Method.CANNOT_TELL
    return Overlapless(worlds=count, cannot_tell=silent)


def broken(
    covered: dict[str, Covered], biased: dict[str, Biased], silent: dict[str, Overlapless]
) -> list[str]:
    """The promises that were not kept; none if all were."""
    low, high = COVERED
    found = [
        f"{name}: intervals held the truth in {100 * row['covered']:.2f} % of worlds"
        for name, row in covered.items()
        if not low <= row["covered"] <= high
    ]
    found += [
        f"{name}: bias is {100 * max(row['ratio'], row['money_ratio']):.0f} % of the naive one's,"
        f" told of {row['told']} of {row['worlds']} worlds"
        for name, row in biased.items()
        if max(row["ratio"], row["money_ratio"]) > MOST_BIAS
        or row["told"] < _LEAST_TOLD * row["worlds"]
    ]
    found += [
        f"{name}: a figure was told of {row['worlds'] - row['cannot_tell']} worlds without overlap"
        for name, row in silent.items()
        if row["cannot_tell"] < row["worlds"]
    ]
    return found


def _enough(world: Dealt) -> bool:
    """As `sample.too_few` asks: events on both sides."""
    sides = (world.values[world.helped], world.values[~world.helped])
    return min(int(np.count_nonzero(side)) for side in sides) >= LEAST_EVENTS
