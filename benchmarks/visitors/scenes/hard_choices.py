"""Hard negatives of hesitation: slow and careful is not undecided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import to_cart, to_checkout, to_list, to_product
from benchmarks.visitors.scenes.hesitation import dwell

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor


def careful_reader(actor: Actor) -> None:
    """Read all of it in order, hovering over each thing, then press at once."""
    to_product(actor)
    for name in ("heading", "price", "option0", "option1", "plus", "details"):
        actor.point(actor.page.elements[name])
        actor.wait(1100 * actor.person.pace, 0.5)
    actor.read(float(actor.rng.uniform(6, 16)))
    actor.press(actor.page.elements["cta"])
    actor.wait(1500)


def parked(actor: Actor) -> None:
    """Leave the pointer where it is, which happens to be on the button, and read."""
    to_product(actor)
    actor.read(3)
    actor.point(actor.page.elements["cta"])
    actor.wait(24_000, 0.5)
    actor.fidget(200)
    actor.read(6)


def configurator(actor: Actor) -> None:
    """Set the options one after the other, briskly, and buy."""
    to_product(actor)
    actor.read(3)
    for option in actor.page.named("option"):
        actor.press(option)
        actor.tab.emit("change", target=option.target, flags=list(option.flags))
        actor.wait(500, 0.3)
    if actor.chance(0.3):
        dwell(actor, 1100)
    actor.press(actor.page.elements["cta"])
    actor.wait(1200)


def details_reader(actor: Actor) -> None:
    """Open the details and read them under a still pointer."""
    to_product(actor)
    actor.read(2)
    for _ in range(int(actor.rng.integers(1, 3))):
        actor.press(actor.page.elements["details"])
        actor.wait(5500, 0.4)
        actor.fidget(120)
    actor.read(5)


def form_filler(actor: Actor) -> None:
    """Fill a form by autofill and paste, with looking things up in between."""
    to_checkout(actor)
    for name, field in list(actor.page.elements.items()):
        if not name.startswith("field"):
            continue
        since = actor.focus(field)
        if actor.chance(0.3):
            actor.wait(3500, 0.4)
        if actor.chance(0.4):
            actor.tab.emit(
                "input", target=field.target, flags=list(field.flags), keys=0, deletes=0, paste=True
            )
        elif actor.chance(0.4):
            actor.tab.emit("input", target=field.target, flags=list(field.flags), keys=0, deletes=0)
        else:
            actor.keys(field, int(actor.rng.integers(6, 18)))
        actor.blur(field, since)
    box = actor.page.elements["box"]
    actor.press(box)
    actor.tab.emit("change", target=box.target, flags=list(box.flags))
    _finish(actor)


def _finish(actor: Actor) -> None:
    from benchmarks.visitors.scenes.calm import pay

    pay(actor)


def slow_typist(actor: Actor) -> None:
    """Write a comment slowly, correcting as one goes."""
    to_cart(actor)
    field = actor.page.elements["coupon"]
    since = actor.focus(field)
    actor.wait(1500)
    usual = actor.person.typing
    actor.person.typing = usual * 2.6
    actor.keys(field, int(actor.rng.integers(8, 24)), deletes=0.1)
    actor.person.typing = usual
    actor.blur(field, since)
    actor.press(actor.page.elements["apply"])
    actor.wait(900)


def comparer(actor: Actor) -> None:
    """Go back and forth between two products, and take the time that needs."""
    to_list(actor)
    actor.read(4)
    section = actor.page.path.split("/")[1]
    first, second = actor.site.products(section)[:2]
    for i in range(int(actor.rng.integers(3, 6))):
        actor.go((first, second)[i % 2])
        actor.read(float(actor.rng.uniform(11, 24)))


def bargain_hunter(actor: Actor) -> None:
    """Point from price to price down a list."""
    to_list(actor)
    for card in actor.page.named("card")[:6]:
        actor.point(card, precise=False)
        actor.wait(900, 0.5)
    to_product(actor)
    actor.point(actor.page.elements["price"])
    actor.wait(1200)
    actor.read(5)


SCENES = {
    "careful_reader": careful_reader,
    "parked": parked,
    "configurator": configurator,
    "details_reader": details_reader,
    "form_filler": form_filler,
    "slow_typist": slow_typist,
    "comparer": comparer,
    "bargain_hunter": bargain_hunter,
}
