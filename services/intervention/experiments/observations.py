"""What units did, in PostgreSQL, and reading it as the columns that are analysed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.document import UnitKind
from services.intervention.experiments.observed import Observed, in_order
from services.intervention.experiments.statistics.moments import Floats

BEFORE_DAYS = 28
"""How far back an exposure's past reaches: whole weeks."""
BEFORE_MS = BEFORE_DAYS * 86_400_000
Sums = Mapping[tuple[str, str, bool], float]
"""By unit, observation, and whether it was after the exposure."""

_ADD = """
INSERT INTO experiment_observations (tenant_id, unit_kind, unit, name, id, value, observed_at_ms)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[],
    $7::bigint[])
ON CONFLICT DO NOTHING
"""

_EXPOSED = """
SELECT unit, variant, shares, exposed_at_ms FROM experiment_exposures
WHERE tenant_id = $1 AND experiment = $2 AND unit_kind = $3 ORDER BY exposed_at_ms, unit
"""

_DONE = """
SELECT unit, name, observed_at_ms >= exposed_at_ms AS after, sum(value) AS total
FROM experiment_exposures JOIN experiment_observations USING (tenant_id, unit_kind, unit)
WHERE tenant_id = $1 AND experiment = $2 AND unit_kind = $3 AND name = ANY($4::text[])
    AND observed_at_ms BETWEEN exposed_at_ms - $5 AND $6
GROUP BY unit, name, after
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """A unit did something, once."""

    id: str
    kind: UnitKind
    unit: str
    name: str
    value: float
    at_ms: int


async def observe(connection: Any, tenant_id: str, observations: Sequence[Observation]) -> None:
    """Note observations; one that is known by its id changes nothing."""
    await connection.execute(
        _ADD,
        tenant_id,
        [one.kind for one in observations],
        [one.unit for one in observations],
        [one.name for one in observations],
        [one.id for one in observations],
        [one.value for one in observations],
        [one.at_ms for one in observations],
    )


async def read_observed(
    connection: Any,
    tenant_id: str,
    trial: Trial,
    now_ms: int,
    *,
    whole: Collection[str] = (),
    sums: Sums | None = None,
) -> Observed:
    """All units of an experiment, with what they did after their exposure and before it, until now.

    Units in arms that the document has no more are left out.

    Args:
        connection: to PostgreSQL.
        tenant_id: whose experiment it is.
        trial: the experiment.
        now_ms: what came later is left out.
        whole: observations whose past is known: who has none did nothing. Of others nothing is
            known then.
        sums: what is known from elsewhere, added to what is kept here.
    """
    exposed = [
        row
        for row in await connection.fetch(_EXPOSED, tenant_id, trial.name, trial.spec.unit)
        if row["variant"] in trial.names
        and len(row["shares"]) == len(trial.names)
        and row["exposed_at_ms"] <= now_ms
    ]
    index = {row["unit"]: position for position, row in enumerate(exposed)}
    names = trial.observations
    values: dict[str, Floats] = {name: np.zeros(len(exposed)) for name in names}
    before: dict[str, Floats] = {
        name: np.full(len(exposed), 0.0 if name in whole else np.nan) for name in names
    }

    def add(unit: str, name: str, after: bool, total: float) -> None:
        position = index.get(unit)
        if position is not None and name in names:
            column = (values if after else before)[name]
            known = 0.0 if np.isnan(column[position]) else column[position]
            column[position] = known + total

    rows = await connection.fetch(
        _DONE, tenant_id, trial.name, trial.spec.unit, sorted(names), BEFORE_MS, now_ms
    )
    for row in rows:
        add(row["unit"], row["name"], row["after"], row["total"])
    for (unit, name, after), total in (sums or {}).items():
        add(unit, name, after, total)
    return in_order(
        trial,
        np.array([trial.names.index(row["variant"]) for row in exposed], dtype=np.int64),
        np.array([row["exposed_at_ms"] for row in exposed], dtype=np.int64),
        values,
        before,
        np.array([row["shares"] for row in exposed]).reshape(len(exposed), len(trial.names)),
    )
