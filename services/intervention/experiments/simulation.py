"""Experiments with a known truth, by the thousand: do the intervals keep their promise?

All runs of a kind go through the very functions that a report uses, as arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from services.intervention.experiments.statistics import (
    cuped,
    fixed,
    power,
    sample_ratio,
    sequential,
)
from services.intervention.experiments.statistics.moments import (
    Bools,
    Difference,
    Floats,
    Ints,
    Moments,
    difference,
    moments,
)

World = Literal["proportion", "mean", "revenue"]
WORLDS: tuple[World, ...] = ("proportion", "mean", "revenue")
ALPHA = 0.05
_CHUNK = 1_000_000
"""Units drawn at a time: a few arrays of them stay small."""
_RATE = 0.05
_SHARES = np.array([0.5, 0.5])


class Peeking(msgspec.Struct, frozen=True):
    """A/A runs: the share that was ever called different, looked at after each unit."""

    world: str
    runs: int
    units: int
    sequential: float
    harm: float
    """Ever called worse, which would have stopped it."""
    fixed: float
    """What happens to whoever looks as often at an interval that is for one look."""


class Coverage(msgspec.Struct, frozen=True):
    """A/B runs: the share of intervals that hold the true effect."""

    world: str
    runs: int
    units: int
    fixed: float
    sequential: float


class Planned(msgspec.Struct, frozen=True):
    """A/B runs as large as was planned: the share that finds the effect at the last look."""

    runs: int
    power: float
    fixed_units: int
    fixed: float
    sequential_units: int
    sequential: float


class Reduction(msgspec.Struct, frozen=True):
    """What CUPED leaves of the difference's variance, and what theory says: 1 - rho squared."""

    rho: float
    runs: int
    units: int
    variance_left: float
    theory: float
    bias_in_errors: float
    """Mean adjusted difference less the true one, in standard errors of that mean."""
    coverage: float


class SampleRatio(msgspec.Struct, frozen=True):
    """The share of runs called a mismatch: of fair ones, and of those that lost units of an arm."""

    runs: int
    units: int
    false_alarms: float
    lost: float
    found: float


def peeking(world: World, runs: int, units: int, seed: int) -> Peeking:
    """A/A: nothing differs, and somebody looks after each unit."""
    chance = np.random.default_rng([seed, 1, WORLDS.index(world)])
    progress = np.arange(1, units + 1) / units
    always = harm = once = 0
    for count in _chunks(runs, units):
        values = _draw(world, chance, (count, units))
        found, seen = _every_look(world, values, chance.random((count, units)) < 0.5)
        interval = sequential.always(found, progress, ALPHA)
        always += int(((np.maximum(interval.low, -interval.high) > 0) & seen).any(axis=1).sum())
        harm += int(((interval.high < 0) & seen).any(axis=1).sum())
        once += int(((np.abs(found.estimate) > 1.959964 * found.error) & seen).any(axis=1).sum())
    return Peeking(world, runs, units, always / runs, harm / runs, once / runs)


