"""An arm in figures, and two arms against each other."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

stats: Final[Any] = importlib.import_module("scipy.stats")  # without types


@dataclass(frozen=True, slots=True)
class Moments:
    """An arm: how many units, their mean, and the variance of one unit."""

    n: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Difference:
    """What an arm does beyond its control, and how far that may be off."""

    estimate: Floats
    error: Floats
    """The standard error."""
    freedom: Floats
    """Degrees of freedom of the error, by Welch and Satterthwaite."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the difference lies, and the p-value against none."""

    low: Floats
    high: Floats
    p: Floats


def moments(values: Floats) -> Moments:
    """The moments over the last axis; without units or with one there is no variance."""
    n = values.shape[-1]
    shape = values.shape[:-1]
    mean = values.mean(axis=-1) if n else np.full(shape, np.nan)
    variance = values.var(axis=-1, ddof=1) if n > 1 else np.full(shape, np.nan)
    return Moments(np.full(shape, float(n)), np.asarray(mean), np.asarray(variance))


def difference(control: Moments, treated: Moments) -> Difference:
    """Treated minus control, of arms that share no unit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        of_control, of_treated = control.variance / control.n, treated.variance / treated.n
        total = of_control + of_treated
        freedom = total**2 / (of_control**2 / (control.n - 1) + of_treated**2 / (treated.n - 1))
    return Difference(treated.mean - control.mean, np.sqrt(total), freedom)


def linearised(numerator: Floats, denominator: Floats) -> Floats:
    """Units' values whose mean is the arm's ratio and whose variance is the ratio's.

    The delta method: Deng, Knoblich & Lu (2018), "Applying the Delta Method in Metric Analytics",
    KDD, section 2.2. A unit is what was dealt, so clicks of one person may hang together.
    """
    if not denominator.shape[-1]:
        return numerator
    over = denominator.mean(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = numerator.mean(axis=-1, keepdims=True) / over
        values: Floats = ratio + (numerator - ratio * denominator) / over
    return values


def capped(
    values: Floats, *, cap: float | None = None, quantile: float | None = None
) -> tuple[Floats, float | None]:
    """Winsorise from above: the values of all arms, and the cap that was used.

    A quantile is taken of the units that did anything, whatever their arm: one cap for all.
    """
    if quantile is not None:
        active = values[values > 0]
        cap = float(np.quantile(active, quantile)) if active.size else None
    if cap is None:
        return values, None
    return np.minimum(values, cap), cap
