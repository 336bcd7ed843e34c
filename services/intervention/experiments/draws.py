"""What experiments say of somebody, before anything is decided: all that a decider has to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from services.common import logs
from services.intervention.database import FAILURES
from services.intervention.experiments.arms import choices, keys_of, standing_arms
from services.intervention.experiments.assignment import Choice, Units
from services.intervention.experiments.exposure_log import standing
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.shares import Shares

_TIMEOUT_S = 0.05
_log = logs.get(__name__)


class Draws:
    """Arms by rule, for whoever has experiments."""

    def __init__(self, in_force: ExperimentsInForce, shares: Shares, pool: Any) -> None:
        self._in_force = in_force
        self._shares = shares
        self._pool = pool
        self.unchecked = 0
        """Draws that nobody could compare with the exposure log."""

    async def of(self, tenant_id: str, units: Units) -> Mapping[str, Choice]:
        """By rule, as `arms.arm_of` and `arms.choice_of` read it; empty without experiments.

        Where the exposure log cannot be asked in time, the draw stands as it is: it differs from
        the log only for units that were exposed before weights changed.
        """
        experiments = await self._in_force.of(tenant_id)
        found = choices(experiments, units, self._shares.of(tenant_id, experiments))
        keys = keys_of(tenant_id, found)
        if not keys:
            return found
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                arms = await standing(self._pool, keys)
        except FAILURES as error:
            self.unchecked += 1
            _log.warning("exposure log not asked", tenant=tenant_id, error=repr(error))
            return found
        return standing_arms(tenant_id, found, arms)
