"""The rules of confusion once more, slow and obvious: what the kernel must agree with.

Over 400 lines because twelve signals share the memory of one stream.

Between pages, over the whole visit, nothing before the last success, nor before what another stream
told last:
- quick_back: away from a page and back within 10 s; nothing done there but pressing links. Within
  3 s it is worth 200 %, within 6 s 100 %, within 8 s 70 %, else 45 %; through the history from what
  was new 30 %. Back through the history from where the navigation had led: 200, 140, 90 % within 3,
  6, 10 s, and 30 % within 20 s. Returns of the last minute add up.
- page_loop: the third time on a page within 30 s (reloads are none), half as much for each more.
- search_rewrite: half a mark for each search after the first within 60 s. Searches are views of
  search pages in a row, on all of which but the last something was written and no link pressed;
  or, on one such page, submits of the same thing, each after writing, no link pressed between.
- A stream that begins with a page, without a mark yet, takes over what showed on pages left within
  the last minute: a mark for each page with stray_presses, scroll_hunt, menu_thrash, refused_again
  or thrash, those of a feature together.

On a page, anew with every page and after every success:
- stray_presses, dead_presses: two to four different things pressed in the last 15 s that nothing
  has answered for a second, half a mark each: places on what is no control (30 px apart, or 8 px on
  another element), or controls; each only if the one before or after it was within 6 s. What cannot
  be observed and fields to write in count for neither.
  It shows with the next press, scroll, hover, focus, refusal or writing.
- scroll_hunt: the third turn within 8 s, and each more, on a page that scrolls by more than a third
  of the viewport; it turns when it comes back by a quarter of it. 30 %, then 20 % while a mark is
  at most 8 s old. A press of a control begins anew.
- hover_scan: four controls hovered for a second or more within 15 s, no control pressed between.
- menu_thrash: three menus or tabs within 15 s, no tab after more than 4 s, no menu after more than
  8 s, nothing else pressed, nothing chosen by it; 150 % if a tab was left and come back to. A menu
  may also be opened by hovering. Or one menu (no tab) pressed three times, none after more than
  8 s; 33 % for each time more. What comes within 400 ms is a double click.
- help_again: a button that opened a dialog, pressed again after more than 1 s and at most 20 s,
  nothing else pressed but what closes. Not what has a purpose of another kind.
- field_pingpong: the third return within 30 s to one of the two fields before; the focus that comes
  within 200 ms of a refusal is the browser's doing. Or 60 % for the third field to write in, and
  each more, entered one after the other, nothing written in those before, which were left after
  500 to 4,000 ms.
- refused_again: an attempt (control pressed, or submit) is refused within 5 s because of the same
  field as the last one within 60 s. Only the first refusal after an attempt counts.
- thrash: the cursor is shaken; once in 5 s.

Two marks of a feature are held: before a third, the older one is added to the other, or dropped if
it is more than a minute old.

Selecting, copying and dragging takes stray presses back; success takes everything back.
Times are epoch ms.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

from tests.unit.hotpath.helpers.cursor_twin import CursorTwin
from tests.unit.hotpath.helpers.mood_twin import MoodTwin
from tests.unit.hotpath.twin import Press
from tests.unit.hotpath.twin_anger import AngryTwin

SURFACES = {"media", "canvas", "map", "game"}
CARRIED = ("stray_presses", "scroll_hunt", "menu_thrash", "refused_again", "thrash")
PURPOSES = SURFACES | {
    "unobserved", "cta", "checkout", "form", "stepper", "paginator", "carousel", "date_picker",
    "close", "disabled",
}  # fmt: skip


@dataclass
class View:
    page: str
    t: int
    nav: str
    acted: bool = False
    navigated: bool = False
    written: bool = False
    link: bool = False
    other: bool = False
    signs: set[str] = field(default_factory=set[str])

    @property
    def is_search(self) -> bool:
        return "search" in self.page

    @property
    def idle(self) -> bool:
        only_links = self.link and not self.written and not self.other
        return not self.acted or only_links


@dataclass
class Visit:
    views: list[View] = field(default_factory=list[View])
    success: int = 0
    struggle: int = 0
    streams: dict[str, Stream] = field(default_factory=dict[str, "Stream"])

    def happen(self, stream: str, t: int, kind: str, line: int, /, **what: Any) -> None:
        here = self.streams.setdefault(stream, Stream(self))
        told = len(here.mood.said) + len(here.rage.mood.said)
        here.happen(t, kind, line, **what)
        if len(here.mood.said) + len(here.rage.mood.said) > told:
            self.struggle = t

    def advance(self, t: int) -> None:
        for stream in self.streams.values():
            stream.rage.advance(t)

    @property
    def view(self) -> View:
        return self.views[-1] if self.views else View("", 0, "")

    def groups(self) -> list[list[View]]:
        """The views held, those of the same page in a row together."""
        return [list(group) for _, group in itertools.groupby(self.views, lambda v: v.page)]


@dataclass
class Stream:
    visit: Visit
    touch: bool = False
    rage: AngryTwin = field(default_factory=AngryTwin)
    mood: MoodTwin = field(default_factory=lambda: MoodTwin("confusion"))
    cursor: CursorTwin = field(default_factory=CursorTwin)
    height: int = 700

    def __post_init__(self) -> None:
        self.searches: list[int] = []
        self.searched_by = ""
        self.written = False
        self.field_written = False
        self.lost: set[int] = set()
        self.new_page()

    def new_page(self) -> None:
        self.fields: list[str] = []
        self.returns: list[int] = []
        self.tried = -math.inf
        self.refused = ("", -math.inf)
        self.end_search()
        self.entered = -math.inf
        self.looked = 0
        self.end_menus()

    def end_menus(self) -> None:
        self.menus: list[tuple[str, int]] = []
        self.came_back = False
        self.menu_presses = 0
        self.help = ""
        self.opened = False

    def end_search(self) -> None:
        self.hovered: dict[str, int] = {}
        self.turns: list[int] = []
        self.stood: float | None = None
        self.way = 0

    # -- events ----------------------------------------------------------------------------

    def happen(self, t: int, kind: str, line: int, /, **what: Any) -> None:
        self.rage.happen(t, kind, (0, line), **what)
        self.cursor.begin(t)
        self.touch = what.get("ptr") == "touch"
        target, flags = str(what.get("target", "")), set[str](what.get("flags", ()))
        if kind == "click":
            if what.get("button") or what.get("modifiers"):
                return
            self.visit.view.acted = True
            self.visit.view.navigated = {"nav", "link"} <= flags
            if what.get("detail") != 0:
                self.press(t, line, target, flags)
                self.cursor.put(what["x"], what["y"])
                self.settle(t)
        elif kind == "pointer_move":
            if self.cursor.shaken(t, what["x"], what["y"]) and not self.touch:
                if not self.mood.recent("thrash", t, 5000):
                    self.note(t, line, "thrash")
                self.judge(t, "thrash")
        elif kind == "scroll":
            self.scroll(t, line, what["y"], what["max_y"])
            self.settle(t)
        elif kind == "hover":
            self.hover(t, line, target, flags, what["ms"])
            self.settle(t, target)
        elif kind == "focus":
            self.focus(t, line, target, "text_field" in flags)
            self.settle(t, target)
        elif kind == "invalid":
            self.invalid(t, line, target)
            self.settle(t, target)
        elif kind == "input":
            self.visit.view.acted = self.visit.view.written = True
            self.visit.view.navigated = False
            self.written = self.field_written = True
            self.settle(t, target)
        elif kind == "change":
            self.visit.view.acted = True
            self.visit.view.navigated = False
            if flags & {"menu", "tab"}:
                self.end_menus()
        elif kind == "submit":
            self.tried = t
            self.visit.view.acted = self.visit.view.other = True
            self.visit.view.navigated = False
            self.submit(t, line, target)
        elif kind == "resize":
            self.height = what["vh"] or self.height
        elif kind == "page_view":
            self.page(t, line, what)
        elif (
            (kind == "reaction" and what["kind"] == "selection")
            or (kind == "select" and what["chars"])
            or (kind == "drag" and what["px"] > 10)
            or kind == "copy"
        ):
            self.take_back(t, "stray_presses")
        elif kind == "reaction" and what["kind"] == "dialog":
            if self.help and self.rage.presses and self.rage.presses[-1].target == self.help:
                self.opened = True
        elif kind in ("session_end", "reset") or (kind == "track" and "purchase" in what["name"]):
            self.take_back(t)
            self.new_page()
            self.searches = []
            if kind == "track":
                self.visit.success = t

    def take_back(self, t: int, *features: str) -> None:
        if self.mood.marks:
            self.mood.forget(*features)
            self.judge(t, "stray_presses")

    def judge(self, t: int, trigger: str, target: str = "") -> None:
        if not self.rage.automated:
            self.mood.judge(t, trigger, target)

    def hold(self, t: int, line: int, feature: str, strength: int) -> None:
        same = [mark for mark in self.mood.marks if mark.feature == feature]
        if len(same) == 2:
            older, newer = same
            if t - older.t <= 60_000:
                newer.strength = min(250, newer.strength + older.strength)
            self.mood.marks = [mark for mark in self.mood.marks if mark is not older]
        self.mood.mark(feature, t, line, strength)

    def note(self, t: int, line: int, feature: str, strength: int = 100) -> None:
        self.visit.view.signs.add(feature)
        self.hold(t, line, feature, strength)

    def say(self, t: int, line: int, feature: str, target: str = "", strength: int = 100) -> None:
        self.note(t, line, feature, strength)
        self.judge(t, feature, target)

    @property
    def settled(self) -> int:
        here = self.mood.said
        return self.visit.success if here else max(self.visit.success, self.visit.struggle)

    # -- between pages ---------------------------------------------------------------------

    def rest(self, t: int, line: int, feature: str, strength: int, within: int) -> bool:
        """Mark what this stream's marks do not say yet."""
        strength -= sum(m.strength for m in self.mood.recent(feature, t, within))
        if strength > 0:
            self.hold(t, line, feature, strength)
        return strength > 0

    def carry(self, t: int, line: int) -> str:
        """Take over what showed on pages left lately; return the last feature that did."""
        carried = ""
        if t - (self.cursor.origin or 0) > 1000 or self.mood.marks:
            return carried
        lately: list[View] = []
        for page, following in reversed(list(itertools.pairwise(self.visit.views))):
            if t - following.t > 60_000 or page.t <= self.settled:
                break
            lately.append(page)
        for feature in CARRIED:
            pages = sum(feature in page.signs for page in lately)
            if pages:
                self.hold(t, line, feature, 100 * pages)
                carried = feature
        return carried

    def page(self, t: int, line: int, what: dict[str, Any]) -> None:
        self.visit.views = [*self.visit.views, View(what["page"], t, what["nav"])][-8:]
        self.height = what.get("vh") or self.height
        if "thanks" in what["page"]:
            self.take_back(t)
            self.searches = []
            self.visit.success = t
        self.new_page()
        trigger = self.carry(t, line)
        groups = self.visit.groups()
        if len(groups[-1]) == 1:
            if self.rest(t, line, "quick_back", self.returned(t, groups), 60_000):
                trigger = "quick_back"
            again = 0
            for group in reversed(groups):
                if t - group[0].t > 30_000 or group[0].t <= self.settled:
                    break
                again += group[0].page == what["page"]
            if self.rest(t, line, "page_loop", 50 * (again - 1) if again > 2 else 0, 30_000):
                trigger = "page_loop"
        searches = 0
        for view in reversed(self.visit.views):
            if (
                not view.is_search or view.nav in ("back_forward", "reload")
                or t - view.t > 60_000 or view.t <= self.settled
                or (searches and (view.link or not view.written))
            ):  # fmt: skip
                break
            searches += 1
        if self.rest(t, line, "search_rewrite", self.searched(searches), 60_000):
            trigger = "search_rewrite"
        if trigger:
            self.judge(t, trigger)

    def returned(self, t: int, groups: list[list[View]]) -> int:
        total = 0
        for place in range(len(groups) - 1, -1, -1):
            if t - groups[place][-1].t > 60_000:
                break
            worth = self.returned_once(groups[: place + 1])
            if place == len(groups) - 1 and not worth:
                return 0
            total += worth
        return total

    def returned_once(self, groups: list[list[View]]) -> int:
        if len(groups) < 3 or groups[-1][0].page != groups[-3][0].page:
            return 0
        there, back = groups[-2], groups[-1][0]
        if there[0].t <= self.settled or not all(view.idle for view in there):
            return 0
        stayed = back.t - there[0].t
        again = any(view.page == there[0].page for group in groups[:-2] for view in group)
        if groups[-3][-1].navigated and back.nav == "back_forward":
            grades = ((3000, 200), (6000, 140), (10_000, 90), (20_000, 30))
        elif back.nav == "back_forward" and not again:
            grades = ((3000, 200), (10_000, 30))
        else:
            grades = ((3000, 200), (6000, 100), (8000, 70), (10_000, 45))
        return next((worth for below, worth in grades if stayed < below), 0)

    def searched(self, searches: int) -> int:
        return 50 * (searches - 1) if searches > 1 else 0

    def submit(self, t: int, line: int, target: str) -> None:
        if not target or not self.visit.view.is_search or not self.written:
            return
        self.written = False
        if self.searched_by != target:
            self.searched_by, self.searches = target, []
        self.searches.append(t)
        # Those that hang together: none more than a minute after the last but one before it.
        chain = self.searches[-1:]
        for earlier in reversed(self.searches[:-1]):
            later = chain[1] if len(chain) > 1 else chain[0]
            if later - earlier > 60_000:
                break
            chain.insert(0, earlier)
        if self.rest(t, line, "search_rewrite", self.searched(len(chain)), 60_000):
            self.judge(t, "search_rewrite", target)

    # -- presses ---------------------------------------------------------------------------

    def press(self, t: int, line: int, target: str, flags: set[str]) -> None:
        controls = {
            "link", "button", "stepper", "paginator", "carousel", "close", "disabled", "cta",
            "date_picker", "tab", "menu",
        }  # fmt: skip
        control = bool(flags & controls)
        if control or flags & (SURFACES | {"unobserved", "text_field"}):
            self.end_search()
        if flags & {"menu", "tab"}:
            self.menu(t, line, target, "tab" in flags, pressed=True)
        elif "button" in flags and not flags & PURPOSES:
            self.seek_help(t, line, target)
        elif "close" not in flags:
            self.end_menus()
        if "link" in flags:
            self.visit.view.link = True
            self.searches = []
        else:
            self.visit.view.other = True
        if control and "text_field" not in flags:
            self.tried = t

    def settle(self, t: int, target: str = "") -> None:
        if not self.rage.presses or t - self.rage.presses[-1].t > 15_000:
            return
        for feature, plain in (("stray_presses", True), ("dead_presses", False)):
            found: list[Press] = []
            for press in self.rage.presses:
                dead = (
                    press.plain == plain and press.latency is None and press.observable
                    and 1000 <= t - press.t <= 15_000 and press.t > self.visit.success
                )  # fmt: skip
                if dead and all(self.apart(press, other) for other in found):
                    found.append(press)
            found = found[:4]
            near = {
                press.ref[1]
                for pair in itertools.pairwise(found) if pair[1].t - pair[0].t <= 6000
                for press in pair
            }  # fmt: skip
            fresh = [line for press in found if (line := press.ref[1]) in near - self.lost]
            if fresh:
                self.lost.update(fresh)
                for line in fresh:
                    self.note(t, line, feature, 50)
                self.judge(t, feature, found[-1].target)

    def apart(self, one: Press, other: Press) -> bool:
        if not one.plain:
            return one.target != other.target
        px = math.dist((one.x, one.y), (other.x, other.y))
        return px > 30 or (px > 8 and one.target != other.target)

    # -- on the page -----------------------------------------------------------------------

    def scroll(self, t: int, line: int, y: float, max_y: float) -> None:
        leg = self.height / 4
        if max_y * 3 <= self.height:
            return
        if self.stood is None:
            self.stood = y
        elif self.way == 0:
            if abs(y - self.stood) >= leg:
                self.way = 1 if y > self.stood else -1
                self.stood = y
        elif (y - self.stood) * self.way >= 0:
            self.stood = y
        elif (self.stood - y) * self.way >= leg:
            self.stood, self.way = y, -self.way
            self.turns = [turn for turn in [*self.turns, t] if t - turn <= 8000]
            if len(self.turns) >= 3:
                going_on = self.mood.recent("scroll_hunt", t, 8000)
                self.say(t, line, "scroll_hunt", strength=20 if going_on else 30)

    def hover(self, t: int, line: int, target: str, flags: set[str], ms: int) -> None:
        if self.touch or ms < 1000 or flags & (SURFACES | {"text_field"}):
            return
        if "menu" in flags:
            self.menu(t, line, target, "tab" in flags, pressed=False)
            return
        self.hovered[target] = t
        lately = sorted(self.hovered.values())[-4:]
        if len(lately) == 4 and t - lately[0] <= 15_000:
            self.hovered = {}
            self.say(t, line, "hover_scan", target)

    def menu(self, t: int, line: int, target: str, tab: bool, *, pressed: bool) -> None:
        if (self.menus and t - self.menus[-1][1] > (4000 if tab else 8000)) or self.help:
            self.end_menus()
        if self.menus and self.menus[-1][0] == target:
            if pressed and (tab or t - self.menus[-1][1] > 400):
                self.menus[-1] = (target, t)
                if not tab:
                    self.menu_presses += 1
                    if self.menu_presses >= 3:
                        strength = 100 if self.menu_presses == 3 else 33
                        self.say(t, line, "menu_thrash", target, strength)
            return
        if len(self.menus) > 1 and self.menus[-2][0] == target:
            self.came_back |= tab
        self.menus = [*[m for m in self.menus if m[0] != target][-2:], (target, t)]
        self.menu_presses = int(pressed)
        if len(self.menus) == 3 and t - self.menus[0][1] <= 15_000:
            strength = 150 if self.came_back else 100
            self.menus, self.came_back = [(target, t)], False
            self.say(t, line, "menu_thrash", target, strength)
        self.menus = self.menus[-2:]

    def seek_help(self, t: int, line: int, target: str) -> None:
        """A button is pressed that may open a hint; the menus hold it meanwhile."""
        if self.help != target:
            self.end_menus()
            self.help, self.menus = target, [(target, t)]
            return
        passed = t - self.menus[-1][1]
        if passed > 1000:
            self.menus = [(target, t)]
            if passed <= 20_000 and self.opened:
                self.say(t, line, "help_again", target)

    def focus(self, t: int, line: int, target: str, text: bool) -> None:
        known = target in self.fields[-3:-1]
        if self.fields[-1:] == [target]:
            return
        unchanged = text and not self.field_written and 500 <= t - self.entered <= 4000
        self.looked = self.looked + 1 if unchanged else 0
        self.entered, self.field_written = t, not text
        if self.looked >= 2:
            self.say(t, line, "field_pingpong", target, 60)
        self.fields = [*[f for f in self.fields if f != target][-2:], target]
        if known and t - self.refused[1] > 200:
            self.returns = [r for r in [*self.returns, t] if t - r <= 30_000]
            if len(self.returns) == 3:
                self.returns = []
                self.say(t, line, "field_pingpong", target)

    def invalid(self, t: int, line: int, target: str) -> None:
        if t - self.tried > 5000:
            return
        self.tried = -math.inf
        again = self.refused[0] == target and t - self.refused[1] <= 60_000
        self.refused = (target, t)
        if again:
            self.say(t, line, "refused_again", target)
