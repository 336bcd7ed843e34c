"""Marks, scores and episodes once more, slow and obvious; weights are read from the model files.

A feature is worth its weight for each full mark in its window, at most its cap. While one family
alone speaks, the score stays at or below the model's lone cap. The last eight marks are kept.

An episode begins at the threshold, and is over when it was quiet for too long or the confidence is
more than 15 below the threshold. It is told again, at most 8 times in all, when the confidence
changed by 5 or the evidence doubled.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from hotpath.calibration import Platt
from hotpath.model_file import read_default

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = read_default()


def promised(emotion: str, tenths: int) -> int:
    """Say which confidence a score deserves: a sigmoid, or points joined by straight lines."""
    tenths = max(-99, min(99, tenths))
    calibration = MODELS[emotion].calibration
    if isinstance(calibration, Platt):
        odds = calibration.slope * tenths / 10 + calibration.intercept
        return round(100 / (1 + math.exp(-odds)))
    left = [point for point in calibration.points if point[0] <= tenths]
    right = [point for point in calibration.points if point[0] > tenths]
    if not left or not right:
        return (left[-1:] or right[:1])[0][1]
    (x0, y0), (x1, y1) = left[-1], right[0]
    return math.floor(y0 + Fraction((y1 - y0) * (tenths - x0), x1 - x0))


@dataclass
class Mark:
    feature: str
    t: int
    line: int
    strength: int


@dataclass
class Said:
    number: int
    rev: int
    confidence: int
    trigger: str
    t: int
    evidence: list[int]
    target: str
    terms: dict[str, float]


@dataclass
class MoodTwin:
    """One emotion of one stream."""

    emotion: str
    marks: list[Mark] = field(default_factory=list[Mark])
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    number: int = 0
    open: bool = False
    last: Said | None = None
    last_t: int = 0
    target: str = ""
    peak: int = 0
    said: list[Said] = field(default_factory=list[Said])

    def mark(self, feature: str, t: int, line: int, strength: int = 100) -> None:
        self.marks = [*self.marks, Mark(feature, t, line, min(250, strength))][-8:]

    def recent(self, feature: str, t: int, within: int) -> list[Mark]:
        return [m for m in self.marks if m.feature == feature and t - m.t <= within]

    def forget(self, *features: str) -> None:
        self.marks = [m for m in self.marks if features and m.feature not in features]

    def judge(self, t: int, trigger: str, target: str = "", threshold: int = 50) -> None:
        model = MODELS[self.emotion]
        counted = [m for m in self.marks if t - m.t <= model.features[m.feature].window_ms]
        tenths = {"prior": model.prior}
        families: set[str] = set()
        for name, feature in model.features.items():
            strength = sum(m.strength for m in counted if m.feature == name)
            if strength:
                tenths[name] = min(feature.cap, feature.weight * strength // 100)
                families.add(feature.family)
        if len(families) <= 1 and sum(tenths.values()) > model.lone_cap:
            tenths["single_family"] = model.lone_cap - sum(tenths.values())
        confidence = promised(self.emotion, sum(tenths.values()))
        self.peak = max(self.peak, confidence)
        if t - self.last_t > model.quiet_ms or confidence + 15 < threshold:
            self.open = False
        evidence = sorted({m.line for m in counted})
        if confidence < threshold or not evidence:
            return
        rev = 1
        if not self.open:
            self.open = True
            self.number = next(self.numbers)
            self.target = target
        elif self.last:
            changed = abs(confidence - self.last.confidence) >= 5
            rev = self.last.rev + 1
            if rev > 8 or not (changed or len(evidence) >= 2 * len(self.last.evidence)):
                self.last_t = t
                return
        self.target = target or self.target
        terms = {name: value / 10 for name, value in tenths.items() if value}
        self.last_t = t
        self.last = Said(self.number, rev, confidence, trigger, t, evidence, self.target, terms)
        self.said.append(self.last)
