"""How long people take: aiming, thinking, typing. Sources in README.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from numpy.random import Generator

FITTS_START_MS: Final = 130.0
FITTS_BIT_MS: Final = 160.0
"""Mouse pointing makes 4 to 5 bit/s (Soukoreff & MacKenzie 2004) when people are told to hurry; a
person's pace is multiplied on top."""


def log_normal(rng: Generator, median: float, spread: float) -> float:
    """Return a log-normal time: `spread` is the standard deviation of its logarithm."""
    return median * math.exp(spread * float(rng.standard_normal()))


def fitts_ms(rng: Generator, distance: float, width: float, pace: float) -> float:
    """Return the movement time to a target in the Shannon form (MacKenzie 1992)."""
    bits = math.log2(distance / max(width, 4.0) + 1)
    return log_normal(rng, pace * (FITTS_START_MS + FITTS_BIT_MS * bits), 0.3)


def rest_ms(rng: Generator) -> float:
    """Return how long a hand rests between two movements while its owner reads."""
    if rng.random() < 0.18:
        return log_normal(rng, 3200, 0.55)
    return log_normal(rng, 380, 0.8)


def key_gap_ms(rng: Generator, pace: float) -> float:
    """Return the time between two keys; 0.9 % are pauses for thought of more than 2 s."""
    if rng.random() < 0.009:
        return 2000 + log_normal(rng, 900, 0.7)
    return min(log_normal(rng, 190 * pace, 0.5), 1900.0)
