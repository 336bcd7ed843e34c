"""Which visits there are, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from benchmarks.visitors.actor import Actor
from benchmarks.visitors.person import EMOTIONS, Feeling, Mood, draw_person
from benchmarks.visitors.scenes import (
    abandonment,
    confusion,
    hard_choices,
    hard_ends,
    hard_presses,
    hard_ways,
    hesitation,
    rage,
)  # fmt: skip
from benchmarks.visitors.scenes.calm import browse
from benchmarks.visitors.site import Site
from benchmarks.visitors.tab import Line, Tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.random import Generator


OCCASIONS: Final[Mapping[str, Callable[[Actor], None]]] = {
    "rage": rage.occasion,
    "hesitation": hesitation.occasion,
    "confusion": confusion.occasion,
    "abandonment": abandonment.occasion,
}
HARD: Final[Mapping[str, Callable[[Actor], None]]] = {
    **hard_presses.SCENES,
    **hard_choices.SCENES,
    **hard_ways.SCENES,
    **hard_ends.SCENES,
}
DEFAULT_MIX: Final[Mapping[str, float]] = {
    "rage": 0.145,
    "hesitation": 0.15,
    "confusion": 0.16,
    "abandonment": 0.16,
    "hard": 0.31,
    "plain": 0.075,
}
"""Shares of visits by what they are about; occasions do not always bring the emotion."""
EPOCH_MS: Final = 1_700_000_000_000
SIZES: Final = ((1280, 720), (1440, 820), (1536, 730), (1920, 960), (1366, 660))
TOUCH_SIZE: Final = (390, 760)


@dataclass(frozen=True)
class Visit:
    """One visit and the truth about it."""

    session: str
    lines: list[Line]
    truth: dict[str, Feeling | None]
    kind: str
    """What the visit is about: an emotion's occasion, a hard negative's name, or `plain`."""
    hard: bool
    """No emotion was felt, but it is easily taken for one."""
    mimics: frozenset[str]
    """Emotions that it looks like through and through without any being felt."""


def generate(
    seed: int, count: int, mix: Mapping[str, float] = DEFAULT_MIX, *, start: int = 0
) -> Iterator[Visit]:
    """Yield visits; the same seed and mix always give the same.

    Args:
        seed: of everything.
        count: how many visits.
        mix: shares by occasion (`rage`, …), `hard` and `plain`; need not add up to 1.
        start: number of the first visit; each depends on the seed and its number alone.
    """
    unknown = mix.keys() - DEFAULT_MIX.keys()
    if unknown or sum(mix.values()) <= 0:
        raise ValueError(
            f"unknown or empty mix {sorted(unknown)} (expected shares of {', '.join(DEFAULT_MIX)})"
        )
    names = list(DEFAULT_MIX)
    shares = np.array([mix.get(name, 0.0) for name in names])
    for number in range(start, start + count):
        rng = np.random.default_rng([seed, number])
        yield _visit(
            rng,
            f"v{seed}-{number}",
            number,
            names[int(rng.choice(len(names), p=shares / shares.sum()))],
        )


def _visit(rng: Generator, session: str, number: int, about: str) -> Visit:
    actor = _enter(rng, session, EPOCH_MS + number * 1000)
    hard = list(HARD)
    name = hard[int(rng.integers(len(hard)))]
    kind = name if about == "hard" else about
    browse(actor, int(rng.integers(0, 3)))
    extra = about != "plain" and actor.chance(0.3)
    if extra and actor.chance(0.6):
        HARD[hard[int(rng.integers(len(hard)))]](actor)
        actor.leaves = False
    if about == "hard":
        HARD[name](actor)
    elif about != "plain":
        OCCASIONS[about](actor)
    else:
        browse(actor, 2)
    if not actor.leaves:
        if extra and actor.chance(0.5):
            HARD[hard[int(rng.integers(len(hard)))]](actor)
        browse(actor, int(rng.integers(0, 3)))
    actor.close()
    mood, lines = actor.mood, actor.tab.recording()
    last = cast("int", lines[-1]["t"])
    return Visit(
        session=session,
        lines=lines,
        truth={emotion: _within(mood.felt.get(emotion), last) for emotion in EMOTIONS},
        kind=kind,
        hard=not mood.felt and about != "plain",
        mimics=frozenset(mood.mimics - mood.felt.keys()),
    )


def _within(feeling: Feeling | None, last: int) -> Feeling | None:
    """Cut off what is felt after the last that was recorded."""
    if feeling is None:
        return None
    return replace(feeling, start=min(feeling.start, last), end=min(feeling.end, last))


def _enter(rng: Generator, session: str, t0: float) -> Actor:
    touch = bool(rng.random() < 0.14)
    vw, vh = TOUCH_SIZE if touch else SIZES[int(rng.integers(len(SIZES)))]
    person = draw_person(rng)
    tab = Tab(rng, session, t0, "touch" if touch else "mouse", vw, vh)
    actor = Actor(rng, person, Mood(person.openness, _at=t0), Site(rng, vw, vh), tab)
    actor.keyboard = not touch and actor.chance(0.06)
    actor.arrive("/", "https://search.example.com/" if actor.chance(0.6) else None)
    if actor.chance(0.1):
        tab.emit("consent", analytics=True, interventions=actor.chance(0.7))
    if actor.chance(0.08):
        tab.emit("identify", user_id=f"u{rng.integers(1, 10_000)}")
    actor.read(float(rng.uniform(2, 8)))
    return actor
