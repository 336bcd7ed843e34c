"""Thrashing once more, slow and obvious.

The cursor is looked at 25 times a second. In a window of at most 2 s, at least half a second, it
covers 300 px or more, at 300 px/s or more, with four turns or more of 45 degrees, steps of more
than 5 px alone counted. The measure is 0.4 * turns/8 + 0.3 * (speed - 300)/300 + 0.3 / (1 +
(box/200)^2), each share at most its factor, and must reach 0.65. Pauses of more than half a second
and leaps of more than 5000 px/s end the window, and so does thrashing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class CursorTwin:
    at: tuple[float, float] = (0.0, 0.0)
    at_t: int = 0
    origin: int | None = None
    since: int | None = None
    points: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    turns: int = 0
    heading: tuple[float, float] = (0.0, 0.0)

    def begin(self, t: int) -> None:
        """Something happens in the stream: the first thing is its origin."""
        if self.origin is None:
            self.origin = t
            self.put(0, 0)

    def put(self, x: float, y: float) -> None:
        """A press says where the pointer is, but not how it came there."""
        self.at, self.at_t = (x, y), (self.origin or 0) - 40

    def shaken(self, t: int, x: float, y: float) -> bool:
        before, passed = self.at, t - self.at_t
        if passed < 40:
            return False
        self.at, self.at_t = (x, y), t
        if passed > 500:
            self.since = None
            return False
        step = (x - before[0], y - before[1])
        if math.hypot(*step) * 1000 > 5000 * passed:
            self.since = None
            return False
        if self.since is None or t - self.since > 2000:
            self.since, self.points, self.turns, self.heading = t - passed, [before], 0, step
            self.points.append((x, y))
            return False
        self.points.append((x, y))
        if math.hypot(*step) <= 5:
            return False
        dot = step[0] * self.heading[0] + step[1] * self.heading[1]
        both = (step[0] ** 2 + step[1] ** 2) * (self.heading[0] ** 2 + self.heading[1] ** 2)
        self.heading = step
        if dot > 0 and dot * dot * 2 > both:
            return False
        self.turns += 1
        length = sum(math.dist(a, b) for a, b in zip(self.points, self.points[1:], strict=False))
        lasted = t - self.since
        if self.turns < 4 or length < 300 or lasted < 500 or length * 1000 / lasted < 300:
            return False
        xs, ys = zip(*self.points, strict=True)
        box = max(max(xs) - min(xs), max(ys) - min(ys))
        measure = (
            0.4 * min(1, self.turns / 8)
            + 0.3 * min(1, (length * 1000 / lasted - 300) / 300)
            + 0.3 / (1 + (box / 200) ** 2)
        )
        if measure < 0.65:
            return False
        self.since = None
        return True
