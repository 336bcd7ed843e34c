"""A decision with a price. Whether it is hard depends on the person and on what the options are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import to_cart, to_product
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.visitors.actor import Actor
    from benchmarks.visitors.site import Element

COOL: float = 0.04
"""Chance that somebody without doubts looks like somebody who has them."""


def occasion(actor: Actor) -> None:
    """Weigh up; when doubt wins, waver; then decide either way."""
    if actor.chance(0.7):
        to_product(actor)
    else:
        to_cart(actor)
    conflict = float(actor.rng.gamma(4.0, 0.24))
    mood, person = actor.mood, actor.person
    for _ in range(int(actor.rng.integers(2, 4))):
        actor.read(float(actor.rng.uniform(2, 6)), scrolls=0.15)
        cause = "price" if actor.chance(0.5) else "options"
        if mood.add(actor.rng, "hesitation", person.doubt * conflict * 0.72, cause, actor.tab.now):
            break
    lookalike = not mood.feels("hesitation") and actor.chance(COOL)
    if lookalike:
        mood.mimics.add("hesitation")
    if mood.shows("hesitation") or lookalike:
        waver(actor)
        if not lookalike:
            mood.add(actor.rng, "hesitation", 0.4, "", actor.tab.now)
    elif actor.chance(0.3):
        dwell(actor, 1500)
    if actor.chance(0.5):
        actor.press(actor.page.elements["cta"])
        actor.wait(1500)


def waver(actor: Actor) -> None:
    """Show it, in three to five ways."""
    ways: list[Callable[[Actor], None]] = [late_field, back_and_forth]
    if actor.page.named("option"):
        ways += [switch_options, switch_options]
    if actor.mouse and not actor.keyboard:
        ways += [long_dwell, long_dwell, approach, approach, flip, cancel]
    for _ in range(int(actor.rng.integers(3, 6))):
        ways[int(actor.rng.integers(len(ways)))](actor)
        actor.read(float(actor.rng.uniform(0.5, 2.5)), scrolls=0.05)


def _cta(actor: Actor) -> Element:
    return actor.page.elements["cta"]


def dwell(actor: Actor, median_ms: float) -> None:
    """Rest on the button that decides."""
    actor.point(_cta(actor))
    actor.wait(median_ms, 0.35)
    actor.fidget(120)


def long_dwell(actor: Actor) -> None:
    """Rest there for long."""
    dwell(actor, 3600)


def approach(actor: Actor) -> None:
    """Go to the button and turn away, more than once."""
    for _ in range(int(actor.rng.integers(2, 4))):
        actor.point(_cta(actor))
        actor.wait(650, 0.4)
        price = actor.page.named("price", "total", "option")
        actor.point(price[int(actor.rng.integers(len(price)))])
        actor.wait(450, 0.4)


def flip(actor: Actor) -> None:
    """Go up and down between the options."""
    spots = actor.page.named("option", "price", "total", "cta")
    for _ in range(int(actor.rng.integers(4, 8))):
        actor.point(spots[int(actor.rng.integers(len(spots)))])
        actor.wait(380, 0.4)


def switch_options(actor: Actor) -> None:
    """Choose, and choose again."""
    options = actor.page.named("option")
    for i in range(int(actor.rng.integers(3, 6))):
        option = (
            options[i % 2] if actor.chance(0.7) else options[int(actor.rng.integers(len(options)))]
        )
        actor.press(option)
        actor.tab.emit("change", target=option.target, flags=list(option.flags))
        actor.wait(1500, 0.4)


def cancel(actor: Actor) -> None:
    """Press down on the button, and let go elsewhere."""
    actor.point(_cta(actor))
    actor.wait(900)
    actor.fidget(90)
    cta = _cta(actor)
    actor.tab.emit("press_cancel", target=cta.target, flags=list(cta.flags))


def late_field(actor: Actor) -> None:
    """Go into a field, think, write, take it back."""
    field = actor.page.elements.get("coupon") or actor.page.elements["search"]
    since = actor.focus(field)
    actor.wait(4200, 0.3)
    actor.keys(field, int(actor.rng.integers(8, 16)), deletes=0.4)
    actor.wait(2600, 0.3)
    actor.blur(field, since, filled=actor.chance(0.5))


def back_and_forth(actor: Actor) -> None:
    """Scroll between the text and the button."""
    for _ in range(2):
        actor.scroll_by(log_normal(actor.rng, 420, 0.3))
        actor.wait(1300)
        actor.see(_cta(actor))
        actor.point(_cta(actor))
        actor.wait(1200)
