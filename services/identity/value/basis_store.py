"""What values rest on, by tenant: rules, rates and model, read again when a version is new."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from services.common import logs
from services.identity.value.bgnbd import BgNbd
from services.identity.value.document import DocumentError
from services.identity.value.forecast import Model
from services.identity.value.rates import NO_RATES, Rates, read_rates
from services.identity.value.rules import NO_RULES, Rules, read_rules
from services.identity.value.spend import GammaGamma
from services.identity.value.valuation import Basis, FittedModel

RULES_KIND = "value"
RATES_KIND = "rates"
NO_MODEL = FittedModel()
_CAPACITY = 1_000
T = TypeVar("T")
_log = logs.get(__name__)

VERSIONS = (
    "(SELECT coalesce(max(version), 0) FROM config_documents"
    " WHERE tenant_id = $1 AND kind = 'value') AS rules_version,"
    " (SELECT coalesce(max(version), 0) FROM config_documents"
    " WHERE tenant_id = $1 AND kind = 'rates') AS rates_version"
)
"""Columns of a query whose first argument is a tenant: the documents in force."""


class BasisStore:
    """Reads the documents and the model, remembering the parsed ones."""

    def __init__(self) -> None:
        self._rules: dict[str, tuple[int, Rules]] = {}
        self._rates: dict[str, tuple[int, Rates]] = {}
        self._models: dict[str, tuple[FittedModel, str]] = {}

    async def basis(self, connection: Any, tenant_id: str) -> Basis:
        """Return what values of the tenant rest on now."""
        row: Any = await connection.fetchrow(
            f"SELECT {VERSIONS}, (SELECT coalesce(max(version) FILTER"
            " (WHERE parameters IS NOT NULL), max(version), 0) FROM value_models"
            " WHERE tenant_id = $1) AS model_version",
            tenant_id,
        )
        rules = await self.rules(connection, tenant_id, row["rules_version"])
        return Basis(
            rules,
            row["rules_version"],
            await self.rates(connection, tenant_id, row["rates_version"]),
            row["rates_version"],
            await self._model(connection, tenant_id, row["model_version"], rules.currency),
        )

    async def rules(self, connection: Any, tenant_id: str, version: int) -> Rules:
        """Return a version of the tenant's rules."""
        if version == 0:
            return NO_RULES
        known = self._rules.get(tenant_id)
        if known is None or known[0] != version:
            body = await _body(connection, tenant_id, RULES_KIND, version)
            known = (version, _readable(body, read_rules, NO_RULES, tenant_id))
            _keep(self._rules, tenant_id, known)
        return known[1]

    async def rates(self, connection: Any, tenant_id: str, version: int) -> Rates:
        """Return a version of the tenant's rates."""
        if version == 0:
            return NO_RATES
        known = self._rates.get(tenant_id)
        if known is None or known[0] != version:
            body = await _body(connection, tenant_id, RATES_KIND, version)
            known = (version, _readable(body, read_rates, NO_RATES, tenant_id))
            _keep(self._rates, tenant_id, known)
        return known[1]

    async def _model(
        self, connection: Any, tenant_id: str, version: int, currency: str
    ) -> FittedModel:
        if version == 0:
            return NO_MODEL
        known = self._models.get(tenant_id)
        if known is None or known[0].version != version:
            row: Any = await connection.fetchrow(
                "SELECT parameters, currency, reason FROM value_models"
                " WHERE tenant_id = $1 AND version = $2",
                tenant_id,
                version,
            )
            fitted = FittedModel(version, _read_model(row["parameters"]), row["reason"])
            known = (fitted, row["currency"])
            _keep(self._models, tenant_id, known)
        fitted, of = known
        if of != currency:
            return FittedModel(version, None, f"no model in {currency} yet: the last is in {of}")
        return fitted


def write_model(model: Model) -> str:
    """The parameters as they are stored."""
    purchases, spend = model.purchases, model.spend
    return json.dumps(
        {
            "purchases": [purchases.r, purchases.alpha, purchases.a, purchases.b],
            "spend": [spend.p, spend.q, spend.gamma],
        }
    )


def _read_model(parameters: str | None) -> Model | None:
    if parameters is None:
        return None
    stored = json.loads(parameters)
    return Model(BgNbd(*stored["purchases"]), GammaGamma(*stored["spend"]))


async def _body(connection: Any, tenant_id: str, kind: str, version: int) -> bytes:
    body: bytes = await connection.fetchval(
        "SELECT body FROM config_documents WHERE tenant_id = $1 AND kind = $2 AND version = $3",
        tenant_id,
        kind,
        version,
    )
    return body


def _readable(body: bytes, read: Callable[[bytes], T], without: T, tenant_id: str) -> T:
    """PutConfig reads what it stores, but an earlier release may have read it otherwise."""
    try:
        return read(body)
    except DocumentError as error:
        _log.error("document not used", tenant_id=tenant_id, error=str(error))
        return without


def _keep(kept: dict[str, Any], tenant_id: str, value: Any) -> None:
    if len(kept) >= _CAPACITY and tenant_id not in kept:
        kept.pop(next(iter(kept)))
    kept[tenant_id] = value
