"""The rage rules once more, slow and obvious: what the kernel must agree with.

Reads like the specification; shares no code and no number with the kernel, except that what each
term is worth is read from the model file. Times are epoch ms.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.hotpath.helpers.mood_twin import MODELS, promised

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
    asked: bool = False
    """Its answer was a request …"""
    failed: bool = False
    """… which came back as an error."""

    @property
    def plain(self) -> bool:
        return not self.flags & ACTIONABLE

    @property
    def observable(self) -> bool:
        return not self.flags & UNOBSERVABLE

    def patience(self, others: list[Press]) -> int:
        """Say how long to wait for its answer, from what it is and how fast it answered lately."""
        if "link" in self.flags and not self.flags & ({"button"} | REPEATED_BY_DESIGN):
            return 2500
        lately = [
            p.latency for p in others
            if p.target == self.target and p.latency is not None and p.latency <= 1000
            and not p.failed
        ]  # fmt: skip
        usual = 400 if self.flags & REPEATED_BY_DESIGN else 100
        return max([usual, *(min(1000, 3 * latency // 2) for latency in lately)])

    def undecided(self, now: int, others: list[Press]) -> bool:
        waiting = self.latency is None and self.observable
        return waiting and now < self.t + self.patience(others)


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
    insisting: bool = False


FAST = Shape(3, 600, math.inf, 1000, True, True)
FOUR = Shape(4, 1000, math.inf, 1000, True, True)
SLOW = Shape(5, 2500, 7000, 2500, True, False, slow=True)
PLAIN = Shape(6, 300, math.inf, 1000, False, True)
INSISTED = Shape(4, 5000, 20_000, 2500, True, False, insisting=True)


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
            leaving = what["kind"] == "navigation"
            self.answer(t, None if leaving else what.get("of"), what.get("after"), what["kind"])
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
            for press in self.presses:
                if press.asked and not press.failed and t - press.t <= 2000:
                    press.failed = True
                    break
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

    def answer(self, t: int, of: int | None, after: int | None, kind: str = "") -> None:
        if of is None:
            self.record(t, self.presses)
        else:
            if self.clicks < of < 1 << 24:  # presses were lost to us: the page's count holds
                for press in self.presses:
                    press.number += of - self.clicks
                self.clicks = of
            pressed = [p for p in self.presses if p.number == of]
            for press in pressed:
                press.asked |= press.latency is None and kind == "network"
            self.record(t, pressed, after)

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
            if shape.insisting and press.plain:
                apart = math.hypot(press.x - newest.x, press.y - newest.y)
                belongs = belongs and apart <= 180
            if shape.near and not belongs:
                n = len(burst)
                dx = n * press.x - sum(p.x for p in burst)
                dy = n * press.y - sum(p.y for p in burst)
                belongs = dx * dx + dy * dy <= (n * self.radius) ** 2
            if belongs:
                burst.insert(0, press)
            elif shape.near or shape.insisting:
                break
        return burst

    def is_burst(self, shape: Shape, burst: list[Press]) -> bool:
        """Say whether presses that belong together are a burst of this shape."""
        if (shape.slow or shape.insisting) and burst[-1].flags & REPEATED_BY_DESIGN:
            return False
        if len(burst) < shape.least or not shape.insisting:
            return len(burst) >= shape.least
        gaps = [b.t - a.t for a, b in itertools.pairwise(burst)]
        hasty = max(gaps[-2:])
        if not burst[-1].plain:
            return len(burst) >= 5 or hasty <= 1200
        before = self.presses[: -len(burst)]
        alone = not before or burst[0].t - before[-1].t > 120_000
        hurried = hasty <= (600 if len(burst) == 4 else 1200)
        return alone and hurried and max(gaps) > 600

    def judge(self, now: int) -> None:
        self.due = None
        if self.automated or not self.presses:
            return
        newest = self.presses[-1]
        best: tuple[float, Shape, list[Press], dict[str, float], bool, tuple[bool, bool]] | None
        best = None
        open_until = -1
        for shape in (PLAIN, INSISTED) if newest.plain else (FAST, FOUR, SLOW, INSISTED):
            burst = self.burst(shape)
            quiet = max(shape.quiet, newest.patience(self.presses))
            if now - newest.t > quiet or not self.is_burst(shape, burst):
                continue
            if 15 * (newest.t - burst[0].t) < 1000 * (len(burst) - 1):
                if len(burst) >= 8:
                    self.automated = True
                continue
            open_until = max(open_until, newest.t + quiet)
            same, marks = self.history(burst)
            terms = self.terms(shape, burst, now, *marks)
            score = round(sum(terms.values()), 6)
            if best is None or score > best[0]:
                best = (score, shape, burst, terms, same, marks)
        if best is None or self.automated:
            return
        waits = [
            p.t + p.patience(self.presses) for p in self.presses if p.undecided(now, self.presses)
        ]
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
        answers = [p.latency for p in burst if p.latency is not None and not p.failed]
        timely = sum(latency <= 1000 for latency in answers)
        late = sum(1000 < latency <= 2500 for latency in answers)
        silent = sum(
            p.failed
            or (
                p.observable
                and (
                    p.latency > 2500
                    if p.latency is not None
                    else not p.undecided(now, self.presses)
                )
            )
            for p in burst
        )
        blind = sum(p.latency is None and not p.observable for p in burst)
        error = self.last_error is not None and burst[0].t <= self.last_error <= newest.t + 2000
        gaps = sorted(b.t - a.t for a, b in itertools.pairwise(burst))
        worth = {name: weight / 10 for name, weight in MODELS["rage"].burst.items()}
        terms = {"prior": worth["prior"], "presses": worth[f"presses_{min(n, 5)}"]}
        if n > 5:
            extra = worth["extra_press"] * (n - 5)
            terms["extra_presses"] = min(worth["extra_presses_max"], extra)
        if shape.insisting:
            terms["insisted"] = worth["insisted"]
        elif not shape.slow and gaps[len(gaps) // 2] < 200:
            terms["quick_presses"] = worth["quick"]
        if newest.plain:
            terms["plain_target"] = worth["plain_target"]
        if 3 * silent >= 2 * n:
            terms["unanswered_presses"] = worth["unanswered"]
        elif 3 * (silent + late) >= 2 * n and not newest.flags & REPEATED_BY_DESIGN:
            terms["late_answers"] = worth["late"]
        elif error and 3 * blind >= 2 * n:
            terms["unobservable"] = worth["unobservable"]
        elif timely and not silent and not late:
            return terms | {"answered_presses": worth["answered"]}
        else:
            return terms | {"unproven": worth["unproven"]}
        if error:
            terms["error"] = worth["error"]
        if "disabled" in newest.flags:
            terms["disabled_target"] = worth["disabled"]
        if repeated and not newest.plain:
            terms["repeated"] = worth["repeated"]
        if troubled and not newest.plain:
            terms["troubled"] = worth["troubled"]
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
        slow = shape.slow or (shape.insisting and newest.t - burst[-2].t > 600)
        self.said.append(
            Said(
                episode.number, episode.rev, confidence,
                "slow_rage_click" if slow else "rage_click", now,
                [p.ref for p in burst], terms, newest.target,
            )
        )  # fmt: skip
