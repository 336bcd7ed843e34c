"""Hard negatives of confusion: roundabout ways of people who know what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import pay, to_checkout, to_list, to_product
from benchmarks.visitors.scenes.confusion import menus, query, refused
from benchmarks.visitors.site import Answer

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor


def searcher(actor: Actor) -> None:
    """Search several times, each time opening what was found."""
    for _ in range(int(actor.rng.integers(2, 4))):
        query(actor)
        if actor.chance(0.4):
            actor.read(2)
            query(actor)
        actor.read(float(actor.rng.uniform(3, 7)))
        cards = actor.page.named("card")
        actor.go(
            f"/{actor.site.sections[0]}/{actor.rng.integers(1, 7)}",
            cards[int(actor.rng.integers(len(cards)))],
        )
        actor.read(float(actor.rng.uniform(6, 14)))


def infinite_scroller(actor: Actor) -> None:
    """Scroll on and on, sometimes back to something seen in passing."""
    to_list(actor)
    for _ in range(int(actor.rng.integers(8, 20))):
        actor.scroll_by(actor.site.vh * float(actor.rng.uniform(0.4, 1.1)))
        actor.wait(900)
        if actor.chance(0.15):
            actor.scroll_by(-actor.site.vh * float(actor.rng.uniform(0.3, 0.7)))
            actor.wait(1500)


def skimmer(actor: Actor) -> None:
    """Skim an article: down, up to the figure, down again."""
    actor.go(f"/article/{actor.rng.integers(1, 9)}")
    for i in range(int(actor.rng.integers(4, 8))):
        actor.scroll_by(
            actor.site.vh * float(actor.rng.uniform(0.4, 0.8)) * (-1 if i % 3 == 2 else 1)
        )
        actor.read(float(actor.rng.uniform(2, 6)), scrolls=0.1)


def explorer(actor: Actor) -> None:
    """Open the menu to see what there is, and choose."""
    to_list(actor)
    if actor.chance(0.5):
        menus(actor, lost=True)
    actor.press(actor.page.elements["menu"])
    actor.wait(1800)
    to_list(actor)
    actor.read(8)


def copier(actor: Actor) -> None:
    """Press on text to copy parts of it."""
    to_product(actor)
    actor.read(4)
    for text in actor.page.named("text", "heading")[: int(actor.rng.integers(2, 5))]:
        actor.press(text.broken(Answer("selection", 25, 0.2)), times=2, gap_ms=140)
        actor.tab.emit("select", actor.tab.now + 300, chars=int(actor.rng.integers(4, 30)))
        actor.wait(1300)
        actor.tab.emit("copy")
        actor.read(2)


def text_presser(actor: Actor) -> None:
    """Press on text while reading it, as some do to keep their place."""
    actor.go(f"/article/{actor.rng.integers(1, 9)}")
    for text in actor.page.named("text")[: int(actor.rng.integers(2, 6))]:
        actor.read(float(actor.rng.uniform(4, 9)))
        actor.press(text)


def mistyped(actor: Actor) -> None:
    """Be refused once, mend it, and be let through."""
    to_checkout(actor)
    for i in range(int(actor.rng.integers(2, 6))):
        actor.fill(actor.page.elements[f"field{i}"], int(actor.rng.integers(6, 16)))
    if actor.chance(0.25):
        refused(actor, lost=False)
    field = actor.page.elements["field1"]
    actor.press(actor.page.elements["cta"])
    actor.tab.emit("invalid", target=field.target, flags=list(field.flags), reason="typeMismatch")
    actor.wait(1500)
    actor.fill(field, 4)
    pay(actor)


def quick_looker(actor: Actor) -> None:
    """Open one product after another from a list, back each time, to see the pictures."""
    to_list(actor)
    for _ in range(int(actor.rng.integers(2, 5))):
        to_product(actor)
        actor.read(float(actor.rng.uniform(6, 14)))
        actor.back()
        actor.read(float(actor.rng.uniform(3, 6)))


def help_reader(actor: Actor) -> None:
    """Read the help page at length, once."""
    actor.go("/help", actor.page.elements["help"])
    actor.read(float(actor.rng.uniform(10, 25)))
    to_list(actor)


SCENES = {
    "searcher": searcher,
    "infinite_scroller": infinite_scroller,
    "skimmer": skimmer,
    "explorer": explorer,
    "copier": copier,
    "text_presser": text_presser,
    "mistyped": mistyped,
    "quick_looker": quick_looker,
    "help_reader": help_reader,
}
