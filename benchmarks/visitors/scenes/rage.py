"""Something that is pressed does not answer. Whether that enrages depends on the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.abandonment import leave
from benchmarks.visitors.scenes.calm import to_cart, to_checkout, to_list, to_product
from benchmarks.visitors.site import DEAD, Answer, Element
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor

GIVES_UP: float = 0.24
"""Chance, after each press in vain, that somebody calm lets it be."""
IMPATIENT: float = 0.03
"""Chance that somebody who is not angry presses quickly all the same."""
CURT: float = 0.03
"""Chance that anger comes out as no more than two more presses."""


def occasion(actor: Actor) -> None:
    """Meet something broken and want it."""
    insist(actor, *_broken(actor))


def _broken(actor: Actor) -> tuple[Element, str]:
    """Go to something broken; return it and what ails it."""
    kind = actor.rng.random()
    if kind < 0.34:
        to_product(actor)
        name = "cta" if kind < 0.22 else "like"
    elif kind < 0.56:
        to_list(actor)
        name = "more" if kind < 0.45 else "filter"
    elif kind < 0.7:
        to_cart(actor)
        name = "apply"
    elif kind < 0.78:
        to_checkout(actor)
        name = "cta"
    else:
        to_product(actor)
        name = "plus" if kind < 0.83 else "image"
    actor.read(float(actor.rng.uniform(2, 8)))
    element = actor.page.elements[name]
    defect = actor.rng.random()
    if name == "image":
        return Element(
            "div.tile", (), element.x, element.y, element.w, element.h, DEAD
        ), "dead_tile"
    if defect < 0.52:
        return element.broken(DEAD), "dead"
    if defect < 0.66:
        disabled = Element(
            element.target,
            (*element.flags, "disabled"),
            element.x,
            element.y,
            element.w,
            element.h,
            DEAD,
        )
        return disabled, "disabled"
    if defect < 0.84:
        slow = float(actor.rng.uniform(1900, 4500))
        return element.broken(Answer("mutation", slow, 0.25)), "slow"
    return element.broken(Answer("network", 45, 0.4, fails=True)), "failing"


def insist(actor: Actor, element: Element, cause: str) -> None:
    """Press it, wait, press again: until it is let be, or anger breaks out."""
    person, mood = actor.person, actor.mood
    if actor.chance(IMPATIENT):
        mood.mimics.add("rage")
        actor.strike(element, int(actor.rng.integers(3, 6)), log_normal(actor.rng, 300, 0.3), 1.5)
        actor.wait(2500)
        return
    weight = log_normal(actor.rng, 1.0, 0.2)
    for _ in range(7):
        actor.press(element)
        actor.wait(person.patience_ms, 0.35)
        if mood.add(actor.rng, "rage", person.temper * weight, cause, actor.tab.now):
            break
        if actor.chance(GIVES_UP):
            break
        if actor.chance(0.3):
            actor.fidget(60)
    if mood.shows("rage"):
        outburst(actor, element)
    elif actor.chance(0.3):
        actor.press(element)
    actor.wait(2600)
    if mood.feels("rage") and actor.page.path in ("/cart", "/checkout"):
        fury = log_normal(actor.rng, 0.85, 0.4) / person.resolve
        if mood.add(actor.rng, "abandonment", fury, "anger", actor.tab.now) and mood.shows(
            "abandonment"
        ):
            leave(actor)


def outburst(actor: Actor, element: Element) -> None:
    """Let anger out on what does not answer."""
    rng = actor.rng
    style = rng.random()
    if style < CURT:
        actor.strike(element, 2, 240, 3)
        actor.mood.hide("rage")
        return
    for _ in range(2 if actor.chance(0.35) else 1):
        if style < 0.78:
            actor.strike(element, 3 + int(rng.poisson(0.9)), log_normal(rng, 270, 0.35), 3)
        else:
            actor.strike(element, 3 + int(rng.poisson(1.0)), float(rng.uniform(650, 1300)), 3)
        actor.wait(1800)
    actor.mood.add(rng, "rage", 0.3, "", actor.tab.now)
    if actor.chance(0.35) and actor.mouse:
        for _ in range(int(rng.integers(3, 7))):
            actor.shake(float(rng.uniform(60, 260)))
