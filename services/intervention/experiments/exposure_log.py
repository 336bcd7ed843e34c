"""The exposure log in PostgreSQL: who met an experiment, in which arm, with which chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from services.intervention.experiments.assignment import Choice, Exposure, Stood, stand_by


class Key(NamedTuple):
    """Whose arm it is, and in what."""

    tenant_id: str
    experiment: str
    unit: str


class Entry(NamedTuple):
    """An exposure, and the decision at which it came about."""

    tenant_id: str
    exposure: Exposure
    decision_id: str
    at_ms: int

    @property
    def key(self) -> Key:
        """Whose arm it is."""
        return Key(self.tenant_id, self.exposure.experiment, self.exposure.unit)


_STANDING = """
SELECT tenant_id, experiment, unit, variant, propensity, shares FROM experiment_exposures
JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant_id, experiment, unit)
    USING (tenant_id, experiment, unit)
"""

# In one order for all writers, so that two groups of decisions cannot wait for each other.
_ADD = """
INSERT INTO experiment_exposures (tenant_id, experiment, unit_kind, unit, variant, propensity,
    shares, version, decision_id, exposed_at_ms)
SELECT tenant_id, experiment, unit_kind, unit, variant, propensity,
    string_to_array(shares, ' ')::double precision[], version, decision_id, exposed_at_ms
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[],
    $7::text[], $8::text[], $9::text[], $10::bigint[]) AS added (tenant_id, experiment, unit_kind,
    unit, variant, propensity, shares, version, decision_id, exposed_at_ms)
ORDER BY tenant_id, experiment, unit
ON CONFLICT (tenant_id, experiment, unit) DO NOTHING
RETURNING tenant_id, experiment, unit, variant, propensity, shares
"""


async def standing(connection: Any, keys: Iterable[Key]) -> dict[Key, Stood]:
    """The arms of units that were exposed before."""
    asked = sorted(set(keys))
    if not asked:
        return {}
    return _arms(await connection.fetch(_STANDING, *map(list, zip(*asked, strict=True))))


async def record(connection: Any, entries: Sequence[Entry]) -> dict[Key, Stood]:
    """Note exposures; a unit's first counts. Returns the arm that stands, for each of them.

    Safe to repeat, and from several processes at once: all are told the same arm.
    """
    wanted: dict[Key, Entry] = {}
    for entry in entries:
        wanted.setdefault(entry.key, entry)
    # Most have been exposed before, and a refused insert costs more than a look.
    found = await standing(connection, wanted)
    fresh = [entry for key, entry in wanted.items() if key not in found]
    if fresh:
        rows = [
            (
                one.tenant_id, exposure.experiment, exposure.kind, exposure.unit, exposure.variant,
                exposure.propensity,
                # PostgreSQL has no arrays of arrays of differing length. repr() keeps all bits.
                " ".join(repr(share) for share in exposure.shares),
                exposure.version, one.decision_id, one.at_ms,
            )
            for one in fresh
            for exposure in (one.exposure,)
        ]  # fmt: skip
        found |= _arms(await connection.fetch(_ADD, *map(list, zip(*rows, strict=True))))
    late = [key for key in wanted if key not in found]
    # Somebody else was first, and has committed by now: the insert waited for it.
    return found | await standing(connection, late)


async def expose(
    connection: Any, tenant_id: str, choice: Choice, *, decision_id: str, at_ms: int
) -> Choice:
    """Note a choice's exposures; returns the choice by the arm that stands."""
    arms = await record(
        connection, [Entry(tenant_id, one, decision_id, at_ms) for one in choice.exposures]
    )
    assignment = choice.assignment
    if assignment is None:
        return choice
    return stand_by(choice, arms[Key(tenant_id, assignment.trial.name, assignment.unit)])


def _arms(rows: Iterable[Any]) -> dict[Key, Stood]:
    return {
        Key(row["tenant_id"], row["experiment"], row["unit"]): Stood(
            row["variant"], row["propensity"], tuple(row["shares"])
        )
        for row in rows
    }
