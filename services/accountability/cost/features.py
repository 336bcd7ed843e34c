"""What is known of units, as columns that a regression can bend.

Numbers become splines, so that help which peaks in the middle is followed as well as help that
grows, and steps, since policies and people go by thresholds; pairs of numbers are multiplied; words
become a column each, rare ones together.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from services.accountability.cost.units import Floats, Ints, Units

RARE: Final = 30
"""Units; words that fewer have go together."""
_KNOTS = 5
_STEPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def raw_columns(units: Units) -> dict[str, Floats]:
    """Each number as it is and each word as a column: what balance is judged by."""
    columns = dict(units.before)
    for name, codes in units.groups.items():
        for code, mask in _words(codes).items():
            columns[f"{name}={code}"] = mask
    return {name: column for name, column in columns.items() if np.ptp(column) > 0}


def design(units: Units) -> Floats:
    """All columns, each with mean 0 and spread 1; units without any known: none."""
    # Sums of money have long tails: ranks between 0 and 1 keep splines where the units are.
    numbers = [_ranks(column) for column in units.before.values() if np.ptp(column) > 0]
    ranked = np.column_stack([np.empty((units.count, 0)), *numbers])
    parts: list[Floats] = []
    if numbers:
        # scikit-learn takes a second to import.
        preprocessing: Any = importlib.import_module("sklearn.preprocessing")
        splines = preprocessing.SplineTransformer(_KNOTS, knots="uniform", include_bias=False)
        parts += [np.asarray(splines.fit_transform(ranked)), _products(_standard(ranked))]
        parts += [(ranked > step).astype(np.float64) for step in _STEPS]
    parts += [mask[:, None] for codes in units.groups.values() for mask in _words(codes).values()]
    if numbers and units.groups:
        parts.append(_by_word(_standard(ranked), units.groups))
    if not parts:
        return np.empty((units.count, 0))
    return _standard(np.column_stack(parts))


def _words(codes: Ints) -> Mapping[str, Floats]:
    counts = np.bincount(codes)
    rare = counts[codes] < RARE
    found = {
        str(code): (codes == code).astype(np.float64) for code in np.flatnonzero(counts >= RARE)
    }
    if rare.any():
        found["rare"] = rare.astype(np.float64)
    return found


def _ranks(column: Floats) -> Floats:
    """Mid-ranks from 0 to 1; equal values have equal ranks."""
    stats: Any = importlib.import_module("scipy.stats")
    ranks: Floats = (stats.rankdata(column) - 0.5) / column.size
    return ranks


def _products(columns: Floats) -> Floats:
    first, second = np.triu_indices(columns.shape[1], k=1)
    products: Floats = columns[:, first] * columns[:, second]
    return products


def _by_word(columns: Floats, groups: Mapping[str, Ints]) -> Floats:
    masks = [mask for codes in groups.values() for mask in _words(codes).values()]
    return np.column_stack([columns * mask[:, None] for mask in masks])


def _standard(columns: Floats) -> Floats:
    spread = columns.std(axis=0)
    kept = spread > 1e-12
    standard: Floats = (columns[:, kept] - columns[:, kept].mean(axis=0)) / spread[kept]
    return standard
