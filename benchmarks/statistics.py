"""Figures with what they are worth: areas under the curve, bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

DRAWS: Final = 1000
FEW: Final = 5


def f1(fired: Sequence[bool], true: Sequence[bool]) -> dict[str, float]:
    """Return precision, recall and F1; a rule that never fires has a precision of 0."""
    right = sum(a and b for a, b in zip(fired, true, strict=True))
    return {
        "precision": round(right / max(sum(fired), 1), 4),
        "recall": round(right / max(sum(true), 1), 4),
        "f1": round(2 * right / max(sum(fired) + sum(true), 1), 4),
    }


def f1_interval(fired: Sequence[bool], true: Sequence[bool]) -> list[float] | None:
    """Return the 95 % bootstrap interval of F1, drawing sessions.

    What a draw holds of the four kinds of sessions is multinomial: the sessions need not be dealt.
    None with fewer than FEW sessions right, or wrong: drawn again, none of them would ever vary.
    """
    pairs = list(zip(fired, true, strict=True))
    cells = [pairs.count(kind) for kind in ((True, True), (True, False), (False, True))]
    if cells[0] < FEW or cells[1] + cells[2] < FEW:
        return None
    drawn = np.random.default_rng(0).multinomial(
        len(pairs), np.array([*cells, len(pairs) - sum(cells)]) / len(pairs), DRAWS
    )
    right, wrong = drawn[:, 0], drawn[:, 1] + drawn[:, 2]
    low, high = np.quantile(2 * right / (2 * right + wrong), [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def auc(
    scores: Sequence[float] | NDArray[np.float64],
    positive: Sequence[bool] | NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Return the chance that a positive outscores a negative, ties counting half.

    None where there are not both.
    """
    values, good = np.asarray(scores, float), np.asarray(positive, bool)
    if good.all() or not good.any():
        return None
    share = np.ones(len(values)) if weights is None else weights
    order = np.argsort(values[~good], kind="stable")
    below = values[~good][order]
    below_weight = np.concatenate([[0.0], np.cumsum(share[~good][order])])
    lower = below_weight[np.searchsorted(below, values[good], "left")]
    upper = below_weight[np.searchsorted(below, values[good], "right")]
    won = float((share[good] * (lower + upper)).sum())
    return won / (2 * float(below_weight[-1]) * float(share[good].sum()))


def interval(
    groups: Sequence[object], figure: Callable[[NDArray[np.intp]], float | None], draws: int = DRAWS
) -> list[float] | None:
    """Return the 95 % bootstrap interval of a figure, drawing whole groups (people).

    Args:
        groups: the group of each row.
        figure: takes row numbers, with repeats, and returns the figure; None draws are left out.
    """
    rows: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    members = list(rows.values())
    rng = np.random.default_rng(0)
    values: list[float] = []
    for _ in range(draws if len(members) > 1 else 0):
        chosen = rng.integers(0, len(members), len(members))
        drawn: list[int] = [row for i in chosen for row in members[int(i)]]
        value = figure(np.array(drawn, np.intp))
        if value is not None:
            values.append(value)
    if not values:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]