def coverage(world: World, runs: int, units: int, seed: int) -> Coverage:
    """A/B: the treated arm is a tenth of its mean, or of its standard deviation, better."""
    chance = np.random.default_rng([seed, 2, WORLDS.index(world)])
    truth = {"proportion": 0.1 * _RATE, "mean": 0.1, "revenue": 0.1 * _RATE * np.exp(0.5)}[world]
    once = always = 0
    for count in _chunks(runs, units):
        shape = (count, units // 2)
        control, treated = _draw(world, chance, shape), _draw(world, chance, shape, lift=0.1)
        arms = moments(control), moments(treated)
        found = difference(*arms)
        if world == "proportion":
            interval = fixed.proportions(
                (control.sum(axis=1), treated.sum(axis=1)), (arms[0].n, arms[1].n), ALPHA
            )
        else:
            interval = fixed.welch(found, ALPHA)
        once += _holding(interval.low, interval.high, truth)
        interval = sequential.always(found, 1.0, ALPHA)
        always += _holding(interval.low, interval.high, truth)
    return Coverage(world, runs, units, once / runs, always / runs)


def planned(runs: int, mde: float, seed: int, strength: float = 0.8) -> Planned:
    """A/B with exactly the effect that was planned for, and as many units as that asks for."""
    chance = np.random.default_rng([seed, 5])
    design = power.Design((1.0, 1.0))
    once_units = power.units_fixed(design, mde, ALPHA, strength)
    always_units = power.units_sequential(design, mde, ALPHA, strength, 2 * once_units)
    found: list[float] = []
    for units, progress in ((once_units, None), (always_units, always_units / (2 * once_units))):
        size, hits = math.ceil(units / 2), 0
        for count in _chunks(runs, 2 * size):
            arms = [chance.standard_normal((count, size)) + lift for lift in (0.0, mde)]
            between = difference(moments(arms[0]), moments(arms[1]))
            interval = (
                fixed.welch(between, ALPHA)
                if progress is None
                else sequential.always(between, progress, ALPHA)
            )
            hits += int((interval.low > 0).sum())
        found.append(hits / runs)
    return Planned(
        runs, strength, math.ceil(once_units), found[0], math.ceil(always_units), found[1]
    )


def reduction(rho: float, runs: int, units: int, seed: int) -> Reduction:
    """A/B with a past that goes with the present by rho; a tenth of the units has no past."""
    chance = np.random.default_rng([seed, 3, round(rho * 1000)])
    truth, known = 0.1, 0.9
    raw: list[Floats] = []
    adjusted: list[Floats] = []
    held = 0
    for count in _chunks(runs, units):
        shape = (count, units // 2)
        values: list[Floats] = []
        before: list[Floats] = []
        for lift in (0.0, truth):
            past = chance.standard_normal(shape)
            noise = chance.standard_normal(shape)
            values.append(rho * past + np.sqrt(1 - rho**2) * noise + lift)
            before.append(np.where(chance.random(shape) < known, past, np.nan))
        raw.append(values[1].mean(axis=1) - values[0].mean(axis=1))
        arms, _ = cuped.adjust(values, before)
        found = difference(moments(arms[0]), moments(arms[1]))
        interval = fixed.welch(found, ALPHA)
        held += _holding(interval.low, interval.high, truth)
        adjusted.append(found.estimate)
    after = np.concatenate(adjusted)
    variance = float(after.var(ddof=1))
    return Reduction(
        rho, runs, units,
        variance_left=variance / float(np.concatenate(raw).var(ddof=1)),
        theory=1 - known * rho**2,
        bias_in_errors=float((after.mean() - truth) / np.sqrt(variance / runs)),
        coverage=held / runs,
    )  # fmt: skip


def mismatch(runs: int, units: int, seed: int, lost: float = 0.1) -> SampleRatio:
    """Fair splits, and the same after one arm lost a share of its units."""
    chance = np.random.default_rng([seed, 4])
    fair = _counts(chance.binomial(units, 0.5, runs), units)
    broken = fair.copy()
    broken[:, 1] = chance.binomial(fair[:, 1].astype(np.int64), 1 - lost)
    alarms, found = (
        float((sample_ratio.sample_ratio_p(counts, _SHARES) < sample_ratio.ALPHA).mean())
        for counts in (fair, broken)
    )
    return SampleRatio(runs, units, alarms, lost, found)


def _counts(control: Ints, units: int) -> Floats:
    return np.stack([control, units - control], axis=-1).astype(np.float64)


def _chunks(runs: int, units: int) -> Iterator[int]:
    """The runs in portions that fit into memory."""
    at_once = max(1, _CHUNK // units)
    for start in range(0, runs, at_once):
        yield min(at_once, runs - start)


def _draw(
    world: World, chance: np.random.Generator, shape: tuple[int, int], lift: float = 0.0
) -> Floats:
    if world == "mean":
        return chance.standard_normal(shape) + lift
    if world == "proportion":
        return (chance.random(shape) < _RATE * (1 + lift)).astype(np.float64)
    bought = chance.random(shape) < _RATE
    values = np.zeros(shape)
    values[bought] = chance.lognormal(0.0, 1.0, int(bought.sum())) * (1 + lift)
    return values


def _every_look(world: World, values: Floats, treated: Bools) -> tuple[Difference, Bools]:
    """The difference after each unit, and whether there were units enough to say anything."""
    arms: list[Moments] = []
    enough: Bools = np.ones(values.shape, dtype=np.bool_)
    for mask in (~treated, treated):
        n = np.cumsum(mask, axis=1, dtype=np.float64)
        total = np.cumsum(values * mask, axis=1)
        squares = np.cumsum(values * values * mask, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / n
            variance = (squares - total * mean) / (n - 1)
        arms.append(Moments(n, mean, variance))
        enough = enough & (n >= sequential.MIN_UNITS)
    if world != "mean":
        did = np.cumsum(values > 0, axis=1)
        enough = enough & (did >= sequential.MIN_EVENTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        return difference(arms[0], arms[1]), enough


def _holding(low: Floats, high: Floats, truth: float) -> int:
    return int(((low <= truth) & (truth <= high)).sum())
