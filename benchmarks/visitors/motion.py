"""How a hand moves a pointer: overlapping minimum-jerk submovements, clutching, tremor.

A reach is the sum of submovements (Flash & Henis 1991) with the bell-shaped speed of Flash & Hogan
1985: a first one that falls short or overshoots and leans to one side, then corrections that start
before it has ended. Long ways are cut into strokes, since a mouse has to be lifted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from benchmarks.visitors.timing import fitts_ms, log_normal

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

Point = tuple[float, float]
FRAME_MS: Final = 1000 / 60
ALONG_AXIS: Final = 0.2
"""Share of strokes that leave the smaller part of the way to the next one."""
LIFTED: Final = 0.3
"""Share of strokes after which the hand comes to rest before the next."""


class Hand(NamedTuple):
    """What is lasting about how somebody moves."""

    pace: float
    """Movement times are multiplied by it."""
    spread: float
    """How far first strokes miss, as a share of their way."""
    stroke: float
    """Pixels after which the mouse is lifted."""
    haste: float
    """How unevenly a stroke is made."""
    wobble: float
    """Noise that grows with speed."""
    lean: float
    """Bow of the path, as a share of the way; its sign is the side."""
    sweep: float
    """How far idle movements go, px."""
    straight: float
    """Share of idle movements that drift along or follow a row or a column."""
    grid: float
    """How much slow movements keep to one axis, 0 to 1: small steps get lost on the way."""


class Path(NamedTuple):
    """Positions over time, from 0 ms."""

    t: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class _Stroke(NamedTuple):
    onset: float
    ms: float
    dx: float
    dy: float


BRISK_SHARE: Final = 0.25
"""Share of people who move in few long, quick, even strokes."""


def draw_hand(rng: Generator) -> Hand:
    """Return somebody's hand: brisk and even, or casual and uneven."""
    brisk = bool(rng.random() < BRISK_SHARE)
    return Hand(
        pace=log_normal(rng, 0.4 if brisk else 0.8, 0.4),
        spread=log_normal(rng, 0.05 if brisk else 0.15, 0.5),
        stroke=log_normal(rng, 1200 if brisk else 250, 0.6),
        haste=log_normal(rng, 0.22 if brisk else 0.5, 0.4),
        wobble=log_normal(rng, 0.02 if brisk else 0.06, 0.5),
        lean=float(rng.normal(0.0, 0.08)),
        sweep=log_normal(rng, 1000 if brisk else 150, 0.5),
        straight=float(rng.beta(1.2, 1.6)) if brisk else 0.7,
        grid=float(rng.beta(1.2, 0.7)),
    )


def minimum_jerk(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the way done at the share `u` of the time (Flash & Hogan 1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u * u)


def _strokes(rng: Generator, hand: Hand, dx: float, dy: float, width: float) -> list[_Stroke]:
    """Split a way into submovements that end within the target."""
    strokes: list[_Stroke] = []
    onset, goal_x, goal_y = 0.0, dx, dy
    way = math.hypot(dx, dy)
    budget = fitts_ms(rng, way, width, hand.pace)
    for _ in range(9):
        left = math.hypot(goal_x, goal_y)
        if left < max(width / 3, 1.5):
            break
        reach = min(left, hand.stroke * log_normal(rng, 1.0, 0.35))
        share = 1 + float(rng.normal(-0.04, hand.spread)) if reach == left else reach / left
        angle = float(rng.normal(0.0, hand.spread * 0.9))
        cos, sin = math.cos(angle) * share, math.sin(angle) * share
        step_x, step_y = goal_x * cos - goal_y * sin, goal_x * sin + goal_y * cos
        if left > 25 and rng.random() < ALONG_AXIS:
            step_x, step_y = (step_x, 0.0) if abs(step_x) > abs(step_y) else (0.0, step_y)
        ms = max(90.0, budget * (reach / way) ** 0.6 * log_normal(rng, 1.0, 0.3))
        bow = hand.lean * float(rng.normal(1.0, 1.0)) if reach > 40 else 0.0
        strokes.append(_Stroke(onset, ms, step_x, step_y))
        if bow:
            strokes.append(_Stroke(onset, ms * 0.55, -step_y * bow, step_x * bow))
            strokes.append(_Stroke(onset + ms * 0.45, ms * 0.55, step_y * bow, -step_x * bow))
        goal_x, goal_y = goal_x - step_x, goal_y - step_y
        lifted = rng.random() < LIFTED
        onset += ms * (1 if lifted else float(rng.uniform(0.5, 0.95)))
        onset += log_normal(rng, 130, 0.6) if lifted else 0.0
    return strokes


def _uneven(rng: Generator, u: NDArray[np.float64], haste: float) -> NDArray[np.float64]:
    """Let time run unevenly, from 0 to 1 as before: nobody's bell is smooth."""
    inside = (u > 0) & (u < 1)
    count = int(np.count_nonzero(inside))
    if count < 3:
        return u
    warped = u.copy()
    rate = np.exp(haste * _noise(rng, count + 1))
    warped[inside] = (np.cumsum(rate) / rate.sum())[:-1]
    return warped


def _noise(rng: Generator, count: int) -> NDArray[np.float64]:
    """Return slow noise of about unit size: a leaky random walk."""
    white = rng.standard_normal(count)
    out = np.empty(count)
    level = 0.0
    for i in range(count):
        level = 0.85 * level + 0.527 * white[i]
        out[i] = level
    return out


def reach(rng: Generator, hand: Hand, start: Point, goal: Point, width: float) -> Path:
    """Move from `start` to about `goal`, a target `width` px across."""
    strokes = _strokes(rng, hand, goal[0] - start[0], goal[1] - start[1], width)
    total = max((s.onset + s.ms for s in strokes), default=FRAME_MS)
    t = np.arange(0.0, total + FRAME_MS, FRAME_MS)
    x, y = np.full(len(t), start[0]), np.full(len(t), start[1])
    for stroke in strokes:
        done = minimum_jerk(_uneven(rng, (t - stroke.onset) / stroke.ms, hand.haste))
        x += stroke.dx * done
        y += stroke.dy * done
    step = np.hypot(np.diff(x, prepend=x[0]), np.diff(y, prepend=y[0]))
    size = hand.wobble * step * 4
    x += _noise(rng, len(t)) * size
    y += _noise(rng, len(t)) * size
    return Path(t, *_on_axis(hand, x, y))


def _on_axis(
    hand: Hand, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hold back the smaller part of small steps; what is held back comes later, at once."""
    if hand.grid < 0.2:
        return x, y
    limit = 2.5 * hand.grid
    return _held(x, limit), _held(y, limit)


def _held(values: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    out = np.empty_like(values)
    at = values[0]
    for i, value in enumerate(values):
        if abs(value - at) > limit:
            at = value - math.copysign(limit, value - at) * 0.5
        out[i] = at
    return out


def drift(rng: Generator, hand: Hand, start: Point, way: float, ms: float) -> Path:
    """Creep along, as a hand does that follows a line of text."""
    t = np.arange(0.0, ms + FRAME_MS, FRAME_MS)
    along = np.cumsum(np.abs(_noise(rng, len(t))))
    along *= way / max(along[-1], 1e-9)
    angle = float(rng.normal(0.0, 0.05)) + (math.pi if rng.random() < 0.4 else 0.0)
    x = start[0] + along * math.cos(angle)
    y = start[1] + along * math.sin(angle) + 0.6 * _noise(rng, len(t))
    return Path(t, *_on_axis(hand, x, y))
