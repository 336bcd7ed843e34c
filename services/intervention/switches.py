"""Kill switches: what is stopped, for everybody, a tenant, or one of its rules.

They stand in PostgreSQL and every process reads them each second, so a switch is in force
everywhere within two. Away, PostgreSQL leaves in force what was last read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from sentientiq.intervention.v1 import intervention_service_pb2 as pb

from services.common import logs
from services.intervention.database import FAILURES

ALL = "*"
_EVERY_S = 1.0
_log = logs.get(__name__)


class Switches:
    """What is stopped, as last read."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._stopped: dict[str, tuple[str, ...]] = {}
        self._everything = False

    def of(self, tenant_id: str) -> tuple[str, ...]:
        """ "*" if all is stopped, and the rules that are; in a fixed order."""
        own = self._stopped.get(tenant_id, ())
        return (ALL,) if self._everything else own

    def stops(self, tenant_id: str, rules: Collection[str]) -> str:
        """What stops something that was decided before: "*", one of its rules, or nothing."""
        stopped = self.of(tenant_id)
        return next((name for name in stopped if name == ALL or name in rules), "")

    async def set(self, switch: pb.Switch, *, off: bool, now_ms: int) -> None:
        """Move a switch; it is in force here at once."""
        if off:
            await self._pool.execute(
                "INSERT INTO switches (tenant_id, rule, reason, since_ms) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (tenant_id, rule) DO UPDATE SET reason = EXCLUDED.reason",
                switch.tenant_id,
                switch.rule,
                switch.reason,
                now_ms,
            )
        else:
            await self._pool.execute(
                "DELETE FROM switches WHERE tenant_id = $1 AND rule = $2",
                switch.tenant_id,
                switch.rule,
            )
        _log.warning(
            "switch moved", tenant=switch.tenant_id or ALL, rule=switch.rule or ALL, off=off
        )
        await self.read()

    async def read(self) -> list[pb.Switch]:
        """Take over what stands in PostgreSQL."""
        rows = await self._pool.fetch(
            "SELECT tenant_id, rule, reason, since_ms FROM switches ORDER BY tenant_id, rule"
        )
        found = [pb.Switch(**dict(row)) for row in rows]
        stopped: dict[str, tuple[str, ...]] = {}
        for one in found:
            stopped[one.tenant_id] = (*stopped.get(one.tenant_id, ()), one.rule or ALL)
        self._everything = ALL in stopped.pop("", ())
        self._stopped = stopped
        return found

    async def watch(self) -> None:
        """Read again and again until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_EVERY_S * 2):
                    await self.read()
            except FAILURES as error:
                _log.warning("switches not read, the last ones stay", error=repr(error))
            await asyncio.sleep(_EVERY_S)
