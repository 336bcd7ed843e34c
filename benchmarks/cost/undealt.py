"""Worlds in which people chose whom to help: some can be told from, some cannot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.accountability.cost.sample import Money, Sample
from services.accountability.cost.units import Bools, Floats, Units

PAGES: Final = 5


@dataclass(frozen=True, slots=True)
class Undealt:
    """A world, and what help would do to each of its units."""

    sample: Sample
    gain: Floats
    """By how much help raises the chance that it goes well."""
    money_gain: Floats


@dataclass(frozen=True, slots=True)
class People:
    """Who they are, before anybody helps."""

    value: Floats
    """About their wealth, standard normal."""
    confidence: Floats
    visits: Floats
    past: Floats
    """What they paid of late, which follows their wealth."""
    page: np.ndarray[tuple[int], np.dtype[np.int64]]
    tier: Bools
    """Written down nowhere."""


def _people(chance: np.random.Generator, count: int) -> People:
    value = chance.standard_normal(count)
    tier = chance.random(count) < 0.3
    past = np.where(chance.random(count) < 0.5, np.exp(value + chance.standard_normal(count)), 0)
    return People(
        value, chance.uniform(50, 100, count), chance.poisson(2.0, count).astype(np.float64),
        past, chance.integers(0, PAGES, count), tier,
    )  # fmt: skip


def _logistic(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _world(
    chance: np.random.Generator, who: People, helped: Bools, leaning: Floats, help_: float
) -> Undealt:
    """`leaning`: the log-odds that it goes well without help."""
    count = helped.size
    without, with_ = _logistic(leaning), _logistic(leaning + help_)
    kept = chance.random(count) < np.where(helped, with_, without)
    amount = np.exp(6 + 0.5 * who.value + 0.5 * chance.standard_normal(count))
    mean = np.exp(6 + 0.5 * who.value + 0.125)
    paid_earlier = chance.random(count) < _logistic(leaning)
    spent = np.where(paid_earlier, who.value + chance.standard_normal(count) + 3, 0)
    units = Units(
        helped, kept, kept.astype(np.float64), np.full(count, np.nan), np.arange(count),
        before={
            "value": np.exp(8 + who.value), "confidence": who.confidence, "visits": who.visits,
            "paid_before": who.past,
        },
        groups={"page": who.page},
        earlier={"paid_earlier": paid_earlier.astype(np.float64), "log_spent_earlier": spent},
    )  # fmt: skip
    money = {"EUR": Money(amount * kept, np.ones(count, dtype=np.bool_))}
    return Undealt(Sample(units, money), with_ - without, (with_ - without) * mean)


def _size(chance: np.random.Generator) -> int:
    return int(np.exp(chance.uniform(math.log(2_500), math.log(6_000))))


def straight(chance: np.random.Generator) -> Undealt:
    """The wealthy and the certain are helped more, and stay anyway."""
    who = _people(chance, _size(chance))
    sure = (who.confidence - 75) / 15
    helped = chance.random(who.value.size) < _logistic(0.8 * who.value + 0.4 * sure)
    return _world(chance, who, helped, -0.6 + 0.9 * who.value + 0.4 * sure, chance.uniform(0, 0.8))


def bent(chance: np.random.Generator) -> Undealt:
    """Those in the middle are helped more, and stay more."""
    who = _people(chance, _size(chance))
    middle = 1.2 - who.value**2
    helped = chance.random(who.value.size) < _logistic(0.7 * np.clip(middle, -2.5, 2.5))
    leaning = -0.6 + 0.8 * np.clip(middle, -3, 3) + 0.2 * who.visits
    return _world(chance, who, helped, leaning, chance.uniform(0, 0.8))


def stepped(chance: np.random.Generator) -> Undealt:
    """Help has thresholds, and wealth counts the other way on some pages."""
    who = _people(chance, _size(chance))
    rich, often = who.value > 0.3, who.visits >= 3
    turn = np.where(who.page < 2, 1.0, -1.0)
    helped = chance.random(who.value.size) < np.where(rich & often, 0.8, np.where(rich, 0.55, 0.25))
    leaning = -0.5 + 1.3 * rich + 0.8 * (rich & often) + 0.3 * turn * who.value
    return _world(chance, who, helped, leaning, chance.uniform(0, 0.8))


def crossed(chance: np.random.Generator) -> Undealt:
    """Neither wealth nor certainty counts alone, only whether they go together."""
    who = _people(chance, _size(chance))
    sure = (who.confidence - 75) / 15
    both = np.clip(who.value * sure, -2, 2)
    helped = chance.random(who.value.size) < _logistic(0.2 + 1.0 * both)
    leaning = -0.2 + 1.2 * both + 0.3 * (who.page == 1)
    return _world(chance, who, helped, leaning, chance.uniform(0, 0.8))


CONFOUNDED: Final[Mapping[str, Callable[[np.random.Generator], Undealt]]] = {
    "straight": straight,
    "bent": bent,
    "stepped": stepped,
    "crossed": crossed,
}


def _ruled(chance: np.random.Generator, who: People, helped: Bools, extra: Floats) -> Undealt:
    return _world(chance, who, helped, -0.3 + 0.7 * who.value + extra, chance.uniform(0, 0.8))


def by_value(chance: np.random.Generator) -> Undealt:
    """Whoever is worth enough is helped, nobody else."""
    who = _people(chance, _size(chance))
    return _ruled(chance, who, who.value > chance.uniform(-0.8, 0.8), np.zeros(who.value.size))


def by_band(chance: np.random.Generator) -> Undealt:
    """Whoever is in the middle is helped, nobody else."""
    who = _people(chance, _size(chance))
    low = chance.uniform(-1.0, 0.0)
    helped = (who.value > low) & (who.value < low + 1.0)
    return _ruled(chance, who, helped, np.zeros(who.value.size))


def by_page(chance: np.random.Generator) -> Undealt:
    """Whoever is on one of two pages is helped, nobody else."""
    who = _people(chance, _size(chance))
    return _ruled(chance, who, who.page < 2, np.where(who.page < 2, 0.3, 0.0))


def by_page_and_value(chance: np.random.Generator) -> Undealt:
    """Every page has a threshold of its own."""
    who = _people(chance, _size(chance))
    helped = who.value > np.linspace(-0.8, 0.8, PAGES)[who.page]
    return _ruled(chance, who, helped, np.zeros(who.value.size))


def nearly_by_value(chance: np.random.Generator) -> Undealt:
    """As by value, but one in a hundred is an exception."""
    who = _people(chance, _size(chance))
    helped = (who.value > 0.2) ^ (chance.random(who.value.size) < 0.01)
    return _ruled(chance, who, helped, np.zeros(who.value.size))


def by_hidden_tier(chance: np.random.Generator) -> Undealt:
    """Whoever has a contract is helped, nobody else; nobody wrote down who has one."""
    who = _people(chance, _size(chance))
    return _ruled(chance, who, who.tier, np.where(who.tier, 1.2, 0.0))


def tiny(chance: np.random.Generator) -> Undealt:
    """Hardly anybody was helped."""
    who = _people(chance, _size(chance))
    helped = np.zeros(who.value.size, dtype=np.bool_)
    helped[: int(chance.integers(5, 90))] = True
    return _ruled(chance, who, helped, np.zeros(who.value.size))


NO_OVERLAP: Final[Mapping[str, Callable[[np.random.Generator], Undealt]]] = {
    "by_value": by_value,
    "by_band": by_band,
    "by_page": by_page,
    "by_page_and_value": by_page_and_value,
    "nearly_by_value": nearly_by_value,
    "by_hidden_tier": by_hidden_tier,
    "tiny": tiny,
}
