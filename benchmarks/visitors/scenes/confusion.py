"""Looking for something that is not where one looks. Failure by failure, some get lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import to_checkout, to_list, to_product
from benchmarks.visitors.site import BACKGROUND
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor

Way = Callable[["Actor", bool], None]
"""A way of looking for something; the second argument: by somebody who is lost."""
FAILURE: float = 0.62
"""How much one failure adds to being lost, for somebody of middling bearing."""
FINDS: float = 0.18
"""Chance to find it after all, after each failure."""
PLAYFUL: float = 0.025
"""Chance that somebody who is not lost behaves as if they were."""


def occasion(actor: Actor) -> None:
    """Look for it here and there until it is found or one is lost."""
    if actor.chance(0.15):
        to_checkout(actor)
    else:
        to_list(actor)
    actor.read(3)
    mood = actor.mood
    ways = _ways(actor)
    playful = actor.chance(PLAYFUL)
    if playful:
        mood.mimics.add("confusion")
    else:
        for _ in range(2 + int(actor.chance(0.4))):
            _try(actor, ways, lost=False)
            amount = FAILURE * log_normal(actor.rng, 1.0, 0.25) / actor.person.bearing
            if mood.add(actor.rng, "confusion", amount, "not_where_expected", actor.tab.now):
                break
            if actor.chance(FINDS):
                break
    if playful or mood.shows("confusion"):
        for _ in range(int(actor.rng.integers(4, 7))):
            _try(actor, ways, lost=True)
        if not playful:
            mood.add(actor.rng, "confusion", 0.4, "", actor.tab.now)
    if actor.chance(0.4):
        to_product(actor)
        actor.read(4)


def _ways(actor: Actor) -> list[Way]:
    """Return this visit's ways of being lost: three or four kinds."""
    ways: list[Way] = [
        quick_back,
        menus,
        search,
        scrolling,
        dead_presses,
        help_page,
    ]
    if actor.mouse and not actor.keyboard:
        ways.append(thrash)
    if actor.page.path == "/checkout":
        ways = [refused, fields_back, dead_presses, scrolling, hints]
    chosen = actor.rng.choice(len(ways), int(actor.rng.integers(3, 5)), replace=False)
    return [ways[int(i)] for i in chosen]


def _try(actor: Actor, ways: list[Way], *, lost: bool) -> None:
    ways[int(actor.rng.integers(len(ways)))](actor, lost)
    actor.read(float(actor.rng.uniform(0.8, 3)), scrolls=0.15)


def _times(actor: Actor, lost: bool, least: int, below: int) -> int:
    """Once for somebody who is only looking, more often for somebody lost."""
    return int(actor.rng.integers(least, below)) if lost else 1


def quick_back(actor: Actor, lost: bool) -> None:
    """Follow a link, see that it is wrong, come back."""
    for _ in range(_times(actor, lost, 2, 4)):
        to_list(actor)
        actor.read(float(actor.rng.uniform(1.5, 4.5)), scrolls=0.4)
        actor.back()
        actor.wait(900)


def menus(actor: Actor, lost: bool) -> None:
    """Open and shut menus and tabs."""
    for _ in range(_times(actor, lost, 2, 4)):
        menu = actor.page.elements["menu"]
        actor.press(menu)
        actor.wait(1200)
        i = int(actor.rng.integers(4))
        actor.point(actor.page.elements[f"nav{i}"])
        actor.wait(500)
        if actor.chance(0.7):
            actor.press(menu)
            actor.wait(700)


def search(actor: Actor, lost: bool) -> None:
    """Search, look, search again."""
    for _ in range(_times(actor, lost, 2, 4)):
        query(actor)
        actor.read(float(actor.rng.uniform(2, 5)), scrolls=0.5)


def query(actor: Actor) -> None:
    """Write a query and send it."""
    field = actor.page.elements["search"]
    since = actor.focus(field)
    actor.keys(field, int(actor.rng.integers(4, 14)), deletes=0.15)
    actor.tab.emit("submit", target="form.search", flags=["form"])
    actor.blur(field, since)
    actor.go("/search")


def scrolling(actor: Actor, lost: bool) -> None:
    """Up and down the page."""
    for i in range(2 * _times(actor, lost, 2, 5)):
        way = actor.site.vh * float(actor.rng.uniform(0.35, 0.9))
        actor.scroll_by(way if i % 2 == 0 else -way)
        actor.wait(350)


def dead_presses(actor: Actor, lost: bool) -> None:
    """Press what looks as if it could be pressed."""
    spots = [*actor.page.named("text", "heading", "price", "image", "total")]
    count = min(_times(actor, lost, 2, 5), len(spots))
    for i in actor.rng.choice(len(spots), count, replace=False):
        actor.press(spots[int(i)].broken(BACKGROUND))
        actor.wait(1600, 0.4)


def thrash(actor: Actor, lost: bool) -> None:
    """Sweep the pointer to and fro."""
    for _ in range(2 * _times(actor, lost, 2, 5)):
        actor.shake(float(actor.rng.uniform(100, 420)))


def help_page(actor: Actor, lost: bool) -> None:
    """Look whether help helps, and look again."""
    for _ in range(_times(actor, lost, 2, 3)):
        actor.go("/help", actor.page.elements["help"])
        actor.read(float(actor.rng.uniform(2, 5)))
        actor.back()
        actor.wait(800)


def hints(actor: Actor, lost: bool) -> None:
    """Open the hint beside a field, and again."""
    for _ in range(_times(actor, lost, 2, 4)):
        actor.press(actor.page.elements["hint"])
        actor.wait(2200)


def refused(actor: Actor, lost: bool) -> None:
    """Send a form that is refused each time for the same reason."""
    field = actor.page.elements[f"field{actor.rng.integers(6)}"]
    reason = str(actor.rng.choice(["patternMismatch", "valueMissing", "typeMismatch"]))
    for _ in range(_times(actor, lost, 2, 4)):
        actor.fill(field, int(actor.rng.integers(5, 12)))
        actor.press(actor.page.elements["cta"])
        actor.tab.emit("invalid", target=field.target, flags=list(field.flags), reason=reason)
        actor.wait(1500)


def fields_back(actor: Actor, lost: bool) -> None:
    """Go back through the fields to see what was meant."""
    for i in range(4 if lost else 2, 0, -1):
        field = actor.page.elements[f"field{i}"]
        actor.tab.emit("focus", target=field.target, flags=list(field.flags))
        since = actor.tab.now
        actor.wait(900)
        actor.blur(field, since, filled=actor.chance(0.5))
