"""The rage rules once more, slow and obvious: what the kernel must agree with.

Reads like the specification; shares no code and no number with the kernel. Times are epoch ms.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.hotpath.helpers.mood_twin import promised

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIONABLE = {
    "link", "button", "stepper", "paginator", "carousel", "close", "disabled", "cta",
    "date_picker", "tab", "menu",
}  # fmt: skip
REPEATED_BY_DESIGN = {"stepper", "paginator", "carousel", "date_picker"}
UNOBSERVABLE = {"unobserved", "media", "canvas", "map", "game"}


@dataclass
class Press:
    t: int
    x: int
    y: int
    target: str
    flags: frozenset[str]
    ref: tuple[int, int]
    number: int
    latency: int | None = None

    @property
    def plain(self) -> bool:
        return not self.flags & ACTIONABLE

    @property
    def observable(self) -> bool:
        return not self.flags & UNOBSERVABLE

    @property
    def patience(self) -> int:
        if self.flags & REPEATED_BY_DESIGN:
            return 400
        if "link" in self.flags and "button" not in self.flags:
            return 1000
        return 100

    def undecided(self, now: int) -> bool:
        return self.latency is None and self.observable and now < self.t + self.patience


@dataclass
class Episode:
    number: int
    target: str
    last_press: int
    rev: int = 0
    confidence: int = 0
    size: int = 0
    repeated: bool = False
    troubled: bool = False


@dataclass
class Said:
    episode: int
    rev: int
    confidence: int
    trigger: str
    t: int
    evidence: list[tuple[int, int]]
    terms: dict[str, float]
    target: str


@dataclass
class Shape:
    """A way in which presses make up a burst."""

    least: int
    gap: int
    window: float
    quiet: int
    same_target: bool
    near: bool
    slow: bool = False


FAST = Shape(3, 600, math.inf, 1000, True, True)
FOUR = Shape(4, 1000, math.inf, 1000, True, True)
SLOW = Shape(5, 2500, 7000, 2500, True, False, slow=True)
PLAIN = Shape(6, 300, math.inf, 1000, False, True)


@dataclass
class Twin:
    """One stream."""

    threshold: int = 50
    clock: int | None = None
    presses: list[Press] = field(default_factory=list[Press])
    clicks: int = 0
    radius: int = 30
    last_error: int | None = None
    due: int | None = None
    episode: Episode | None = None
    automated: bool = False
    peak: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    said: list[Said] = field(default_factory=list[Said])

    # -- events ----------------------------------------------------------------------------

    def happen(self, t: int, kind: str, ref: tuple[int, int], /, **what: Any) -> None:
        """Let one event of a recording happen."""
        if self.clock is not None and t < self.clock:
            if self.clock - t > 2000:
                self.clicks += kind == "click"
                return
            t = self.clock
        self.clock = t
        self.fire_timers(t)
        if kind == "click":
            self.click(t, ref, what)
        elif kind == "reaction":
            self.answer(t, what.get("of"), what.get("after"))
            if what["kind"] == "selection":
                self.presses = []
                self.due = None
        elif kind == "submit":
            self.answer(t, None, None)
        elif kind in ("change", "input"):
            self.record(t, [p for p in self.presses if p.target == what["target"]])
        elif kind == "visibility" and what["state"] == "hidden":
            self.record(t, [p for p in self.presses if t - p.t <= 1000])
        elif kind == "error":
            self.last_error = t
            self.judge(t)
        elif kind == "scroll":
            if self.presses and t - self.presses[-1].t <= 300:
                self.presses, self.due = [], None
        elif (
            (kind == "select" and what["chars"])
            or (kind == "drag" and what["px"] > 10)
            or kind in ("copy", "session_end", "reset")
        ):
            self.presses, self.due = [], None
        elif kind == "page_view":
            self.answer(t, None, None)
            self.presses, self.due = [], None

    def click(self, t: int, ref: tuple[int, int], what: dict[str, Any]) -> None:
        self.clicks += 1
        flags: frozenset[str] = frozenset(what["flags"])
        if what.get("button") or what.get("modifiers") or what.get("detail") == 0:
            return
        if "text_field" in flags:
            return
        x, y = math.floor(what["x"] + 0.5), math.floor(what["y"] + 0.5)
        self.presses.append(Press(t, x, y, str(what["target"]), flags, ref, self.clicks))
        self.presses = self.presses[-16:]
        self.radius = 44 if what.get("ptr") == "touch" else 30
        self.judge(t)

    def answer(self, t: int, of: int | None, after: int | None) -> None:
        if of is None:
            self.record(t, self.presses)
        else:
            self.record(t, [p for p in self.presses if p.number == of], after)

    def record(self, t: int, presses: list[Press], after: int | None = None) -> None:
        """Note the first answer to each of the presses."""
        first = False
        for press in presses:
            if press.latency is None:
                press.latency = t - press.t if after is None else after
                first = True
        if first:
            self.judge(t)

    # -- time ------------------------------------------------------------------------------

    def fire_timers(self, now: int) -> None:
        while self.due is not None and self.due <= now:
            self.judge(self.due)

    def advance(self, t: int) -> None:
        if self.clock is not None and t > self.clock:
            self.clock = t
            self.fire_timers(t)

    # -- judgement -------------------------------------------------------------------------

    def burst(self, shape: Shape) -> list[Press]:
        """Return the presses that belong to the newest one, in order."""
        newest = self.presses[-1]
        burst = [newest]
        for press in reversed(self.presses[:-1]):
            if burst[0].t - press.t > shape.gap or newest.t - press.t > shape.window:
                break
            belongs = shape.same_target and press.target == newest.target
            if shape.near and not belongs:
                n = len(burst)
                dx = n * press.x - sum(p.x for p in burst)
                dy = n * press.y - sum(p.y for p in burst)
                belongs = dx * dx + dy * dy <= (n * self.radius) ** 2
            if belongs:
                burst.insert(0, press)
            elif shape.near:
                break
        return burst

    def judge(self, now: int) -> None:
        self.due = None
        if self.automated or not self.presses:
            return
        newest = self.presses[-1]
        best: tuple[float, Shape, list[Press], dict[str, float], bool, tuple[bool, bool]] | None
        best = None
        open_until = -1
        for shape in (PLAIN,) if newest.plain else (FAST, FOUR, SLOW):
            burst = self.burst(shape)
            if now - newest.t > shape.quiet or len(burst) < shape.least:
                continue
            if 15 * (newest.t - burst[0].t) < 1000 * (len(burst) - 1):
                if len(burst) >= 8:
                    self.automated = True
                continue
            open_until = max(open_until, newest.t + shape.quiet)
            same, marks = self.history(burst)
            terms = self.terms(shape, burst, now, *marks)
            score = round(sum(terms.values()), 6)
            if best is None or score > best[0]:
                best = (score, shape, burst, terms, same, marks)
        if best is None or self.automated:
            return
        waits = [p.t + p.patience for p in self.presses if p.undecided(now)]
        self.due = min((t for t in waits if t <= open_until), default=None)
        score, shape, burst, terms, same, marks = best
        confidence = promised("rage", round(10 * score))
        self.peak = max(self.peak, confidence)
        if confidence >= self.threshold:
            self.say(now, shape, burst, terms, confidence, same, marks)

    def history(self, burst: list[Press]) -> tuple[bool, tuple[bool, bool]]:
        """Say whether the burst goes on with the last episode, else what that says about it."""
        last, newest = self.episode, burst[-1]
        if last is None:
            return False, (False, False)
        since = newest.t - last.last_press
        same_target = newest.target == last.target
        if since <= 5000 and (same_target or burst[0].t <= last.last_press):
            return True, (last.repeated, last.troubled)
        return False, (same_target and since <= 60_000, since <= 30_000)

    def terms(
        self, shape: Shape, burst: list[Press], now: int, repeated: bool, troubled: bool
    ) -> dict[str, float]:
        n, newest = len(burst), burst[-1]
        timely = sum(p.latency is not None and p.latency <= 1000 for p in burst)
        late = sum(p.latency is not None and 1000 < p.latency <= 2500 for p in burst)
        silent = sum(
            p.observable and (p.latency > 2500 if p.latency is not None else not p.undecided(now))
            for p in burst
        )
        blind = sum(p.latency is None and not p.observable for p in burst)
        error = self.last_error is not None and burst[0].t <= self.last_error <= newest.t + 2000
        gaps = sorted(b.t - a.t for a, b in itertools.pairwise(burst))
        terms = {"prior": -2.2, "presses": {3: 1.2, 4: 2.0}.get(n, 2.6)}
        if n > 5:
            terms["extra_presses"] = min(1.2, 0.3 * (n - 5))
        if not shape.slow and gaps[len(gaps) // 2] < 200:
            terms["quick_presses"] = 0.3
        if newest.plain:
            terms["plain_target"] = -2.0
        if 3 * silent >= 2 * n:
            terms["unanswered_presses"] = 2.2
        elif 3 * (silent + late) >= 2 * n and not newest.flags & REPEATED_BY_DESIGN:
            terms["late_answers"] = 0.8
        elif error and 3 * blind >= 2 * n:
            terms["unobservable"] = -1.0
        elif timely and not silent and not late:
            return terms | {"answered_presses": -3.5}
        else:
            return terms | {"unproven": -2.2}
        if error:
            terms["error"] = 1.2
        if "disabled" in newest.flags:
            terms["disabled_target"] = 0.8
        if repeated and not newest.plain:
            terms["repeated"] = 0.8
        if troubled and not newest.plain:
            terms["troubled"] = 0.4
        return terms

    def say(
        self, now: int, shape: Shape, burst: list[Press], terms: dict[str, float],
        confidence: int, same: bool, marks: tuple[bool, bool],
    ) -> None:  # fmt: skip
        newest = burst[-1]
        if not same or self.episode is None:
            self.episode = Episode(next(self.numbers), newest.target, newest.t)
            self.episode.repeated, self.episode.troubled = marks
        elif self.episode.rev >= 8 or (
            abs(confidence - self.episode.confidence) < 5 and len(burst) < 2 * self.episode.size
        ):
            self.episode.last_press = newest.t
            return
        episode = self.episode
        episode.rev += 1
        episode.last_press = newest.t
        episode.target = newest.target
        episode.confidence = confidence
        episode.size = len(burst)
        self.said.append(
            Said(
                episode.number, episode.rev, confidence,
                "slow_rage_click" if shape.slow else "rage_click", now,
                [p.ref for p in burst], terms, newest.target,
            )
        )  # fmt: skip
