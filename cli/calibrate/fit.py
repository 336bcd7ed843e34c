"""Calibrations that fit labels, and how far they can be believed.

Platt's sigmoid has two numbers and is content with few labels. Points follow what a sigmoid cannot;
they are taken from SOLID labels on, if they keep their promise better on labels they had not seen.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cli.calibrate import points
from hotpath.calibration import Calibration, CalibrationError, Platt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from cli.calibrate.labels import Labelled

    Floats = NDArray[np.float64]

LEAST: Final = 30
"""Labels of an emotion, below which nothing is fitted."""
LEAST_OF_EACH: Final = 5
"""Right and wrong ones: without both there is nothing to tell apart."""
SOLID: Final = 200
"""Labels from which the numbers are more than provisional, and points are tried."""
BINS: Final = 10
_FOLDS: Final = 5
_FLATTEST: Final = 0.01  # a confidence must rise with the score


class Bin(NamedTuple):
    """The episodes whose confidence lies in one tenth."""

    low: float
    high: float
    n: int
    confidence: float
    """Their mean confidence, 0 to 1."""
    right: float
    """The share that was right, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well confidences keep what they promise."""

    bins: list[Bin]
    ece: float
    """Expected calibration error: the mean gap between confidence and share right."""
    brier: float
    """Mean squared error of the confidence."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One emotion's calibration."""

    emotion: str
    n: int
    calibration: Calibration
    before: Reliability
    after: Reliability
    """Of episodes that the fit had not seen (five folds)."""


def platt(log_odds: Floats, right: Floats) -> tuple[float, float]:
    """Fit slope and intercept, with Platt's targets that never promise certainty."""
    optimize: Any = importlib.import_module("scipy.optimize")  # without types
    hits = float(right.sum())
    target = np.where(right > 0, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))

    def loss(parameters: Floats) -> float:
        z = parameters[0] * log_odds + parameters[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    found: Any = optimize.minimize(
        loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(_FLATTEST, None), (None, None)]
    )
    return float(found.x[0]), float(found.x[1])


def reliability(confidence: Floats, right: Floats) -> Reliability:
    """Measure confidences (0 to 1) against what was right."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            int(np.sum(place == number)),
            float(confidence[place == number].mean()),
            float(right[place == number].mean()),
        )
        for number in range(BINS)
        if np.any(place == number)
    ]
    gaps = sum(found.n * abs(found.confidence - found.right) for found in bins)
    return Reliability(bins, gaps / len(right), float(np.mean((confidence - right) ** 2)))


def _promised(calibration: Calibration, log_odds: Floats) -> Floats:
    return np.array([calibration.confidence(tenths) / 100 for tenths in _tenths(log_odds)])


def _tenths(log_odds: Floats) -> list[int]:
    return [round(10 * float(one)) for one in log_odds]


def _unseen(how: Callable[[Floats, Floats], Calibration], x: Floats, right: Floats) -> Reliability:
    """Measure a way of fitting by five folds."""
    confidence = np.empty_like(x)
    for fold in range(_FOLDS):
        out = np.arange(len(x)) % _FOLDS == fold
        confidence[out] = _promised(how(x[~out], right[~out]), x[out])
    return reliability(confidence, right)


def fit(emotion: str, labelled: Sequence[Labelled], present: Calibration, source: str) -> Fit | str:
    """Calibrate one emotion, or say why not.

    Args:
        emotion: which.
        labelled: its episodes, in any order.
        present: the calibration in force.
        source: the name of the new one.
    """
    ordered = sorted(labelled)  # ids are hashes: every fifth is a fair draw, and always the same
    x = np.array([episode.log_odds for episode in ordered])
    right = np.array([float(episode.right) for episode in ordered])
    hits = int(right.sum())
    if len(ordered) < LEAST:
        return f"{len(ordered)} labels, of at least {LEAST}"
    if min(hits, len(ordered) - hits) < LEAST_OF_EACH:
        return (
            f"{hits} right and {len(ordered) - hits} wrong, of at least {LEAST_OF_EACH} each:"
            " label more, or from a lower --threshold"
        )

    def sigmoid(x: Floats, right: Floats) -> Calibration:
        slope, intercept = platt(x, right)
        return Platt(round(slope, 4), round(intercept, 4), source, len(x))

    def line(x: Floats, right: Floats) -> Calibration:
        return points.labelled(_tenths(x), [bool(r) for r in right], source, present)

    chosen, after = sigmoid(x, right), _unseen(sigmoid, x, right)
    if len(x) >= SOLID:
        other, promise = line(x, right), _unseen(line, x, right)
        if promise.brier < after.brier and _usable(other):
            chosen, after = other, promise
    return Fit(emotion, len(x), chosen, reliability(_promised(present, x), right), after)


def _usable(calibration: Calibration) -> bool:
    try:
        calibration.check()
    except CalibrationError:
        return False
    return True
