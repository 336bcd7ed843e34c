"""A goal is begun, and there is friction. Some give it up; that is decided inside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import browse, pay, to_cart, to_checkout
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor

UNDECIDED: float = 0.05
"""Chance that somebody leaves a goal lying who means to come back for it."""


def occasion(actor: Actor) -> None:
    """Begin, meet friction, go through with it or give it up."""
    form = actor.chance(0.65)
    if form:
        to_checkout(actor)
    else:
        to_cart(actor)
    mood = actor.mood
    friction = float(actor.rng.gamma(3.0, 0.6))
    cause = str(actor.rng.choice(["price_shock", "long_form", "delivery_time", "no_trust"]))
    fields = int(actor.rng.integers(1, 5)) if form else 0
    for i in range(fields):
        actor.fill(actor.page.elements[f"field{i}"], int(actor.rng.integers(5, 18)))
    if form and actor.chance(0.3):
        _declined(actor)
    actor.read(float(actor.rng.uniform(2, 6)), scrolls=0.1)
    gone = mood.add(actor.rng, "abandonment", friction / actor.person.resolve, cause, actor.tab.now)
    if not gone and actor.chance(UNDECIDED):
        mood.mimics.add("abandonment")
        leave(actor)
        return
    if gone:
        if mood.shows("abandonment"):
            leave(actor)
        else:
            # Gone in the mind only: looks around as if nothing had been begun, much later leaves.
            browse(actor, int(actor.rng.integers(2, 4)))
        return
    _go_through(actor, form)


def _declined(actor: Actor) -> None:
    """Send the form and be refused."""
    field = actor.page.elements["field5"]
    actor.press(actor.page.elements["cta"])
    actor.tab.emit("invalid", target=field.target, flags=list(field.flags), reason="valueMissing")
    actor.wait(1400)


def _go_through(actor: Actor, form: bool) -> None:
    if not form:
        actor.go("/checkout", actor.page.elements["cta"])
    for i in range(int(actor.rng.integers(2, 5))):
        actor.fill(actor.page.elements[f"field{i}"], int(actor.rng.integers(5, 18)))
    pay(actor)
    actor.read(float(actor.rng.uniform(2, 6)))


def leave(actor: Actor) -> None:
    """Leave a goal lying: stop, turn away, go; never send it."""
    rng = actor.rng
    ways = int(rng.integers(1, 4))
    if actor.chance(0.45):
        actor.wait(34_000, 0.3)
        actor.fidget(160)
    if ways >= 2 and actor.chance(0.6):
        actor.exit_top()
        actor.wait(1500)
    if ways >= 2 and actor.chance(0.5):
        actor.away(log_normal(rng, 26_000, 0.7))
    if actor.chance(0.45):
        actor.back()
        actor.read(float(rng.uniform(1, 4)))
    elif actor.chance(0.3):
        actor.go("/")
        actor.read(float(rng.uniform(1, 4)))
    actor.leaves = True
