"""Is there anybody helped who resembles the ignored, and do they after weighing?

Without that every figure is made up by the model. So before one is told: who has no like among
the helped is left out (Crump, Hotz, Imbens & Mitnik 2009, Biometrika 96(1)), and if these are many
there is no figure; the weights must not rest on few; and what is known before must be the same on
both sides (Rubin 2001, Health Services & Outcomes Research Methodology 2; Austin 2009, Statistics
in Medicine 28). Regions where help never or always comes are found by a small tree as well, since a
smooth model does not see a sharp edge (Karavani, Bak & Shimoni 2019, "A discriminative approach for
finding and characterizing positivity violations using decision trees").
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.accountability.cost.units import Bools, Floats, Ints

LEAST_CHANCE: Final = 0.05
"""Of being helped, below which an ignored unit has no like among the helped."""
MOST_OUTSIDE: Final = 0.2
"""Of the ignored, without such a like."""
LEAST_EFFECTIVE: Final = 50.0
"""Helped units that the weighed ones are worth."""
MOST_IMBALANCE: Final = 0.25
WORRYING_IMBALANCE: Final = 0.1
_LEAF: Final = 80
_DEPTH: Final = 4
_Z: Final = 1.645


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far helped ones can stand for the ignored."""

    inside: Bools
    """Units that are compared."""
    outside_share: float
    """Of the ignored, those left out."""
    effective: float
    """What the weighed helped ones are worth in units (Kish)."""
    extremes: tuple[float, float]
    """The 1st and 99th percentile of the chance of being helped."""


def overlap(helped: Bools, chance: Floats, columns: Mapping[str, Floats]) -> Overlap:
    """Judge it.

    Args:
        chance: of being helped, by a model that has not seen the unit.
        columns: what is known before, unbent.
    """
    inside = (chance >= LEAST_CHANCE) & ~_never(helped, columns)
    ignored = int((~helped).sum())
    weights = ((1 - chance) / np.maximum(chance, LEAST_CHANCE))[helped & inside]
    squares = float((weights**2).sum())
    low, high = np.quantile(chance, (0.01, 0.99)) if chance.size else (0.0, 0.0)
    return Overlap(
        inside,
        float((~helped & ~inside).sum()) / ignored if ignored else 1.0,
        float(weights.sum()) ** 2 / squares if squares > 0 else 0.0,
        (float(low), float(high)),
    )


def _never(helped: Bools, columns: Mapping[str, Floats]) -> Bools:
    """Units in regions where next to nobody is helped."""
    if not columns or helped.size < 2 * _LEAF:
        return np.zeros(helped.size, dtype=np.bool_)
    trees: Any = importlib.import_module("sklearn.tree")
    tree = trees.DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=_LEAF, random_state=0)
    table = np.column_stack(list(columns.values()))
    leaf = np.asarray(tree.fit(table, helped).apply(table))
    counts = np.maximum(np.bincount(leaf), 1)
    share = np.bincount(leaf, weights=helped) / counts
    never: Bools = (_at_most(share, counts) < LEAST_CHANCE)[leaf]
    return never


def _at_most(share: Floats, counts: Ints) -> Floats:
    """The most that a share can be (Wilson's upper end): chance alone makes no region."""
    part = _Z**2 / counts
    half = _Z * np.sqrt((share * (1 - share) + part / 4) / counts)
    upper: Floats = (share + part / 2 + half) / (1 + part)
    return upper


def imbalance(helped: Bools, chance: Floats, columns: Mapping[str, Floats]) -> dict[str, float]:
    """Standardised differences between the ignored and the weighed helped ones, by column."""
    odds = (1 - chance) / np.maximum(chance, LEAST_CHANCE)
    found: dict[str, float] = {}
    for name, column in columns.items():
        spread = np.sqrt((column[helped].var() + column[~helped].var()) / 2)
        if spread > 0:
            weighed = float(np.average(column[helped], weights=odds[helped]))
            found[name] = abs(weighed - float(column[~helped].mean())) / float(spread)
    return found
