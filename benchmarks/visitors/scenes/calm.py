"""Ordinary visits, and the ways that lead to where scenes play."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor


def pick(actor: Actor, names: list[str]) -> str:
    """Return one of some paths."""
    return names[int(actor.rng.integers(len(names)))]


def to_list(actor: Actor) -> None:
    """Go to a section."""
    i = int(actor.rng.integers(4))
    actor.go(f"/{actor.site.sections[i]}", actor.page.elements[f"nav{i}"])


def to_product(actor: Actor) -> None:
    """Go to a product by way of its section."""
    if "card0" not in actor.page.elements or actor.page.path.count("/") > 1:
        to_list(actor)
        actor.read(float(actor.rng.uniform(2, 7)))
    section = actor.page.path.split("/")[1] or actor.site.sections[0]
    cards = actor.page.named("card")
    actor.go(pick(actor, actor.site.products(section)), cards[int(actor.rng.integers(len(cards)))])


def to_cart(actor: Actor, *, add: bool = True) -> None:
    """Put something into the cart and look at it."""
    if add:
        to_product(actor)
        actor.read(float(actor.rng.uniform(3, 10)))
        actor.press(actor.page.elements["cta"])
        actor.wait(1200)
    actor.go("/cart", actor.page.elements["cart"])


def to_checkout(actor: Actor) -> None:
    """Go on to the form that ends a purchase."""
    to_cart(actor)
    actor.read(float(actor.rng.uniform(2, 6)), scrolls=0.1)
    actor.go("/checkout", actor.page.elements["cta"])


def pay(actor: Actor) -> None:
    """Send the form and be thanked."""
    button = actor.page.elements["cta"]
    actor.press(button)
    actor.tab.emit("submit", target="form#checkout", flags=["form", "checkout"])
    actor.wait(900)
    actor.go("/thanks")
    actor.bought = True
    if actor.chance(0.7):
        actor.tab.emit(
            "track", name="purchase", props={"value": round(float(actor.rng.uniform(10, 300)))}
        )


def browse(actor: Actor, steps: int) -> None:
    """Look around: sections, products, articles, and back again."""
    for _ in range(steps):
        kind = actor.rng.random()
        if kind < 0.36 and len(actor.trail) > 1:
            actor.read(float(actor.rng.uniform(6, 14)))
            actor.back()
        elif kind < 0.54:
            to_list(actor)
        elif kind < 0.8:
            to_product(actor)
        else:
            actor.go(f"/article/{actor.rng.integers(1, 9)}", actor.page.elements["nav0"])
        actor.read(float(actor.rng.uniform(5, 18)))
        oddity(actor)


def oddity(actor: Actor) -> None:
    """Small things that happen to everybody and mean nothing."""
    kind = actor.rng.random()
    tab = actor.tab
    if kind < 0.03:
        texts = actor.page.named("text")
        target = texts[0].target if texts else "main"
        tab.emit("press_cancel", target=target, flags=[])
    elif kind < 0.06:
        tab.emit("drag", px=round(float(actor.rng.uniform(12, 300))))
    elif kind < 0.09:
        tab.emit("select", chars=int(actor.rng.integers(3, 200)))
        if actor.chance(0.5):
            actor.wait(700)
            tab.emit("copy")
    elif kind < 0.12:
        actor.away(float(actor.rng.lognormal(9.6, 0.9)))
    elif kind < 0.14:
        tab.emit("resize", vw=actor.site.vw - int(actor.rng.integers(0, 300)), vh=actor.site.vh)
    elif kind < 0.16:
        tab.emit("error", source="script:https://cdn.example.com/widget.js:1")
    elif kind < 0.18:
        tab.emit("track", name="video_view")
    elif kind < 0.25 and actor.mouse and not actor.keyboard:
        # Playing with the mouse while reading: shaking that means nothing.
        for _ in range(int(actor.rng.integers(3, 8))):
            actor.shake(float(actor.rng.uniform(30, 160)))
