"""Nobody was held out: compare the ignored with helped ones who resemble them.

The estimand is the effect on those who were left alone: what the ignored would have done more, had
they been helped. It needs helped ones like them, and says nothing of anybody else.

Two models are fitted to other people than those they judge (cross-fitting): the chance of being
helped, and what helped ones do. The estimate is right if either is (augmented inverse propensity
weighting: Robins, Rotnitzky & Zhao 1994, JASA 89(427); for one group's effect Hahn 1998,
Econometrica 66(2); with cross-fitting Chernozhukov et al. 2018, "Double/debiased machine learning",
Econometrics Journal 21(1)). Both know only what is known: an unknown cause of help and outcome
makes it wrong, and no interval says so.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.accountability.cost.estimate import Estimate, from_influence
from services.accountability.cost.features import design
from services.accountability.cost.units import Bools, Floats, Ints, Units, cluster_count

_FOLDS: Final = 5
_PENALTIES: Final = (1e-1, 1e0, 1e1, 1e2, 1e3)
_LEAST_CHANCE: Final = 1e-3
"""Keeps a weight finite; whoever is below `overlap.LEAST_CHANCE` is left out anyway."""


@dataclass(frozen=True, slots=True)
class Models:
    """What cross-fitting needs of each unit."""

    chance: Floats
    """Of being helped, by a model that has not seen it."""
    columns: Floats
    """What is known before, from `features.design`."""
    fold: Ints
    """Which model judges it."""

    def where(self, mask: Bools) -> Models:
        """Of some units."""
        return Models(self.chance[mask], self.columns[mask], self.fold[mask])


def fit(units: Units) -> Models:
    """Fit the chances of being helped."""
    columns, fold = design(units), folds(units.cluster)
    return Models(propensities(columns, units.helped, fold), columns, fold)


def folds(cluster: Ints) -> Ints:
    """A fold for each unit, the same for all of a cluster, and at every run."""
    _, place = np.unique(cluster, return_inverse=True)
    shuffled = np.random.default_rng(0).permutation(int(place.max(initial=-1)) + 1)
    dealt: Ints = shuffled[place] % _FOLDS
    return dealt


def propensities(columns: Floats, helped: Bools, fold: Ints) -> Floats:
    """Each unit's chance of being helped, by a model that has not seen it."""
    linear: Any = importlib.import_module("sklearn.linear_model")
    chance = np.empty(helped.size)
    for out in range(_FOLDS):
        rest, asked = fold != out, fold == out
        if not columns.shape[1] or helped[rest].all() or not helped[rest].any():
            chance[asked] = helped[rest].mean()
            continue
        model = linear.LogisticRegression(C=0.1, max_iter=300, tol=1e-3)
        model.fit(columns[rest], helped[rest])
        chance[asked] = model.predict_proba(columns[asked])[:, 1]
    return chance


def effect_on_ignored(values: Floats, units: Units, models: Models, level: float) -> Estimate:
    """What the ignored would have had more, a unit, had they been helped."""
    as_helped = _as_helped(values, units.helped, models)
    odds = (1 - models.chance) / np.maximum(models.chance, _LEAST_CHANCE)
    ignored = ~units.helped
    # Weights that add up to the ignored they stand for (Hajek): a few large ones cannot run away.
    weights = np.where(units.helped, odds, 0.0)
    weights *= ignored.sum() / max(float(weights.sum()), 1e-12)
    gain = np.where(ignored, as_helped - values, 0.0) + weights * (values - as_helped)
    value = float(gain.sum() / ignored.sum())
    influence = (gain - ignored * value) / ignored.sum()
    effective = float(weights.sum()) ** 2 / max(float((weights**2).sum()), 1e-12)
    freedom = min(effective, float(cluster_count(units.cluster[ignored]))) - 1
    return from_influence(value, influence, units.cluster, freedom=freedom, level=level)


def _as_helped(values: Floats, helped: Bools, models: Models) -> Floats:
    """What each unit would have, were it helped, by a model of other helped ones."""
    linear: Any = importlib.import_module("sklearn.linear_model")
    expected, columns = np.empty(values.size), models.columns
    for out in range(_FOLDS):
        seen, asked = (models.fold != out) & helped, models.fold == out
        if not columns.shape[1]:
            expected[asked] = values[seen].mean()
            continue
        model = linear.RidgeCV(alphas=_PENALTIES)
        model.fit(columns[seen], values[seen])
        expected[asked] = model.predict(columns[asked])
    return expected
