"""Hard negatives of rage: people who press a lot and are content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import to_cart, to_list, to_product
from benchmarks.visitors.site import DEAD, Answer, Element
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor


def stepper(actor: Actor) -> None:
    """Count up to what is wanted; at its maximum a stepper may stop answering."""
    if actor.chance(0.5):
        to_cart(actor)
    else:
        to_product(actor)
    actor.read(2)
    plus = actor.page.elements["plus"]
    actor.strike(plus, int(actor.rng.integers(4, 11)), log_normal(actor.rng, 240, 0.25), 1)
    if actor.chance(0.25):
        actor.strike(plus.broken(DEAD), int(actor.rng.integers(1, 3)), 300, 1)
    if actor.chance(0.4):
        actor.wait(900)
        actor.strike(actor.page.elements["minus"], int(actor.rng.integers(1, 4)), 260, 1)


def date_picker(actor: Actor) -> None:
    """Leaf through the months."""
    to_product(actor)
    actor.read(2)
    actor.strike(
        actor.page.elements["date"],
        int(actor.rng.integers(4, 12)),
        log_normal(actor.rng, 280, 0.25),
        1,
    )


def carousel(actor: Actor) -> None:
    """Leaf through pictures by an arrow without a word on it."""
    to_product(actor)
    actor.wait(800)
    actor.strike(
        actor.page.elements["next"],
        int(actor.rng.integers(3, 9)),
        log_normal(actor.rng, 430, 0.35),
        1,
    )


def pager(actor: Actor) -> None:
    """Leaf through a list."""
    to_list(actor)
    actor.read(2)
    actor.strike(
        actor.page.elements["pager"],
        int(actor.rng.integers(3, 8)),
        log_normal(actor.rng, 480, 0.3),
        1.5,
    )


def triple_click(actor: Actor) -> None:
    """Select a paragraph, or what stands in a field."""
    to_product(actor)
    actor.read(4)
    if actor.chance(0.3):
        field = actor.page.elements["search"]
        actor.strike(field, 3, 130, 0.5)
        actor.keys(field, int(actor.rng.integers(4, 10)))
        return
    texts = actor.page.named("text")
    text = texts[int(actor.rng.integers(len(texts)))]
    for _ in range(int(actor.rng.integers(1, 3))):
        actor.strike(
            text.broken(Answer("selection", 20, 0.2)), 3, log_normal(actor.rng, 130, 0.15), 0.5
        )
        actor.tab.emit("select", actor.tab.now + 300, chars=int(actor.rng.integers(80, 500)))
        actor.wait(1200)
        if actor.chance(0.7):
            actor.tab.emit("copy")


def habitual(actor: Actor) -> None:
    """Press working buttons two or three times out of habit."""
    to_product(actor)
    actor.read(2)
    names = ["cta", "like", "details", "option0"]
    for _ in range(int(actor.rng.integers(2, 5))):
        element = actor.page.elements[names[int(actor.rng.integers(len(names)))]]
        actor.strike(element, 3 if actor.chance(0.55) else 2, log_normal(actor.rng, 150, 0.2), 1)
        actor.wait(700)
        if actor.chance(0.4):
            actor.strike(element, 2, 140, 1)
        actor.read(2)


def slow_link(actor: Actor) -> None:
    """Press a working link again because the next page takes its time."""
    to_list(actor)
    actor.read(4)
    card = actor.page.named("card")[0]
    slow = float(actor.rng.uniform(700, 2200))
    element = card.broken(Answer("navigation", slow, 0.1))
    times = 3 if actor.chance(0.4) else 2
    actor.strike(element, times, log_normal(actor.rng, 330, 0.45), 1.5)
    actor.tab.now += slow
    actor.go(actor.site.products(actor.page.path.split("/")[1])[0])


def patient(actor: Actor) -> None:
    """Press a dead button once or twice, shrug, and go on."""
    to_product(actor)
    actor.read(3)
    element = actor.page.elements["like" if actor.chance(0.5) else "cta"].broken(DEAD)
    actor.press(element)
    for _ in range(int(actor.rng.integers(0, 3))):
        actor.wait(actor.person.patience_ms * 1.6, 0.4)
        actor.press(element)
    actor.wait(2600)


def game(actor: Actor) -> None:
    """Press on a canvas, where nobody can see what answers."""
    to_product(actor)
    page = actor.page.elements["image"]
    word = "game" if actor.chance(0.6) else "map"
    canvas = Element(
        f"canvas#{word}",
        ("canvas", word, "unobserved"),
        page.x,
        page.y,
        max(page.w, 300),
        300,
        Answer("mutation", 20),
    )
    wide = 30.0 if word == "game" else 8.0
    for _ in range(int(actor.rng.integers(2, 5))):
        actor.strike(canvas, int(actor.rng.integers(3, 9)), log_normal(actor.rng, 260, 0.3), wide)
        actor.wait(1500)


def keypad(actor: Actor) -> None:
    """Press small buttons side by side; each works."""
    to_product(actor)
    like = actor.page.elements["like"]
    for i in range(int(actor.rng.integers(4, 9))):
        key = int(actor.rng.integers(1, 4))
        element = Element(
            f"button.key:{key}", ("button",), like.x + 26 * key, like.y, 24, 24, like.answer
        )
        actor.strike(element, 1 + int(i % 3 == 0), 180, 1)
        actor.tab.now += log_normal(actor.rng, 220, 0.3)


def toggler(actor: Actor) -> None:
    """Try a switch back and forth; it answers each time, though not at once."""
    to_product(actor)
    actor.read(2)
    lag = float(actor.rng.uniform(30, 600))
    actor.strike(
        actor.page.elements["like"].broken(Answer("state", lag, 0.3)),
        int(actor.rng.integers(3, 7)),
        log_normal(actor.rng, 420, 0.3),
        1,
    )


def load_more(actor: Actor) -> None:
    """Ask for more, again and again, and get it."""
    to_list(actor)
    for _ in range(int(actor.rng.integers(2, 5))):
        actor.press(actor.page.elements["more"], times=2 if actor.chance(0.4) else 1, gap_ms=350)
        actor.wait(900)
    actor.strike(actor.page.elements["more"], 3, 520, 1)


def player(actor: Actor) -> None:
    """Skip through a video: the presses are answered where no script sees it."""
    to_product(actor)
    media = actor.page.elements["media"]
    skip = Element(
        "button.forward", ("button", "media", "unobserved"), media.x + 60, media.y, 40, 36, DEAD
    )
    actor.press(media)
    actor.strike(skip, int(actor.rng.integers(4, 11)), log_normal(actor.rng, 380, 0.3), 1)


SCENES = {
    "stepper": stepper,
    "date_picker": date_picker,
    "carousel": carousel,
    "pager": pager,
    "triple_click": triple_click,
    "habitual": habitual,
    "slow_link": slow_link,
    "patient": patient,
    "game": game,
    "keypad": keypad,
    "toggler": toggler,
    "load_more": load_more,
    "player": player,
}
