"""In the background: models are fitted, and values that rest on something old are renewed.

Any number of replicas may do so at once. They share the values out by locking rows, and of two
models fitted at the same time one is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.common import logs
from services.common.errors import Unavailable
from services.identity.database import Database
from services.identity.money import Money
from services.identity.value import bgnbd, spend
from services.identity.value.basis_store import BasisStore, write_model
from services.identity.value.forecast import Model
from services.identity.value.history import History
from services.identity.value.numeric import NotFitted
from services.identity.value.recorder import revalue
from services.identity.value.valuation import LEAST_REPEATERS, LEAST_USERS, Basis, as_arrays

_DAY_MS = 24 * 3_600_000
_AT_ONCE = 200
# A sample this large says all there is to know of seven parameters.
_MOST_USERS = 50_000
_log = logs.get(__name__)

# What others hold they are about to renew.
_SOME = f"LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED"
_OLD = (
    "SELECT user_id FROM user_values WHERE tenant_id = $1 AND as_of_ms > 0 AND as_of_ms < $2"
    f" ORDER BY as_of_ms {_SOME}"
)
_SINCE_CHANGE = (
    "SELECT user_id FROM user_values WHERE tenant_id = $1 AND user_id > $2 AND as_of_ms > 0"
    " AND (as_of_ms < $3 OR (rules_version, rates_version, model_version) IS DISTINCT FROM"
    f" ($4::bigint, $5::bigint, $6::bigint)) ORDER BY user_id {_SOME}"
)
_ENOUGH = (
    "SELECT count(*) >= $3 AND count(*) FILTER (WHERE occasions > 1) >= $4 FROM user_values"
    " WHERE tenant_id = $1 AND occasions > 0 AND currency = $2"
)


class Refresher:
    """Keeps values true: after a day, a new document or a new model they are computed again."""

    def __init__(
        self, database: Database, bases: BasisStore, clock_ms: Callable[[], int], every_s: float
    ) -> None:
        self._database = database
        self._bases = bases
        self._clock_ms = clock_ms
        self._every_s = every_s
        # What every value of a tenant rests on, once it was looked at.
        self._swept: dict[str, tuple[int, int, int]] = {}
        self.renewed = 0
        self.fitted = 0
        self.not_fitted = 0
        self.failed = 0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.once()
            except Unavailable as error:
                _log.warning("values not renewed", reason=str(error))
            await asyncio.sleep(self._every_s)

    async def once(self) -> None:
        """Bring all tenants' models and values up to date.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        async with self._database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT tenant_id FROM tenants t WHERE EXISTS (SELECT 1 FROM user_values v"
                " WHERE v.tenant_id = t.tenant_id AND v.as_of_ms > 0)"
            )
        for row in rows:
            try:
                await self._of_tenant(row["tenant_id"])
            except Unavailable:
                raise
            except Exception as error:
                # One tenant's data must not keep the others' values, or the process, from going on.
                self.failed += 1
                _log.error("values not renewed", tenant_id=row["tenant_id"], exc_info=error)

    async def _of_tenant(self, tenant_id: str) -> None:
        await self._renew(tenant_id)
        if await self._fit(tenant_id):
            await self._renew(tenant_id)

    async def _renew(self, tenant_id: str) -> None:
        async with self._database.connection() as connection:
            basis = await self._bases.basis(connection, tenant_id)
        resting_on = (basis.rules_version, basis.rates_version, basis.fitted.version)
        # By user: who has been renewed would else be passed over again and again.
        after: str | None = "" if self._swept.get(tenant_id) != resting_on else None
        while after is not None:
            after = await self._renew_some(
                tenant_id,
                basis,
                _SINCE_CHANGE,
                (after, self._clock_ms() - _DAY_MS, *resting_on),
            )
        self._swept[tenant_id] = resting_on
        while await self._renew_some(tenant_id, basis, _OLD, (self._clock_ms() - _DAY_MS,)):
            pass

    async def _renew_some(
        self, tenant_id: str, basis: Basis, query: str, arguments: tuple[Any, ...]
    ) -> str | None:
        """Renew some of those that the query finds; returns the last, None if there was none."""
        async with self._database.transaction() as connection:
            rows: list[Any] = await connection.fetch(query, tenant_id, *arguments)
            users: list[str] = [row["user_id"] for row in rows]
            if users:
                await revalue(connection, tenant_id, users, basis, self._clock_ms())
        self.renewed += len(users)
        return users[-1] if users else None

    async def _fit(self, tenant_id: str) -> bool:
        """Fit a model if one is due and there is enough to fit it to; True if it is a new one."""
        async with self._database.connection() as connection:
            basis = await self._bases.basis(connection, tenant_id)
            currency = basis.rules.currency
            newest: Any = await connection.fetchrow(
                "SELECT version, currency, fitted_at FROM value_models WHERE tenant_id = $1"
                " ORDER BY version DESC LIMIT 1",
                tenant_id,
            )
            if newest is not None and newest["currency"] == currency:
                age_ms = self._clock_ms() - newest["fitted_at"].timestamp() * 1000
                if age_ms < _DAY_MS:
                    return False
            enough: Any = await connection.fetchval(
                _ENOUGH, tenant_id, currency, LEAST_USERS, LEAST_REPEATERS
            )
            if not enough:
                return False
            histories = await _histories(connection, tenant_id, currency)
        today = datetime.fromtimestamp(self._clock_ms() / 1000, UTC).date()
        try:
            model = await asyncio.to_thread(_fitted, histories, today)
        except NotFitted as error:
            self.not_fitted += 1
            _log.warning("no model of values", tenant_id=tenant_id, reason=str(error))
            parameters, reason = None, f"no model: {error}"
        else:
            self.fitted += 1
            parameters, reason = write_model(model), ""
        async with self._database.transaction() as connection:
            # Another replica's model, fitted meanwhile, has this version and stays.
            await connection.execute(
                "INSERT INTO value_models (tenant_id, version, parameters, currency, reason, users,"
                " fitted_at) VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000))"
                " ON CONFLICT DO NOTHING",
                tenant_id,
                (newest["version"] if newest else 0) + 1,
                parameters,
                currency,
                reason,
                len(histories),
                self._clock_ms(),
            )
        return True


async def _histories(connection: Any, tenant_id: str, currency: str) -> list[History]:
    """Those who bought something; of very many, always the same sample."""
    rows: list[Any] = await connection.fetch(
        "SELECT paid_minor, occasions, first_day, last_day FROM user_values WHERE tenant_id = $1"
        " AND occasions > 0 AND currency = $2 ORDER BY md5(user_id) LIMIT $3",
        tenant_id,
        currency,
        _MOST_USERS,
    )
    return [
        History(
            Money(currency, row["paid_minor"]), row["occasions"], row["first_day"], row["last_day"]
        )
        for row in rows
    ]


def _fitted(histories: Sequence[History], today: date) -> Model:
    of, spending = as_arrays(histories, today)
    return Model(bgnbd.fit(of), spend.fit(spending))
