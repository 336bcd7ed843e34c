"""Adaptive experiments: new shares from what is known so far, each version kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.intervention.experiments.checks import ExperimentError, Trial
from services.intervention.experiments.observed import Observed
from services.intervention.experiments.statistics.bandit import (
    chances_to_be_best,
    posterior,
    shares,
)
from services.intervention.experiments.statistics.moments import capped, moments

_LEAST = 2
"""Units in each arm, before an arm's spread is anything."""


def next_shares(trial: Trial, observed: Observed) -> tuple[float, ...]:
    """The shares that the primary metric asks for now: Thompson's, with the floor.

    Raises:
        ExperimentError: the experiment is not adaptive.
    """
    spec = trial.spec.adaptive
    if spec is None:
        raise ExperimentError(f"{trial.name} is not adaptive: give it `adaptive`, or leave it be")
    metric = trial.primary
    values = observed.values.get(metric.numerator, np.zeros(observed.units))
    values, _ = capped(values, cap=metric.cap, quantile=metric.cap_quantile)
    arms = [values[observed.arm == arm] for arm in range(len(trial.names))]
    if min(arm.size for arm in arms) < _LEAST:
        return trial.shares
    if metric.kind == "proportion":
        arms = [(arm > 0).astype(np.float64) for arm in arms]
        posteriors = [posterior(moments(arm), "proportion") for arm in arms]
    else:
        if any(arm.var() == 0 for arm in arms):
            return trial.shares
        posteriors = [posterior(moments(arm), "mean") for arm in arms]
    return shares(chances_to_be_best(posteriors, higher=metric.better == "higher"), spec.floor)


async def store_shares(
    connection: Any, tenant_id: str, trial: Trial, now: tuple[float, ...], *, units: int, at_ms: int
) -> int:
    """Keep a version of the shares. Returns its number, from 1."""
    version: Any = await connection.fetchval(
        "INSERT INTO experiment_shares (tenant_id, experiment, version, variants, shares, units,"
        " made_at_ms) SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6"
        " FROM experiment_shares WHERE tenant_id = $1 AND experiment = $2 RETURNING version",
        tenant_id,
        trial.name,
        list(trial.names),
        list(now),
        units,
        at_ms,
    )
    return int(version)
