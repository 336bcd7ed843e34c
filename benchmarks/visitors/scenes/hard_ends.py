"""Hard negatives of abandonment: people who go, or stop, for good reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.visitors.scenes.calm import browse, pay, to_cart, to_checkout, to_product
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from benchmarks.visitors.actor import Actor


def _fill_some(actor: Actor) -> None:
    for i in range(int(actor.rng.integers(2, 6))):
        actor.fill(actor.page.elements[f"field{i}"], int(actor.rng.integers(5, 18)))


def buyer(actor: Actor) -> None:
    """Buy and leave at once."""
    to_checkout(actor)
    _fill_some(actor)
    pay(actor)
    actor.leaves = True


def pays_elsewhere(actor: Actor) -> None:
    """Switch to the bank's app to confirm, come back and finish."""
    to_checkout(actor)
    _fill_some(actor)
    actor.exit_top()
    actor.away(log_normal(actor.rng, 32_000, 0.5))
    pay(actor)
    actor.read(3)


def looks_up(actor: Actor) -> None:
    """Leave the form for another tab to look something up, more than once."""
    to_checkout(actor)
    for _ in range(int(actor.rng.integers(1, 4))):
        actor.fill(actor.page.elements["field2"], int(actor.rng.integers(4, 12)))
        actor.away(log_normal(actor.rng, 12_000, 0.7))
    _fill_some(actor)
    pay(actor)


def saves_draft(actor: Actor) -> None:
    """Save what was filled in, to go on another day."""
    to_checkout(actor)
    _fill_some(actor)
    actor.press(actor.page.elements["save"])
    actor.wait(1500)
    actor.tab.emit("track", name="draft_saved")
    actor.read(2)
    actor.leaves = True


def called_away(actor: Actor) -> None:
    """Stop in the middle for a minute, come back and finish."""
    to_checkout(actor)
    actor.fill(actor.page.elements["field0"], 9)
    actor.wait(50_000, 0.3)
    actor.fidget(120)
    _fill_some(actor)
    pay(actor)


def checks_again(actor: Actor) -> None:
    """Go back from the form to see the product once more, then finish."""
    to_checkout(actor)
    actor.fill(actor.page.elements["field0"], 9)
    actor.back()
    actor.read(float(actor.rng.uniform(4, 9)))
    actor.go("/checkout")
    _fill_some(actor)
    pay(actor)


def coupon_and_buy(actor: Actor) -> None:
    """Try a voucher, take the product out of the cart in the end and shop on."""
    to_cart(actor)
    actor.fill(actor.page.elements["coupon"], int(actor.rng.integers(5, 9)))
    actor.press(actor.page.elements["apply"])
    actor.wait(1500)
    actor.press(actor.page.elements["minus"])
    actor.wait(1500)
    browse(actor, 1)


def reader_leaves(actor: Actor) -> None:
    """Read to the end and go, having wanted nothing else."""
    actor.go(f"/article/{actor.rng.integers(1, 9)}")
    actor.read(float(actor.rng.uniform(15, 40)))
    actor.leaves = True


def noter(actor: Actor) -> None:
    """Write into the search field, read what it suggests, and need no more."""
    to_product(actor)
    actor.read(3)
    field = actor.page.elements["search"]
    actor.fill(field, int(actor.rng.integers(4, 12)))
    actor.read(4)
    actor.leaves = True


SCENES = {
    "buyer": buyer,
    "pays_elsewhere": pays_elsewhere,
    "looks_up": looks_up,
    "saves_draft": saves_draft,
    "called_away": called_away,
    "checks_again": checks_again,
    "coupon_and_buy": coupon_and_buy,
    "reader_leaves": reader_leaves,
    "noter": noter,
}
