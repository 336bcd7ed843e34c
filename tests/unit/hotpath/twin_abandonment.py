"""Abandonment once more, slow and obvious: what the kernel must agree with.

Over 400 lines because the specification is told in words first, and one twin is read whole.

**Goals** belong to the visit. A form is begun by filling something in: a field of a form; or a lone
field, unless the page is a search; or an option of a form, unless the page is a search. In a cart
nothing begins a form. A form sent and not refused within 1.5 s is over, as is one whose next page
came: after a submit, or forward after a press on a form's button that was not refused; a form of at
most two fields is over on a page of search results. Carts and checkouts come from pages (unless
nothing is in progress and they are only gone back to), tracked events, something filled in at a
checkout, and presses on what is flagged checkout (not disabled, not in the navigation; a cart,
unless on a checkout's page). A checkout is also over when something was sent there, or a paying
press was followed by a submit, and a page outside of cart and checkout comes forward within 10 s.
Success ends everything, and so does saving it for later.

**Turned.** A purchase is pursued on pages of cart and checkout, and where it was begun otherwise; a
page gone back to, where nothing is done, does not count. The visitor has turned to something else
by a press elsewhere; by a press on a link or in the navigation where it is pursued, that is not
flagged checkout, if a page follows that is not gone back to; or when seen on another page 18 s
after leaving. Doing something about the purchase turns back. Going back turns to nothing.

**At stake**, in percent: a checkout with something filled in or sent 100, else 70. A cart in which
something was done, and not in vain, 35; one on view for at most 15 s when the visitor was last seen
90; else 55. Of what was turned from, 30 %, of a begun checkout 50 %. The goal's value is the same,
or half of it where nothing was begun, unless it is a cart just opened. A form counts 35, 70, 100,
its value 13, 26, 40.

**Signs.** The pointer leaves through the top at 300 px/s or more, 5 s or more after the page view,
and nothing brings it back for 500 ms. The tab is hidden for 3 s, 30 s, 5 min (after a paying press
or sending on a checkout: nothing before 2 min). At the form, or wherever a purchase is not turned
from, nothing happens and no pointer moves for 15 s (70 %), then for 30 s (or two of the visitor's
own steps, at most 90 s), twice that (40 %), four times, ten times. Back from a cart or a checkout
where nothing was done, or in vain, or something was filled in (from a checkout to no cart 100 %, 75
if nothing was; else 55; by the back button a third more; 60 % of it where the page may be in
another tab). A form left for another page of the site: at once in its own stream, after 30 s where
it may be another tab; not when a purchase it belongs to was turned from. The visit ends, or is
silent for half an hour. With each sign goes the goal's value, and with each but idleness and a
hidden tab a struggle of the last minute, for as much as that value.
The tab hidden, idleness and going back count in full for a purchase, 30 % when it was turned from;
the other signs count as much as is at stake.

Nothing is marked within 10 s of a success or of something sent and not refused, nor where the only
page was left within 10 s, untouched.

**Taken back.** Whatever the visitor does in a visible tab takes exits, hiding and idleness back; a
page that leads away from a purchase, and to nothing else, does not. Filling in the form, or its
page, takes its leaving back; a cart's or checkout's page takes back all leaving; a press or a field
where the goal is, going back. Turning to something else takes back everything, as does success. If
no other sign is left that still counts, the risk is cancelled. A stream whose visit goes on in
another one looks no further: it cancels, unless a form stands as left.

A stream looks at its clock when the next of these can come. It never puts a look off: one that
comes too early finds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.hotpath.helpers.mood_twin import MODELS, MoodTwin, Said, promised
from tests.unit.hotpath.twin import Twin as RageTwin

MINUTE = 60_000
BACK = "back_forward"
PRESENT = {
    "click", "scroll", "hover", "focus", "input", "change", "submit", "select", "copy", "drag",
    "press_cancel", "page_view",
}  # fmt: skip
BUYING = {"cart", "checkout"}
ABSENCE = {"exit_intent", "hidden", "hidden_long", "idle", "idle_long"}
LEAVING = {"back_out", "left_dirty"}
IN_FULL = {"idle", "hidden", "back_out"}
CIRCUMSTANCES = {"goal_value", "struggle"}
CALM = {"idle", "idle_long", "hidden", "hidden_long"}


@dataclass
class Page:
    path: str
    since: int
    nav: str
    means: set[str]
    acted: bool = False
    form: bool = False
    pursued: bool = False
    turned: bool = False
    told: bool = False
    """That its form was left has been said."""

    def is_goal(self) -> bool:
        return self.pursued or bool(self.means & BUYING)


@dataclass
class Visit:
    """What the streams of a session share."""

    pages: list[Page] = field(default_factory=list[Page])
    goals: set[str] = field(default_factory=set[str])
    fields: int = 0
    sending: bool = False
    sent: int | None = None
    succeeded: int | None = None
    active: int = 0
    next_pressed: bool = False
    paying: bool = False
    off: bool = False
    """Whether the tenant wants to hear no more of abandonment."""
    streams: dict[str, Stream] = field(default_factory=dict[str, "Stream"])

    def happen(self, stream: str, t: int, kind: str, line: int, /, **what: Any) -> None:
        if stream not in self.streams:
            self.streams[stream] = Stream(self, t)
        self.streams[stream].happen(t, kind, line, what)

    def advance(self, t: int) -> None:
        for stream in self.streams.values():
            stream.pass_time(t)
            stream.rage.advance(t)

    def end_form(self) -> None:
        self.goals.discard("form")
        self.sending, self.fields = False, 0

    def end(self) -> None:
        self.end_form()
        self.goals = set()
        self.next_pressed = self.paying = False

    def form_page(self) -> int | None:
        """Say how many pages ago the newest page with a form was."""
        return next((i for i, page in enumerate(reversed(self.pages)) if page.form), None)

    def pages_since(self) -> int:
        """Say how many pages ago a purchase was last pursued."""
        for back, page in enumerate(reversed(self.pages)):
            if page.is_goal() and (page.nav != BACK or page.acted):
                return back
        return len(self.pages)

    def turned(self) -> bool:
        if not self.goals & BUYING:
            return False
        since = self.pages_since()
        newer = self.pages[len(self.pages) - since :]
        if any(page.turned for page in newer):
            return True
        if since == len(self.pages):
            return since == 8
        return bool(newer) and self.pages[-1 - since].turned and newer[0].nav != BACK

    def backs_off(self) -> bool:
        page = self.pages[-1]
        away = page.nav == BACK or not page.is_goal()
        return bool(self.goals & BUYING) and away and not self.turned()

    def begun(self) -> bool:
        checkouts = [page for page in self.pages if "checkout" in page.means]
        sent = self.sent is not None and bool(checkouts) and self.sent >= checkouts[-1].since
        return self.fields > 0 or sent

    def left(self) -> int | None:
        """Say when the form in progress was left, if it was and that has not been said."""
        back = self.form_page()
        if self.turned():
            return None
        if "form" not in self.goals or not back or self.pages[-1].means & BUYING:
            return None
        return None if self.pages[-1 - back].told else self.pages[-back].since


@dataclass
class Stream:
    visit: Visit
    active: int
    rage: RageTwin = field(default_factory=RageTwin)
    mood: MoodTwin = field(default_factory=lambda: MoodTwin("abandonment"))
    look: int | None = None
    path: str = ""
    moved: int | None = None
    sign: int | None = None
    out: int | None = None
    hidden: int | None = None
    steps_ms: int = 0
    last_step: int | None = None
    idle: int = 0
    away: int = 0
    paged: bool = False
    has_form: bool = False
    leaving: bool = False

    # -- time ------------------------------------------------------------------------------

    def pass_time(self, t: int) -> None:
        while self.look is not None and self.look <= t:
            now = self.look
            self.rage.advance(now)
            self.look_at_clock(now)

    @property
    def seen(self) -> int:
        return max(self.active, self.active if self.moved is None else self.moved)

    def idle_at(self) -> int | None:
        visit = self.visit
        watched = self.is_at_goal() or (visit.goals & BUYING and not visit.turned())
        if self.hidden is not None or self.idle == 5 or not watched:
            return None
        own = min(90_000, max(30_000, 2 * self.steps_ms))
        return self.seen + (15_000, own, 2 * own, 4 * own, 10 * own)[self.idle]

    def away_at(self) -> int | None:
        if self.hidden is None or self.away == 3:
            return None
        least = 2 * MINUTE if self.visit.paying else 0
        return self.hidden + max(least, (3000, 30_000, 5 * MINUTE)[self.away])

    def set_look(self, t: int, line: int | None) -> None:
        if self.sign is None:
            self.sign = line
        if not self.visit.goals:
            self.look = None
            return
        times = [self.active + 30 * MINUTE]
        if self.out is not None:
            times.append(self.out + 500)
        times += [at for at in (self.idle_at(), self.away_at()) if at is not None]
        if self.leaving:
            times.append((self.visit.left() or 0) + 30_000)
        soonest = max(t, min(times))
        self.look = soonest if self.look is None else min(self.look, soonest)

    def look_at_clock(self, t: int) -> None:
        self.look = None
        self.settle(t)
        visit = self.visit
        if self.active < visit.active:
            self.leaving, self.out = False, None
            self.mood.forget(*ABSENCE)
            back = visit.form_page()
            left = "form" in visit.goals and back is not None and visit.pages[-1 - back].told
            if self.mood.open and not left:
                self.cancel(t)
            return
        if not visit.goals:
            self.take_back(t, set(MODELS["abandonment"].features))
            return
        if self.out is not None and t >= self.out + 500:
            self.out = None
            self.mark(t, "exit_intent", 100)
        while (at := self.away_at()) is not None and at <= t:
            self.away += 1
            stage = (("hidden", 100), ("hidden_long", 100), ("hidden_long", 150))[self.away - 1]
            self.mark(t, *stage)
        while (at := self.idle_at()) is not None and at <= t:
            self.idle += 1
            stages = (
                ("idle", 70), ("idle", 100), ("idle_long", 40), ("idle_long", 100),
                ("idle_long", 150),
            )  # fmt: skip
            self.mark(t, *stages[self.idle - 1])
        if self.leaving and t >= (visit.left() or 0) + 30_000:
            self.leave_form(t)
        if t >= self.active + 30 * MINUTE:
            self.give_up(t)
        else:
            self.set_look(t, None)

    # -- marks -----------------------------------------------------------------------------

    def counts(self, t: int, features: set[str]) -> bool:
        model = MODELS["abandonment"].features
        return any(self.mood.recent(f, t, model[f].window_ms) for f in features)

    def take_back(self, t: int, features: set[str]) -> None:
        if self.mood.marks and (self.mood.open or self.counts(t, features)):
            self.mood.forget(*features)
            if not self.counts(t, set(MODELS["abandonment"].features) - CIRCUMSTANCES):
                self.cancel(t)

    def cancel(self, t: int) -> None:
        self.mood.forget()
        self.remark(t, "goal_value", 0)
        self.close(t, "abandonment_cancelled")
        self.mood.forget()

    def close(self, t: int, trigger: str) -> None:
        mood, model = self.mood, MODELS["abandonment"]
        if not mood.open or self.rage.automated or mood.last is None:
            return
        counted = [m for m in mood.marks if t - m.t <= model.features[m.feature].window_ms]
        tenths = {"prior": model.prior}
        for name, feature in model.features.items():
            strength = sum(m.strength for m in counted if m.feature == name)
            tenths[name] = min(feature.cap, feature.weight * strength // 100)
        confidence = promised("abandonment", sum(tenths.values()))
        mood.open = False
        mood.peak = max(mood.peak, confidence)
        if self.visit.off and trigger != "abandonment_cancelled":
            return
        mood.last_t = t
        mood.last = Said(
            mood.number, mood.last.rev + 1, confidence, trigger, t,
            sorted({m.line for m in counted}), mood.target,
            {name: value / 10 for name, value in tenths.items() if value},
        )  # fmt: skip
        mood.said.append(mood.last)

    def is_quiet(self, t: int) -> bool:
        visit = self.visit
        if any(at is not None and t - at <= 10_000 for at in (visit.succeeded, visit.sent)):
            return True
        gone = t if self.hidden is None else self.hidden
        return (
            len(visit.pages) == 1
            and not visit.pages[0].acted
            and gone - visit.pages[0].since < 10_000
        )

    def remark(self, t: int, feature: str, strength: int, line: int | None = None) -> None:
        self.mood.forget(feature)
        line = self.sign if line is None else line
        self.mood.mark(feature, t, -1 if line is None else line, strength)

    def in_vain(self, t: int) -> bool:
        rage = self.rage.episode
        return rage is not None and t - rage.last_press <= MINUTE

    def stake(self, t: int) -> int:
        visit = self.visit
        if "checkout" in visit.goals:
            return 100 if visit.begun() else 70
        since = visit.pages_since()
        if since < len(visit.pages) and "cart" in (page := visit.pages[-1 - since]).means:
            if page.acted and not self.in_vain(t):
                return 35
            if since == 0 and self.seen - page.since <= 15_000:
                return 90
        return 55

    def weight(self, t: int) -> int:
        if not self.visit.goals & BUYING:
            return {0: 0, 1: 35, 2: 70, 3: 100}[self.visit.fields]
        stake = self.stake(t)
        if self.visit.turned():
            return stake * (50 if stake == 100 else 30) // 100
        return stake

    def value(self, t: int) -> int:
        if not self.visit.goals & BUYING:
            return {0: 0, 1: 13, 2: 26, 3: 40}[self.visit.fields]
        return self.weight(t) if self.stake(t) >= 90 else self.weight(t) // 2

    def turn_away(self, t: int) -> None:
        visit = self.visit
        if visit.goals & BUYING:
            since = visit.pages_since()
            away = 0 < since < len(visit.pages) and not visit.pages[-1].is_goal()
            if away and self.seen - visit.pages[-since].since >= 18_000:
                visit.pages[-1].turned = True
        if visit.turned():
            self.take_back(t, set(MODELS["abandonment"].features))

    def mark(self, t: int, feature: str, strength: int, line: int | None = None) -> None:
        if self.is_quiet(t):
            return
        self.turn_away(t)
        share = self.weight(t)
        if feature in IN_FULL and self.visit.goals & BUYING:
            share = 30 if self.visit.turned() else 100
        self.remark(t, feature, strength * share // 100, line)
        self.circumstances(t, feature, line)
        self.judge(t, feature)

    def circumstances(self, t: int, feature: str, line: int | None) -> None:
        self.remark(t, "goal_value", self.value(t), line)
        if self.in_vain(t) and feature not in CALM:
            self.remark(t, "struggle", self.value(t), line)

    def judge(self, t: int, trigger: str) -> None:
        if not self.rage.automated:
            self.mood.judge(t, trigger, self.mood.target, 101 if self.visit.off else 50)

    def leave_form(self, t: int, line: int | None = None) -> None:
        self.leaving = self.has_form = False
        back = self.visit.form_page()
        if self.visit.left() is not None and back is not None:
            self.visit.pages[-1 - back].told = True
            self.mark(t, "left_dirty", 100, line)

    def give_up(self, t: int, line: int | None = None) -> None:
        if self.visit.goals and not self.is_quiet(t):
            self.turn_away(t)
            self.remark(t, "unloaded", self.weight(t), line)
            self.circumstances(t, "unloaded", line)
            if not self.mood.open:
                self.judge(t, "unloaded")
            self.close(t, "abandonment_confirmed")
        else:
            self.take_back(t, set(MODELS["abandonment"].features))
        self.mood.forget()
        self.finish()

    def finish(self) -> None:
        self.visit.end()
        self.has_form = self.leaving = False
        self.out = self.look = None

    # -- events ----------------------------------------------------------------------------

    def settle(self, t: int) -> None:
        if self.visit.sending and self.visit.sent is not None and t - self.visit.sent > 1500:
            self.visit.end_form()

    def page(self) -> Page:
        """Return the page that the stream is on, as far as the visit knows it."""
        pages = self.visit.pages
        nowhere = Page("", 0, "load", set())
        mine = [page for page in pages if page.path == self.path]
        return (mine or pages or [nowhere])[-1]

    def is_at_goal(self) -> bool:
        page = self.page()
        buying = bool(self.visit.goals & BUYING) and page.is_goal()
        return buying or ("form" in self.visit.goals and page.form)

    def happen(self, t: int, kind: str, line: int, what: dict[str, Any]) -> None:
        self.pass_time(t)
        if kind in PRESENT:
            self.active = t
            if self.hidden is None and kind != "page_view":
                self.sign, self.out, self.idle = line, None, 0
                self.take_back(t, ABSENCE)
                self.turn_away(t)
                self.set_look(t, line)
            self.visit.active = t
        flags: set[str] = set(what.get("flags", ()))
        plain = kind == "click" and not what.get("button") and not what.get("modifiers")
        if (plain or kind in ("input", "change", "submit")) and self.visit.pages:
            self.visit.pages[-1].acted = True
        if plain:
            self.press(t, line, flags)
            if what.get("detail") != 0:
                self.moved = None  # the pointer's way begins anew
        elif kind in ("input", "change"):
            self.fill(t, line, flags, str(what.get("target", "")))
        elif kind == "submit":
            self.submit(t, line)
        elif kind == "invalid":
            self.refuse(t, line)
        elif kind == "visibility":
            self.turn(t, line, what["state"] == "visible")
        elif kind == "pointer_exit":
            self.leave_window(t, line, what)
        elif kind == "pointer_move":
            self.out = None
            if self.moved is None or t - self.moved >= 40:
                self.moved = t
        elif kind == "page_view":
            self.enter(t, line, what)
        elif kind == "track":
            self.track(t, line, what["means"])
        elif kind in ("reset", "session_end"):
            self.settle(t)
            if self.visit.sending:
                self.visit.end_form()
            self.give_up(t, line)
        self.rage.happen(t, kind, (1, line), **what)

    def show(self, t: int, line: int) -> None:
        self.hidden = self.last_step = self.out = None
        self.away = self.idle = 0
        self.active, self.sign = t, line

    def step(self, t: int, line: int) -> None:
        self.settle(t)
        if self.hidden is not None:
            self.show(t, line)
            self.take_back(t, ABSENCE)
        if self.last_step is not None and t - self.last_step <= 2 * MINUTE:
            gap, eighth = t - self.last_step, self.steps_ms // 8
            if self.steps_ms == 0:
                self.steps_ms = gap
            else:
                self.steps_ms += eighth if gap > self.steps_ms else -eighth
        self.last_step = t

    def press(self, t: int, line: int, flags: set[str]) -> None:
        self.step(t, line)
        visit, enabled = self.visit, "disabled" not in flags
        visit.next_pressed = enabled and {"form", "button"} <= flags and not flags & {
            "link", "close",
        }  # fmt: skip
        visit.paying = enabled and "checkout" in flags and "nav" not in flags
        page = self.page()
        if visit.paying:
            visit.goals.add("checkout" if "checkout" in page.means else "cart")
            page.pursued, page.turned = True, False
        elif enabled and "checkout" not in flags and visit.goals & BUYING:
            page.turned |= bool(flags & {"link", "nav"}) or not page.is_goal()
        self.be_at_it(t)
        self.set_look(t, line)

    def be_at_it(self, t: int) -> None:
        if self.is_at_goal():
            self.take_back(t, {"back_out"})
        self.turn_away(t)

    def fill(self, t: int, line: int, flags: set[str], target: str) -> None:
        self.step(t, line)
        page, written = self.page(), "text_field" in flags
        search, form = "search" in page.means, "form" in flags
        begins = (written and (form or not search)) or (form and not search)
        if page.is_goal():
            page.turned = False
        if begins and "cart" not in page.means:
            page.form, page.told = True, False
            self.visit.goals.add("form")
            self.visit.sending = False
            self.visit.goals |= page.means & {"checkout"}
            if not target or target != self.mood.target or not self.visit.fields:
                self.mood.target = target
                self.visit.fields = min(3, self.visit.fields + 1)
        self.be_at_it(t)
        if page.form:
            self.has_form = True
            self.take_back(t, {"left_dirty"})
        self.set_look(t, line)

    def submit(self, t: int, line: int) -> None:
        self.step(t, line)
        self.visit.sent = t
        self.visit.sending = "form" in self.visit.goals
        self.visit.paying |= "checkout" in self.page().means
        self.set_look(t, line)

    def refuse(self, t: int, line: int) -> None:
        self.settle(t)
        self.visit.next_pressed = self.visit.paying = False
        if self.visit.sent is not None and t - self.visit.sent <= 1500:
            self.visit.sent, self.visit.sending = None, False
        self.set_look(t, line)

    def turn(self, t: int, line: int, visible: bool) -> None:
        self.settle(t)
        if visible and self.hidden is not None:
            self.show(t, line)
        elif not visible and self.hidden is None:
            self.hidden, self.sign = t, line
        self.set_look(t, line)

    def leave_window(self, t: int, line: int, what: dict[str, Any]) -> None:
        self.settle(t)
        if (
            what.get("ptr", "mouse") == "mouse"
            and what["edge"] == "top"
            and what["vy"] <= -300
            and self.visit.goals
            and self.hidden is None
            and t - self.page().since >= 5000
        ):
            self.out, self.sign = t, line
            self.set_look(t, line)

    def enter(self, t: int, line: int, what: dict[str, Any]) -> None:
        visit = self.visit
        self.path, self.sign = what["page"], line
        page = Page(self.path, t, what["nav"], set(what["means"]))
        visit.pages = [*visit.pages, page][-8:]
        self.settle(t)
        if "success" in page.means:
            visit.succeeded = t
            self.succeed(t)
        elif self.go_on(t, page):
            self.succeed(t)
        if self.hidden is None:
            self.out, self.idle = None, 0
            if not visit.backs_off():
                self.take_back(t, ABSENCE)
        self.turn_away(t)
        if visit.goals:
            if page.means & BUYING:
                self.take_back(t, LEAVING)
            if page.form:
                self.has_form = True
                self.take_back(t, {"left_dirty"})
            self.back_out(t, line)
            if visit.left() is None:
                self.leaving = False
            elif self.has_form:
                self.leave_form(t, line)
            else:
                self.leaving = True
        self.has_form &= "form" in visit.goals
        self.paged = True
        self.set_look(t, line)

    def go_on(self, t: int, page: Page) -> bool:
        """Carry the goals over to the next page; say whether that finished a checkout."""
        visit, forward = self.visit, page.nav != BACK
        if "form" in visit.goals:
            short_search = "search" in page.means and visit.fields <= 2
            if visit.sending or (visit.next_pressed and forward) or short_search:
                visit.end_form()
            else:
                page.form = any(p.form and p.path == page.path for p in visit.pages)
        over = (
            "checkout" in visit.goals
            and visit.paying
            and forward
            and not page.means & BUYING
            and visit.sent is not None
            and t - visit.sent <= 10_000
        )
        if over:
            visit.end()
        visit.next_pressed = visit.paying = False
        if forward or len(visit.pages) == 1 or visit.goals & BUYING:
            visit.goals |= page.means & BUYING
        return over

    def back_out(self, t: int, line: int) -> None:
        if len(self.visit.pages) < 2:
            return
        before, page = self.visit.pages[-2:]
        begun = "checkout" in before.means and self.visit.begun()
        if before.path == page.path or not before.means & BUYING or self.visit.turned():
            return
        if before.acted and not begun and not self.in_vain(t):
            return
        if page.nav == "reload" or "checkout" in page.means or before.means & page.means & BUYING:
            return
        strength = 55
        if "checkout" in before.means and "cart" not in page.means:
            strength = 100 if self.visit.begun() else 75
        if page.nav == BACK:
            strength = strength * 13 // 10
        elif not self.paged:
            strength = strength * 6 // 10
        self.mark(t, "back_out", strength, line)

    def track(self, t: int, line: int, means: set[str]) -> None:
        self.settle(t)
        if "success" in means:
            self.visit.succeeded = t
        if means & {"success", "saved"}:
            self.succeed(t)
            return
        page = self.page()
        if "checkout" in means:
            self.visit.goals.add("checkout")
            page.means.add("checkout")
        elif "cart" in means:
            self.visit.goals.add("cart")
        if means & BUYING:
            page.pursued, page.turned = True, False
        self.set_look(t, line)

    def succeed(self, t: int) -> None:
        self.finish()
        self.take_back(t, set(MODELS["abandonment"].features))
