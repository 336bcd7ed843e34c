"""Worlds in which chance decided who was left alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.accountability.cost.units import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Dealt:
    """A world, and the true effect of helping in it."""

    values: Floats
    helped: Bools
    share: Floats
    cluster: Ints
    known: Floats
    truth: float


def _dealt(chance: np.random.Generator, count: int, share: float) -> tuple[Bools, Floats]:
    return chance.random(count) < share, np.full(count, share)


def _size(chance: np.random.Generator, least: int = 800, most: int = 6_000) -> int:
    return int(np.exp(chance.uniform(math.log(least), math.log(most))))


def _alone(count: int) -> Ints:
    return np.arange(count)


def _none(count: int) -> Floats:
    return np.empty((count, 0))


def shares(chance: np.random.Generator) -> Dealt:
    """Did they buy? A holdout of a tenth to a half."""
    count, held = _size(chance), chance.uniform(0.1, 0.5)
    helped, share = _dealt(chance, count, 1 - held)
    base, lift = chance.uniform(0.2, 0.7), chance.uniform(-0.05, 0.1)
    values = (chance.random(count) < base + lift * helped).astype(np.float64)
    return Dealt(values, helped, share, _alone(count), _none(count), lift)


def money(chance: np.random.Generator) -> Dealt:
    """Most pay nothing, some pay a lognormal amount; help makes more of them pay."""
    count, held = _size(chance), chance.uniform(0.2, 0.5)
    helped, share = _dealt(chance, count, 1 - held)
    base, lift, spread = chance.uniform(0.1, 0.3), chance.uniform(0.0, 0.1), 1.0
    pays = chance.random(count) < base + lift * helped
    values = np.where(pays, chance.lognormal(3.0, spread, count), 0.0)
    return Dealt(
        values, helped, share, _alone(count), _none(count), lift * np.exp(3.0 + spread**2 / 2)
    )


def skewed(chance: np.random.Generator) -> Dealt:
    """As money, with a longer tail and a small holdout."""
    count, held = _size(chance, 2_000, 12_000), chance.uniform(0.1, 0.2)
    helped, share = _dealt(chance, count, 1 - held)
    base, lift, spread = chance.uniform(0.1, 0.3), chance.uniform(0.0, 0.1), 1.3
    pays = chance.random(count) < base + lift * helped
    values = np.where(pays, chance.lognormal(3.0, spread, count), 0.0)
    return Dealt(
        values, helped, share, _alone(count), _none(count), lift * np.exp(3.0 + spread**2 / 2)
    )


def at_stake(chance: np.random.Generator) -> Dealt:
    """Value at stake, kept or lost; what is at stake and what was paid before are known."""
    count, held = _size(chance), chance.uniform(0.15, 0.5)
    helped, share = _dealt(chance, count, 1 - held)
    stake = chance.lognormal(8.0, 1.0, count)
    past = 0.3 * stake * chance.random(count)
    base, lift = chance.uniform(0.5, 0.8), chance.uniform(0.0, 0.1)
    kept = chance.random(count) < base + lift * helped
    known = np.column_stack([stake, past])
    return Dealt(stake * kept, helped, share, _alone(count), known, lift * np.exp(8.5))


def companies(chance: np.random.Generator) -> Dealt:
    """Whole companies were dealt; colleagues resemble each other."""
    groups, held = _size(chance, 300, 1_500), chance.uniform(0.2, 0.5)
    helped_of, share_of = _dealt(chance, groups, 1 - held)
    of = np.repeat(np.arange(groups), chance.integers(1, 8, groups))
    base, lift = chance.uniform(0.1, 0.3), chance.uniform(0.0, 0.1)
    like = chance.lognormal(0.0, 0.5, groups)
    pays = chance.random(of.size) < base + lift * helped_of[of]
    values = np.where(pays, like[of] * chance.lognormal(3.0, 0.8, of.size), 0.0)
    truth = lift * np.exp(0.125) * np.exp(3.32)
    return Dealt(values, helped_of[of], share_of[of], of, _none(of.size), truth)


def visits(chance: np.random.Generator) -> Dealt:
    """Visits were dealt, people come again; the holdout was widened on the way."""
    people = _size(chance, 400, 2_500)
    of = np.repeat(np.arange(people), chance.integers(1, 5, people))
    order = chance.random(of.size)
    share = np.where(order < 0.5, 0.9, 0.7)
    helped = chance.random(of.size) < share
    like = chance.normal(0.0, 0.15, people)
    base, lift = chance.uniform(0.3, 0.5), chance.uniform(-0.05, 0.1)
    # More of them buy later on: chance and outcome hang together by time.
    rate = np.clip(base + 0.1 * (order >= 0.5) + like[of] + lift * helped, 0, 1)
    without = np.clip(rate - lift * helped, 0, 1)
    truth = float((np.clip(without + lift, 0, 1) - without).mean())
    values = (chance.random(of.size) < rate).astype(np.float64)
    return Dealt(values, helped, share, of, like[of][:, None], truth)


FAMILIES: Final[Mapping[str, Callable[[np.random.Generator], Dealt]]] = {
    "shares": shares,
    "money": money,
    "skewed": skewed,
    "at_stake": at_stake,
    "companies": companies,
    "visits": visits,
}
