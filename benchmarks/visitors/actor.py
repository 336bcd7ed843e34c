"""A person at a page: the small things people do, of which scenes are made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from benchmarks.visitors.motion import drift, reach
from benchmarks.visitors.timing import key_gap_ms, log_normal, rest_ms

if TYPE_CHECKING:
    from numpy.random import Generator

    from benchmarks.visitors.person import Mood, Person
    from benchmarks.visitors.site import Element, Page, Site
    from benchmarks.visitors.tab import Tab

BURST_END_MS: Final = 1000
"""The SDK closes a burst of keys after this silence."""


class Actor:
    """Moves, presses, reads, types; whatever it does takes a person's time."""

    def __init__(self, rng: Generator, person: Person, mood: Mood, site: Site, tab: Tab) -> None:
        self.rng = rng
        self.person = person
        self.mood = mood
        self.site = site
        self.tab = tab
        self.mouse = tab.ptr == "mouse"
        self.keyboard = False
        self.page: Page = site.page("/")
        self.trail: list[str] = []
        self.bought = False
        self.leaves = False
        """The visit ends with this scene."""

    def chance(self, p: float) -> bool:
        """Toss a coin that falls on its good side with chance `p`."""
        return bool(self.rng.random() < p)

    def wait(self, median_ms: float, spread: float = 0.4) -> None:
        """Let a log-normal time pass."""
        self.tab.now += log_normal(self.rng, median_ms, spread)

    # Pages

    def arrive(self, path: str, referrer: str | None = None) -> None:
        """Load the first page."""
        self._show(path, "load", referrer)

    def _show(self, path: str, nav: str, referrer: str | None = None) -> None:
        self.page = self.site.page(path)
        self.trail.append(path)
        fresh = not self.tab.stream or nav in ("load", "reload") or not self.site.single_page
        self.tab.view(path, nav, self.page.height, referrer, fresh=fresh)
        self.wait(900 * self.person.pace, 0.5)

    def go(self, path: str, via: Element | None = None) -> None:
        """Follow a link, or the address bar."""
        if via is not None:
            after = self.press(via)
            self.tab.now += min(after or 0.0, 4000.0)
        else:
            self.wait(600)
        before = self.page.path
        self._show(path, "spa" if self.site.single_page else "load", before)

    def back(self) -> None:
        """Press the browser's back button: the pointer leaves through the top."""
        if len(self.trail) < 2:
            return
        if self.mouse and self.chance(0.5):
            self.exit_top()
        else:
            self.wait(250)
        before = self.trail[-1]
        self._show(self.trail[-2], "back_forward", before)

    def exit_top(self) -> None:
        """Take the pointer out through the top edge."""
        if not self.mouse or self.keyboard:
            return
        self._reach((float(self.rng.uniform(0.05, 0.6)) * self.site.vw, 2.0), 40)
        self.tab.leave()
        vy = -log_normal(self.rng, 700, 0.5)
        self.tab.emit(
            "pointer_exit",
            edge="top",
            vx=round(vy * float(self.rng.normal(0, 0.4)), 1),
            vy=round(vy, 1),
        )

    # Pointer

    def _reach(self, goal: tuple[float, float], width: float) -> None:
        self.tab.leave()
        self.tab.trace(reach(self.rng, self.person.hand, self.tab.at, goal, width))

    def _inside(self, x: float, y: float) -> tuple[float, float]:
        return min(max(x, 3.0), self.site.vw - 3.0), min(max(y, 3.0), self.site.vh - 3.0)

    def point(self, element: Element, *, precise: bool = True) -> tuple[float, float]:
        """Bring the pointer onto an element, scrolling it into view first; return where it is."""
        self.see(element)
        spread = 0.16 if precise else 0.3
        x = element.x + element.w * min(max(float(self.rng.normal(0.5, spread)), 0.06), 0.94)
        y = (
            element.y
            - self.tab.scroll
            + element.h * min(max(float(self.rng.normal(0.5, spread)), 0.06), 0.94)
        )
        goal = self._inside(x, y)
        if self.mouse and not self.keyboard:
            if math.dist(goal, self.tab.at) > 3:
                self._reach(goal, min(element.w, element.h))
            if element.flags:
                self.tab.enter(element)
            return self._inside(*self.tab.at)
        self.tab.at = goal
        return goal

    def press(self, element: Element, *, times: int = 1, gap_ms: float = 170) -> float | None:
        """Press an element, with the habits of this person; return the last answer's ms."""
        x, y = self.point(element)
        self.wait(150 * self.person.pace, 0.5)
        habit = times == 1 and not self.keyboard and self.chance(self.person.double_click)
        if habit:
            times, gap_ms = 2, log_normal(self.rng, 160, 0.25)
        after: float | None = None
        for i in range(times):
            if i:
                self.wait(gap_ms, 0.18)
            after = self.tab.press(element, x, y, log_normal(self.rng, 80, 0.25))
        return after

    def strike(self, element: Element, count: int, gap_ms: float, shake: float) -> None:
        """Press again and again, less carefully; gaps are from press to press."""
        x, y = self.point(element)
        for i in range(count):
            held = log_normal(self.rng, 70, 0.25)
            if i:
                self.tab.now += max(log_normal(self.rng, gap_ms, 0.25) - held, 30.0)
            at = self._inside(
                x + float(self.rng.normal(0, shake)), y + float(self.rng.normal(0, shake))
            )
            self.tab.press(element, *at, held)

    def fidget(self, scale: float) -> None:
        """Move a little, to nowhere in particular."""
        if not self.mouse or self.keyboard:
            return
        way = log_normal(self.rng, scale, 0.9)
        kind = self.rng.random()
        x, y = self.tab.at
        if kind < 0.25:
            self.tab.leave()
            self.tab.trace(
                drift(
                    self.rng,
                    self.person.hand,
                    (x, y),
                    min(way, 250.0),
                    log_normal(self.rng, 900, 0.6),
                )
            )
            return
        angle = float(self.rng.uniform(0, 2 * math.pi))
        if kind < self.person.hand.straight:
            # Along a line or down a column, more often than not.
            quarter = 0 if self.rng.random() < self.person.hand.grid else 1
            side = self.rng.integers(2) * 2
            angle = float(self.rng.normal(0, 0.05)) + (quarter + side) * math.pi / 2
        dx, dy = way * math.cos(angle), way * math.sin(angle)
        x = x + dx if 8 < x + dx < self.site.vw - 8 else x - dx
        y = y + dy if 8 < y + dy < self.site.vh - 8 else y - dy
        self._reach(self._inside(x, y), log_normal(self.rng, 30, 0.5))

    def shake(self, way: float) -> None:
        """Sweep to the other side, quickly and without aiming."""
        if not self.mouse or self.keyboard:
            return
        x, y = self.tab.at
        side = 1 if x < self.site.vw / 2 else -1
        goal = self._inside(x + side * way, y + way * float(self.rng.normal(0, 0.25)))
        hasty = self.person.hand._replace(pace=min(self.person.hand.pace, 0.45))
        self.tab.leave()
        self.tab.trace(reach(self.rng, hasty, self.tab.at, goal, 60))
        self.tab.now += float(self.rng.uniform(10, 90))

    # Reading and scrolling

    def read(self, seconds: float, *, scrolls: float = 0.3) -> None:
        """Read for about so long: rest, move a little, scroll on, hover over things."""
        end = self.tab.now + seconds * 1000 * self.person.pace
        while self.tab.now < end:
            self.tab.now += rest_ms(self.rng)
            kind = self.rng.random()
            if kind < scrolls:
                self.scroll_by(log_normal(self.rng, 260, 0.5) * (1 if self.chance(0.85) else -1))
            elif kind < scrolls + 0.12:
                self.glance()
            else:
                # A hand that moves goes on moving for a while.
                for _ in range(1 + int(self.rng.poisson(2.5))):
                    self.fidget(self.person.hand.sweep)
                    self.wait(70, 0.7)

    def glance(self) -> None:
        """Bring the pointer over something that is in view."""
        seen = [e for e in self.page.elements.values() if self._visible(e)]
        if seen and self.mouse and not self.keyboard:
            self.point(seen[int(self.rng.integers(len(seen)))], precise=False)
            if self.chance(0.15):
                self.wait(1300, 0.5)

    def _visible(self, element: Element) -> bool:
        return 40 < element.y - self.tab.scroll < self.site.vh - 20

    def see(self, element: Element) -> None:
        """Scroll until an element is in view."""
        for _ in range(12):
            top = element.y - self.tab.scroll
            if top >= 0 and top + min(element.h, 60) <= self.site.vh - 5:
                return
            if element.y < 60:
                return
            before = self.tab.scroll
            self.scroll_by(top - self.site.vh * float(self.rng.uniform(0.25, 0.6)))
            if self.tab.scroll == before:
                return

    def scroll_by(self, px: float) -> None:
        """Scroll with the wheel, in steps of 100 ms as the SDK reports them."""
        most = max(self.page.height - self.site.vh, 0.0)
        goal = min(max(self.tab.scroll + px, 0.0), most)
        if abs(goal - self.tab.scroll) < 1 or most < 1:
            return
        self.tab.leave()
        steps = max(1, min(8, round(abs(goal - self.tab.scroll) / 120)))
        for i in range(steps):
            self.tab.now += float(self.rng.uniform(100, 135))
            self.tab.scroll += (goal - self.tab.scroll) / (steps - i)
            self.tab.emit("scroll", y=round(self.tab.scroll), max_y=round(most))

    # Forms

    def focus(self, element: Element) -> float:
        """Go into a field; return when."""
        if self.keyboard or self.chance(0.15):
            self.wait(200)
        else:
            self.press(element)
        self.tab.now += 12
        self.tab.emit("focus", target=element.target, flags=list(element.flags))
        return self.tab.now

    def keys(self, element: Element, count: int, *, deletes: float = 0.06) -> None:
        """Type; bursts end after a second of silence."""
        start = self.tab.now
        typed = removed = 0
        last = start
        for _ in range(count):
            gap = key_gap_ms(self.rng, self.person.typing)
            if gap > BURST_END_MS and typed:
                self._burst(element, last + BURST_END_MS, typed, removed, last - start)
                typed = removed = 0
                start = self.tab.now + gap
            self.tab.now += gap
            last = self.tab.now
            if self.chance(deletes):
                removed += 1
            else:
                typed += 1
        self._burst(element, None, typed, removed, last - start)

    def _burst(
        self, element: Element, at: float | None, keys: int, deletes: int, ms: float
    ) -> None:
        self.tab.emit(
            "input",
            at,
            target=element.target,
            flags=list(element.flags),
            keys=keys,
            deletes=deletes,
            ms=round(max(ms, 0.0)),
        )

    def blur(self, element: Element, since: float, *, filled: bool = True) -> None:
        """Leave a field."""
        self.wait(350)
        self.tab.emit(
            "blur",
            target=element.target,
            flags=list(element.flags),
            filled=filled,
            ms=round(self.tab.now - since),
        )

    def fill(self, element: Element, count: int) -> None:
        """Fill a field as one does."""
        since = self.focus(element)
        self.wait(500 * self.person.pace, 0.4)
        self.keys(element, count)
        self.blur(element, since)

    # Windows

    def away(self, ms: float) -> None:
        """Look at another tab."""
        self.tab.leave()
        self.tab.emit("visibility", state="hidden")
        self.tab.now += ms
        self.tab.emit("visibility", state="visible")
        self.wait(500)

    def close(self) -> None:
        """End the visit: most close the tab, some just never come back."""
        if self.chance(0.55):
            self.exit_top()
            self.wait(500)
        self.tab.leave()
        if self.chance(0.015):
            self.tab.emit("reset")
        if self.chance(0.75):
            self.tab.emit("visibility", state="hidden")
            if self.chance(0.8):
                self.tab.now += float(self.rng.uniform(5, 60))
                self.tab.emit("session_end")
