"""The rules of hesitation once more, slow and obvious: what the kernel must agree with.

What is decided about: prices, checkouts and calls to action fully; other buttons 60 %; links, tabs,
menus 30 %. Players, canvases, maps, games, fields, carousels, pages of a list, closing, steppers,
calendars, what is disabled and what cannot be observed: not at all.

- dwell: the mouse rests on such a thing for 2.5 s; or has left it after 2 s: 80 %. From 4.5 s on it
  is worth half as much again. A mark of just now (2.5 s, or 4.5 s for the later ones) is made
  stronger instead. After 12 s the mouse was parked: nothing of it counts. Nor does it for a press
  on something else than what the mouse rests on, or left last or before that (as for a return):
  it was only read.
- returns: back, for a second, on one of the last two things left unpressed, at most 15 s after the
  last of them was left, and neither that long before the other. Not for links.
- Only a rest counts that begins 1.5 s after the page or later, and that nothing else interrupts: a
  press, a change, a key, a focus, a hidden tab.
- toggling: three changes among the same two things, none 20 s after the last, and none that comes
  within 0.6 s (then it is play); half as much for each more.
- slow_typing: a burst of four keys or more at more than 2.5 times the visitor's pace; from 4 times
  on, more by half. The pace follows the bursts an eighth at a time, and is known after three.
- rewriting: eight strokes or more in a field, and 30 % as many delete as write; from half on,
  more by half.
- slow_start: 3 s or more from the focus to the first key; from 8 s on more by half; after 45 s the
  visitor was elsewhere. A focus in a page's first 1.5 s is the page's own; paste and the browser's
  filling in are no keys.
- left_empty: 3 to 45 s in a field that is left empty; more by half if something was deleted there.
- pause_before_submit: two things or more of a form filled in, and nothing for 6 s: 80 %. If it is
  sent, or a checkout or a call to action pressed, after 4 to 60 s: fully; from 9 s on more by half.
  That press ends the pause, until something more is filled in. More in the same field, or of the
  same box, is not another thing. A field entered and still empty is under way; once left it counts
  as dealt with. Whatever is filled in after a pause takes it back.
- cancelled_press: pressed down on a button or more, and let go elsewhere; more by half on what the
  mouse rests on, or left last or before that, at most 15 s after the last of them.
- deliberation, wavering: the way of the mouse to a press on a button or more, unless it rested for
  more than 2 s before the press. The time counts from 1 s, fully from 4 to 8 s, no more at 14 s.
  Turns of 3 px or more are 15 % each, on both axes, and the detour is half of what it adds; from
  20 % on, at most 150 %.

A press on a button or more ends dwelling and returns, and but for a mere price the pause; sending
and success (an event or a page that means it) end everything. Another page, a hidden tab, a reset
and the visit's end forget what is under way, not what was marked.
Times are epoch ms.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

from tests.unit.hotpath.helpers.mood_twin import MoodTwin

DECISIONS = {"cta", "price", "checkout"}
NO_DECISIONS = {
    "unobserved", "media", "canvas", "map", "game", "text_field", "carousel", "paginator", "close",
    "stepper", "date_picker", "disabled",
}  # fmt: skip


def half_more(strength: int, more: bool) -> int:
    return strength * 3 // 2 if more else strength


@dataclass
class Rest:
    target: str
    began: int
    line: int
    worth: int
    heard: int
    told: int = 0

    @property
    def due(self) -> float:
        return max(self.heard, (self.began + 2500, self.began + 4500, math.inf)[self.told])


@dataclass
class Field:
    """What was entered, and by whom."""

    entered: int
    by_visitor: bool
    written: bool = False
    counted: bool = False
    keys: int = 0
    deletes: int = 0

    @property
    def awaits_key(self) -> bool:
        return self.by_visitor and not self.written


@dataclass
class Form:
    things: int = 0
    t: int = 0
    line: int = 0
    told: bool = False
    sent: bool = False


@dataclass
class Stream:
    touch: bool = False
    mood: MoodTwin = field(default_factory=lambda: MoodTwin("hesitation"))
    page_t: float = -math.inf
    rest: Rest | None = None
    busy_t: float = -math.inf
    left: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    changed: list[str] = field(default_factory=list[str])
    changed_t: int = 0
    changes: int = 0
    focused: Field | None = None
    form: Form = field(default_factory=Form)
    bursts: int = 0
    pace: int = 0
    way: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    way_t: int = 0
    sampled: tuple[float, float] = (0, 0)
    sampled_t: float = -math.inf

    # -- events ----------------------------------------------------------------------------

    def happen(self, t: int, kind: str, line: int, /, **what: Any) -> None:
        self.advance(t)
        if self.busy_t == -math.inf:
            self.busy_t = t
        self.touch = what.get("ptr") == "touch"
        target, flags = str(what.get("target", "")), set[str](what.get("flags", ()))
        if kind == "click":
            if not what.get("button") and not what.get("modifiers") and what.get("detail") != 0:
                self.press(t, line, target, flags)
                self.way, self.sampled_t = [], -math.inf
                self.sampled = (what["x"], what["y"])
        elif kind == "pointer_move":
            self.move(t, what["x"], what["y"])
        elif kind == "hover":
            self.hover(t, line, target, flags, what["ms"], bool(what.get("open")))
        elif kind == "focus":
            self.focused = Field(t, t >= self.page_t + 1500)
            self.attend(t)
        elif kind == "blur":
            self.blur(t, line, target, flags, what.get("filled", True), what["ms"])
        elif kind == "input":
            self.write(t, line, target, flags, what)
        elif kind == "change":
            self.change(t, line, target, flags)
        elif kind == "submit":
            self.send(t, line, target)
            self.succeed(t)
        elif kind == "track":
            if "success" in what["means"]:
                self.succeed(t)
        elif kind == "press_cancel":
            if self.worth(flags) >= 60:
                strength = half_more(self.worth(flags), self.is_about(t, target))
                self.say(t, line, "cancelled_press", target, strength)
        elif kind in ("page_view", "session_end", "reset") or what.get("state") == "hidden":
            self.attend(t)
            self.left, self.changed, self.changes = [], [], 0
            self.form.things, self.focused = 0, None
        if kind == "page_view":
            if "success" in what.get("means", ()):
                self.succeed(t)
            self.page_t = t
        if kind in ("page_view", "pointer_exit"):
            self.way = []

    @property
    def paused_t(self) -> float:
        awaited = self.focused and self.focused.awaits_key
        return math.inf if self.form.things < 2 or self.form.told or awaited else self.form.t + 6000

    def advance(self, now: int) -> None:
        """Let what time alone tells be told, each at its time."""
        while (due := min(self.rest.due if self.rest else math.inf, self.paused_t)) <= now:
            t = int(due)
            if self.rest and self.rest.due <= t:
                rest = self.rest
                rest.told += 1
                strength = half_more(rest.worth, rest.told == 2)
                within = 4500 if rest.told == 2 else 2500
                self.strengthen(t, rest.line, "dwell", rest.target, strength, within)
            if self.paused_t <= t:
                self.form.told = True
                self.say(t, self.form.line, "pause_before_submit", "", 80)

    # -- marks -----------------------------------------------------------------------------

    def say(self, t: int, line: int, feature: str, target: str, strength: int = 100) -> None:
        self.mood.mark(feature, t, line, strength)
        self.mood.judge(t, feature, target)

    def strengthen(
        self, t: int, line: int, feature: str, target: str, strength: int, within: int
    ) -> None:
        recent = self.mood.recent(feature, t, within)
        if recent:
            recent[-1].strength = max(recent[-1].strength, strength)
        else:
            self.mood.mark(feature, t, line, strength)
        self.mood.judge(t, feature, target)

    def worth(self, flags: set[str]) -> int:
        if flags & NO_DECISIONS:
            return 0
        if flags & DECISIONS:
            return 100
        if flags & {"link", "nav", "tab", "menu"}:
            return 30
        return 60 if "button" in flags else 0

    def is_about(self, t: int, target: str) -> bool:
        """Whether the mouse rests on it, or has just left it, last or before that."""
        known = [self.rest.target] if self.rest else []
        if self.left and t - self.left[-1][1] <= 15_000:
            known += [name for name, _ in self.left]
        return target != "" and target in known

    def attend(self, t: int) -> None:
        """The visitor is at something else than what the mouse rests on."""
        self.rest = None
        self.busy_t = t

    # -- the mouse -------------------------------------------------------------------------

    def hover(self, t: int, line: int, target: str, flags: set[str], ms: int, begins: bool) -> None:
        worth = self.worth(flags)
        if self.touch or not worth or not target:
            self.attend(t)
            return
        known = self.rest is not None and self.rest.target == target
        if not known:
            began = t - ms
            before = self.rest.began if self.rest else self.busy_t
            if began < before or began < self.page_t + 1500:
                worth = 0
            left = [name for name, _ in self.left]
            if worth >= 60 and target in left and t - self.left[-1][1] <= 15_000:
                self.say(t, line, "returns", target, worth)
        if begins:
            if worth:
                self.rest = Rest(target, t - ms, line, worth, t)
            elif self.rest:
                self.busy_t = self.rest.began
                self.rest = None
            return
        if ms > 12_000:
            self.mood.forget("dwell")
        elif worth:
            if ms >= 2000:
                strength = worth * 4 // 5 if ms < 2500 else half_more(worth, ms >= 4500)
                self.strengthen(t, line, "dwell", target, strength, 4500)
            self.leave(t, target)
        self.attend(t)

    def leave(self, t: int, target: str) -> None:
        if self.left and t - self.left[-1][1] > 15_000:
            self.left = []
        if self.left and self.left[-1][0] == target:
            self.left.pop()
        self.left = [*self.left[-1:], (target, t)]

    def move(self, t: int, x: float, y: float) -> None:
        rested = t - self.sampled_t
        if rested < 40:
            return
        self.sampled, self.sampled_t = (x, y), t
        if not self.way or rested > 2000:
            self.way, self.way_t = [], t
        self.way.append((x, y))

    def press(self, t: int, line: int, target: str, flags: set[str]) -> None:
        if self.worth(flags) >= 60:
            if not self.is_about(t, target):
                self.mood.forget("dwell")
            if self.way and not self.touch and t - self.sampled_t <= 2000:
                self.judge_way(t, line)
            if flags & {"cta", "checkout"}:
                self.send(t, line, target)
                self.form.sent = True
            self.mood.judge(t, "deliberation", target)
            self.mood.forget("dwell", "returns")
            if flags & {"cta", "checkout", "button"}:
                self.mood.forget("pause_before_submit")
                self.form.told = True
        self.left = [("" if name == target else name, when) for name, when in self.left]
        self.attend(t)

    def judge_way(self, t: int, line: int) -> None:
        took = t - self.way_t
        strength = int(min(100, max(0, (took - 1000) / 30), max(0, (14_000 - took) / 60)))
        if strength:
            self.mood.mark("deliberation", t, line, strength)
        turns = 0
        for axis in (0, 1):
            steps = [b[axis] - a[axis] for a, b in itertools.pairwise(self.way)]
            ways = [step > 0 for step in steps if abs(step) >= 3]
            turns += sum(a != b for a, b in itertools.pairwise(ways))
        length = sum(math.dist(a, b) for a, b in itertools.pairwise(self.way))
        detour = length / max(1, math.dist(self.way[0], self.way[-1])) - 1
        strength = min(150, 15 * turns + int(50 * min(1, max(0, detour))))
        if strength >= 20:
            self.mood.mark("wavering", t, line, strength)

    # -- forms -----------------------------------------------------------------------------

    def fill(self, t: int, line: int, flags: set[str], another: bool) -> None:
        if flags & {"form", "checkout"}:
            self.mood.forget("pause_before_submit")
            self.form = Form(self.form.things + another, t, line)

    def succeed(self, t: int) -> None:
        self.form.things = 0
        self.mood.forget()
        self.attend(t)

    def send(self, t: int, line: int, target: str) -> None:
        waited = t - self.form.t
        if self.form.things >= 2 and not self.form.sent and 4000 <= waited <= 60_000:
            strength = half_more(100, waited >= 9000)
            self.strengthen(t, line, "pause_before_submit", target, strength, 60_000)

    def change(self, t: int, line: int, target: str, flags: set[str]) -> None:
        self.fill(t, line, flags, target != (self.changed[-1] if self.changed else ""))
        self.attend(t)
        if flags & NO_DECISIONS or not target:
            return
        if not self.changed or t - self.changed_t > 20_000:
            self.changes = 0
            self.changed = self.changed[-1:]
        played = self.changes > 0 and t - self.changed_t < 600
        self.changed_t = t
        if played:
            return
        if target in self.changed or not self.changes:
            self.changes += 1
        else:
            self.changes = 2
        if self.changed[-1:] != [target]:
            self.changed = [*self.changed[-1:], target]
        if self.changes >= 3:
            self.say(t, line, "toggling", target, 100 if self.changes == 3 else 50)

    def blur(self, t: int, line: int, target: str, flags: set[str], filled: bool, ms: int) -> None:
        here, self.focused = self.focused, None
        thought = here and here.by_visitor and "text_field" in flags and 3000 <= ms <= 45_000
        if here and thought and not filled:
            self.say(t, line, "left_empty", target, half_more(100, here.deletes > 0))
        if here and here.awaits_key:
            self.form.t = t

    def write(self, t: int, line: int, target: str, flags: set[str], what: dict[str, Any]) -> None:
        here = self.focused or Field(t, by_visitor=False)
        self.focused = here
        self.fill(t, line, flags, not here.counted)
        self.attend(t)
        first = here.awaits_key
        here.counted = here.written = here.by_visitor = True
        keys, deletes, ms = what["keys"], what["deletes"], what.get("ms") or 0
        if what.get("paste") or "text_field" not in flags or not keys + deletes:
            return
        waited = t - ms - here.entered
        if first and 3000 <= waited <= 45_000:
            self.say(t, line, "slow_start", target, half_more(100, waited >= 8000))
        if keys >= 4 and ms > 0:
            self.judge_pace(t, line, target, ms // keys)
        here.keys = min(255, here.keys + keys)
        here.deletes = min(255, here.deletes + deletes)
        if here.keys + here.deletes >= 8 and 10 * here.deletes >= 3 * here.keys:
            strength = half_more(100, 2 * here.deletes >= here.keys)
            self.strengthen(t, line, "rewriting", target, strength, 45_000)

    def judge_pace(self, t: int, line: int, target: str, pace: int) -> None:
        if self.bursts >= 3 and pace > 2.5 * self.pace:
            self.say(t, line, "slow_typing", target, half_more(100, pace >= 4 * self.pace))
        step = max(1, self.pace // 8)
        if self.bursts == 0:
            self.pace = pace
        elif pace != self.pace:
            self.pace += step if pace > self.pace else -step
        self.bursts += 1
