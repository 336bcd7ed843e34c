"""The shares of adaptive experiments, as last read: every process deals by the newest version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from services.common import logs
from services.intervention.database import FAILURES
from services.intervention.experiments.checks import Experiments

_EVERY_S = 5.0
_log = logs.get(__name__)

_NEWEST = """
SELECT DISTINCT ON (tenant_id, experiment) tenant_id, experiment, variants, shares
FROM experiment_shares ORDER BY tenant_id, experiment, version DESC
"""


class Shares:
    """By tenant and experiment. PostgreSQL away leaves what was last read."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._newest: dict[str, dict[str, tuple[tuple[str, ...], tuple[float, ...]]]] = {}

    def of(self, tenant_id: str, experiments: Experiments) -> Mapping[str, tuple[float, ...]]:
        """By experiment, where it is adaptive and its variants are those that were weighed."""
        found: dict[str, tuple[float, ...]] = {}
        for name, (variants, shares) in self._newest.get(tenant_id, {}).items():
            trial = experiments.trials.get(name)
            if trial is not None and trial.spec.adaptive is not None and trial.names == variants:
                found[name] = shares
        return found

    async def read(self) -> None:
        """Take over what stands in PostgreSQL."""
        newest: dict[str, dict[str, tuple[tuple[str, ...], tuple[float, ...]]]] = {}
        for row in await self._pool.fetch(_NEWEST):
            of_tenant = newest.setdefault(row["tenant_id"], {})
            of_tenant[row["experiment"]] = tuple(row["variants"]), tuple(row["shares"])
        self._newest = newest

    async def watch(self) -> None:
        """Read again and again until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self.read()
            except FAILURES as error:
                _log.warning("shares not read, the last ones stay", error=repr(error))
            await asyncio.sleep(_EVERY_S)
