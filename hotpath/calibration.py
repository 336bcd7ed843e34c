"""Calibrations: which confidence, 0 to 100, a score deserves. Two methods, told apart by `method`.

    {"method": "platt", "slope": 1.0, "intercept": 0.0, "source": "…", "n": 0}
    {"method": "points", "points": [[-30, 0], [0, 50], [40, 97]], "source": "…", "n": 1500}

Platt's is a sigmoid: two numbers, so a few dozen labels are enough. Points are joined by straight
lines, for evidence that a sigmoid does not fit; before the first and after the last the confidence
stays as it is there. Between points a confidence is rounded down, so that the score at which the
line meets 50, the usual threshold, is the lowest whose confidence is 50: no lower score is rounded
up to a verdict. Kernels know neither method: a model is read into a table of all scores.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import msgspec

HIGHEST: Final = 99
"""Tenths of log-odds beyond which a confidence no longer changes."""
MOST_POINTS: Final = 16
DECISION: Final = 50
"""The confidence from which an emotion is said, unless a tenant says otherwise."""


class CalibrationError(ValueError):
    """A calibration cannot be used; says why."""


class Platt(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="platt"
):
    """From log-odds to a confidence: sigmoid(slope * log-odds + intercept)."""

    slope: float
    intercept: float
    source: str
    n: int

    def check(self) -> None:
        """Refuse what does not rise.

        Raises:
            CalibrationError: the slope is not above 0, or a number is not finite.
        """
        if not 0 < self.slope < math.inf or not math.isfinite(self.intercept):
            raise CalibrationError("a confidence must rise with the score: slope > 0")

    def confidence(self, tenths: int) -> int:
        """Return the confidence of a score in tenths of log-odds."""
        return round(100 / (1 + math.exp(-(self.slope * tenths / 10 + self.intercept))))


class Points(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="points"
):
    """Points of score, in tenths of log-odds, and confidence, joined by straight lines."""

    points: tuple[tuple[int, int], ...]
    source: str
    n: int

    def check(self) -> None:
        """Refuse what does not rise, or says no single score from which there is a verdict.

        Raises:
            CalibrationError: says what is wrong with which point.
        """
        if not 2 <= len(self.points) <= MOST_POINTS:
            raise CalibrationError(f"{len(self.points)} points, of 2 to {MOST_POINTS}")
        for score, confidence in self.points:
            if abs(score) > HIGHEST or not 0 <= confidence <= 100:
                raise CalibrationError(
                    f"point [{score}, {confidence}]: scores are -{HIGHEST} to {HIGHEST},"
                    " confidences 0 to 100"
                )
        for (score, confidence), (next_score, next_confidence) in pairwise(self.points):
            if next_score <= score or next_confidence < confidence:
                raise CalibrationError(
                    f"point [{next_score}, {next_confidence}] after [{score}, {confidence}]:"
                    " scores must rise, and confidences must not fall"
                )
        confidences = [confidence for _, confidence in self.points]
        if not confidences[0] < DECISION < confidences[-1] or confidences.count(DECISION) > 1:
            raise CalibrationError(
                f"the line must meet {DECISION} at one score, which decides: begin below it, end"
                " above it, and not rest on it"
            )

    def confidence(self, tenths: int) -> int:
        """Return the confidence of a score in tenths of log-odds."""
        if tenths <= self.points[0][0]:
            return self.points[0][1]
        for (score, confidence), (next_score, next_confidence) in pairwise(self.points):
            if tenths <= next_score:
                rise = (next_confidence - confidence) * (tenths - score)
                return confidence + rise // (next_score - score)
        return self.points[-1][1]


Calibration = Platt | Points
