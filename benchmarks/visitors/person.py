"""Who visits, and how they feel. Nobody but this file knows the truth about a visit.

A feeling is a level that grows by what happens to a person, weighted by what kind of person it is,
and fades with a half-life. From 1 on it is felt: that, not what the person then does, is the label.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.visitors.motion import Hand, draw_hand
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from numpy.random import Generator

EMOTIONS: Final = ("rage", "hesitation", "confusion", "abandonment")
FELT: Final = 1.0
HALF_LIFE_MS: Final = 30_000
"""Frustration persists over a session (Feild, Allan & Jones 2010)."""


@dataclass(frozen=True)
class Feeling:
    """The truth about one emotion of one visit."""

    start: int
    end: int
    """Epoch ms of the interval in which it was felt."""
    cause: str
    """What brought it on; hidden from detectors."""
    shown: bool
    """It came out in behaviour. Nobody can find the others."""


@dataclass
class Person:
    """Lasting traits."""

    pace: float
    """Reading and deciding times are multiplied by it; above 1: slow."""
    patience_ms: float
    """How long they wait for an answer before they press again."""
    temper: float
    """How much anger one unanswered press brings."""
    doubt: float
    """How much open questions weigh."""
    bearing: float
    """How well they find their way; below 1: easily lost."""
    resolve: float
    """How much it takes to give up a goal."""
    openness: float
    """Chance that a feeling comes out in behaviour."""
    double_click: float
    """Share of presses that are double clicks out of habit."""
    typing: float
    """Key gaps are multiplied by it."""
    hand: Hand


def draw_person(rng: Generator) -> Person:
    """Return somebody."""
    return Person(
        pace=log_normal(rng, 1.0, 0.3),
        patience_ms=log_normal(rng, 1500, 0.4),
        temper=log_normal(rng, 0.95, 0.4),
        doubt=log_normal(rng, 1.0, 0.3),
        bearing=log_normal(rng, 1.0, 0.3),
        resolve=log_normal(rng, 1.0, 0.3),
        openness=0.96,
        double_click=float(rng.beta(2, 4)) if rng.random() < 0.3 else 0.02,
        typing=log_normal(rng, 1.0, 0.3),
        hand=draw_hand(rng),
    )


@dataclass
class Mood:
    """The hidden state: four levels that rise and fade."""

    openness: float
    levels: dict[str, float] = field(default_factory=lambda: dict.fromkeys(EMOTIONS, 0.0))
    felt: dict[str, Feeling] = field(default_factory=dict[str, Feeling])
    mimics: set[str] = field(default_factory=set[str])
    """Emotions that this visit looked like without any being felt."""
    _at: float = 0.0

    def pass_time(self, t: float) -> None:
        """Let feelings fade until `t`, and end those that have faded."""
        share = 0.5 ** (max(t - self._at, 0.0) / HALF_LIFE_MS)
        for emotion in EMOTIONS:
            self.levels[emotion] *= share
        self._at = max(t, self._at)

    def feels(self, emotion: str) -> bool:
        """Say whether an emotion is felt now, or was."""
        return emotion in self.felt

    def add(self, rng: Generator, emotion: str, amount: float, cause: str, t: float) -> bool:
        """Raise a level at `t`; say whether the emotion is felt from now on."""
        self.pass_time(t)
        self.levels[emotion] += amount
        if self.levels[emotion] < FELT:
            return self.feels(emotion)
        known = self.felt.get(emotion)
        if known is None:
            shown = bool(rng.random() < self.openness)
            self.felt[emotion] = Feeling(round(t), round(t), cause, shown)
        else:
            self.felt[emotion] = Feeling(known.start, round(t), known.cause, known.shown)
        return True

    def hide(self, emotion: str) -> None:
        """Note that a feeling came out too weakly to be told."""
        known = self.felt[emotion]
        self.felt[emotion] = Feeling(known.start, known.end, known.cause, False)

    def shows(self, emotion: str) -> bool:
        """Say whether an emotion is felt and comes out."""
        feeling = self.felt.get(emotion)
        return feeling is not None and feeling.shown
