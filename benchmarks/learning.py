"""scikit-learn, typed: it ships no types that a strict checker accepts. Nobody else imports it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ensemble: Final[Any] = importlib.import_module("sklearn.ensemble")
_selection: Final[Any] = importlib.import_module("sklearn.model_selection")
_tree: Final[Any] = importlib.import_module("sklearn.tree")

FOLDS: Final = 5
POSITIVE: Final = 1
"""Column of the positive class in what classifiers return."""


def forest_scores(
    table: NDArray[np.float64],
    positive: NDArray[np.bool_],
    groups: NDArray[np.str_],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Score each row by a random forest that has seen no row of its group."""
    scores = np.zeros(len(table))
    folds = _selection.GroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(table, positive, groups):
        forest = _ensemble.RandomForestClassifier(200, min_samples_leaf=4, n_jobs=2, random_state=0)
        forest.fit(table[train], positive[train], weights[train])
        scores[test] = forest.predict_proba(table[test])[:, POSITIVE]
    return scores


def small_tree(
    table: NDArray[np.float64], positive: NDArray[np.bool_], *, balanced: bool
) -> NDArray[np.bool_]:
    """Guess each row by a decision tree of depth 2 that has not seen it."""
    tree = _tree.DecisionTreeClassifier(
        max_depth=2, class_weight="balanced" if balanced else None, random_state=0
    )
    folds = _selection.StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    guess = _selection.cross_val_predict(tree, table, positive, cv=folds)
    return np.asarray(guess, bool)
