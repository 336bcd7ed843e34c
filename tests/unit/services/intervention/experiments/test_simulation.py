"""Thousands of experiments whose truth is known: the promises of docs/experiments.md, kept.

The daily ones are a tenth of it with a fixed seed; the long ones are all, seeded by the day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.intervention.experiments import simulation

TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))
DAILY, LONG = 20261127, pytest.param(TODAY, 10_000, marks=pytest.mark.long)
WORLDS = pytest.mark.parametrize("world", simulation.WORLDS)


def shown(found: Any) -> Any:
    """The figures, for whoever reads a failure or runs with -s."""
    print(found)
    return found


@WORLDS
@pytest.mark.parametrize(("seed", "runs"), [(DAILY, 1_000), LONG])
def test_looking_after_each_unit_is_wrong_in_5_percent_at_most(
    world: simulation.World, seed: int, runs: int
):
    print(f"seed {seed}")
    units = 10_000 if runs == 10_000 else 4_000
    found = shown(simulation.peeking(world, runs, units, seed))
    assert found.sequential <= 0.05
    assert found.harm <= 0.05, "nothing is stopped for a harm that is none"
    assert found.fixed > 0.2, "peeking at fixed intervals is what this protects from"


@WORLDS
@pytest.mark.parametrize(("seed", "runs"), [(DAILY, 10_000), LONG])
def test_95_percent_intervals_hold_the_truth_in_94_to_96(
    world: simulation.World, seed: int, runs: int
):
    """10,000 runs daily too: fewer could not tell 94 % from 95 %."""
    print(f"seed {seed}")
    units = 10_000 if seed == TODAY else 4_000
    found = shown(simulation.coverage(world, runs, units, seed))
    assert 0.94 <= found.fixed <= 0.96
    assert found.sequential >= 0.95


@pytest.mark.parametrize(("seed", "runs"), [(DAILY, 2_000), LONG])
def test_as_many_units_as_were_planned_find_the_effect(seed: int, runs: int):
    print(f"seed {seed}")
    found = shown(simulation.planned(runs, 0.1, seed))
    # Four standard deviations of a share of 80 %.
    assert found.fixed == pytest.approx(0.8, abs=4 * 0.4 / runs**0.5)
    assert found.sequential == pytest.approx(0.8, abs=4 * 0.4 / runs**0.5)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
@pytest.mark.parametrize(("seed", "runs"), [(DAILY, 2_000), LONG])
def test_cuped_leaves_the_variance_that_theory_says(rho: float, seed: int, runs: int):
    print(f"seed {seed}")
    found = shown(simulation.reduction(rho, runs, 1_000, seed))
    # A variance of so many runs is known to sqrt(2 / runs); four of these, of two variances.
    assert found.variance_left == pytest.approx(found.theory, rel=4 * 2 / runs**0.5)
    assert abs(found.bias_in_errors) < 4
    assert 0.94 <= found.coverage <= 0.96 or runs < 10_000


@pytest.mark.parametrize(("seed", "runs"), [(DAILY, 10_000), LONG])
def test_a_sample_ratio_is_called_broken_at_alpha(seed: int, runs: int):
    print(f"seed {seed}")
    found = shown(simulation.mismatch(runs, 10_000, seed))
    # 10 of 10,000 by chance; four standard deviations to each side.
    assert abs(found.false_alarms - 0.001) <= 4 * (0.001 / runs) ** 0.5
    assert found.found > 0.9
