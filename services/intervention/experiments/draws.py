"""What experiments say of somebody, before anything is decided: all that a decider has to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common import logs
from services.intervention.database import FAILURES, briefly
from services.intervention.experiments.arms import are_none, choices, keys_of
from services.intervention.experiments.assignment import Choice, Units
from services.intervention.experiments.exposure_log import standing
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.shares import Shares

_TIMEOUT_S = 0.05
_log = logs.get(__name__)


class Drawn(NamedTuple):
    """Arms by rule, as `arms.arm_of` and `arms.choice_of` read them; empty without experiments."""

    choices: Mapping[str, Choice]
    known: bool
    """False: nobody could say yet which experiments the tenant has."""


_NOTHING = Drawn({}, known=True)


class Draws:
    """Arms by rule, for whoever has experiments."""

    def __init__(self, in_force: ExperimentsInForce, shares: Shares, pool: Any) -> None:
        self._in_force = in_force
        self._shares = shares
        self._pool = pool
        self.unchecked = 0
        """Draws that nobody could compare with the exposure log."""
        self.unknown = 0
        """Draws before anybody said which experiments there are."""

    async def of(self, tenant_id: str, units: Units) -> Drawn:
        """What experiments say of somebody.

        Where the exposure log cannot be asked in time, the draw stands as it is: it differs from
        the log only for units that were exposed before weights changed.
        """
        experiments = await self._in_force.of(tenant_id)
        if not self._in_force.known(tenant_id):
            self.unknown += 1
            return Drawn({}, known=False)
        if are_none(experiments):
            return _NOTHING
        shares = self._shares.of(tenant_id, experiments)
        keys = keys_of(tenant_id, experiments, units)
        if not keys:
            return Drawn(choices(experiments, units, shares), known=True)
        try:
            async with briefly(self._pool, _TIMEOUT_S) as connection:
                arms = await standing(connection, keys)
        except FAILURES as error:
            self.unchecked += 1
            _log.warning("exposure log not asked", tenant=tenant_id, error=repr(error))
            return Drawn(choices(experiments, units, shares), known=True)
        stood = {(key.experiment, key.unit): arm for key, arm in arms.items()}
        return Drawn(choices(experiments, units, shares, stood), known=True)
