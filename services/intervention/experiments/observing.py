"""From outcome.v1 to observations: what became of interventions, by person, company, session."""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.consumer import Delivery, Poison
from services.intervention.experiments.assignment import Units
from services.intervention.experiments.document import UnitKind
from services.intervention.experiments.observations import Observation, observe

_KINDS: tuple[UnitKind, ...] = ("session", "person", "company")
# "OUTCOME_KIND_CLICKED" is observed as "clicked".
_PREFIX = len("OUTCOME_KIND_")

_OF_INTERVENTIONS = """
SELECT interventions.id AS asked, record_of.record FROM interventions
JOIN decisions AS record_of ON record_of.id = interventions.decision_id
WHERE interventions.id = ANY($1::text[])
"""
_OF_DECISIONS = "SELECT id AS asked, record FROM decisions WHERE id = ANY($1::text[])"


class Observing:
    """Handles batches of outcome.v1."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.observed = 0

    async def handle(self, deliveries: list[Delivery[pb.Outcome]]) -> None:
        """Note outcomes whose decision is known; each counts once, however often it is told.

        Raises:
            Poison: an id that PostgreSQL cannot hold; it would refuse the whole batch for ever.
        """
        outcomes = [delivery.message for delivery in deliveries]
        if any("\x00" in one.intervention_id + one.decision_id + one.id for one in outcomes):
            raise Poison("id, intervention_id or decision_id contains a NUL character")
        decisions = await self._decisions(outcomes)
        by_tenant: dict[str, list[Observation]] = {}
        for outcome in outcomes:
            decision = decisions.get(outcome.decision_id or outcome.intervention_id)
            # Pages are not trusted: an outcome speaks of its own tenant's visit only.
            if decision is not None and decision.tenant_id == outcome.tenant_id:
                told = _observations(outcome, decision)
                by_tenant.setdefault(outcome.tenant_id, []).extend(told)
        for tenant_id, observations in by_tenant.items():
            await observe(self._pool, tenant_id, observations)
            self.observed += len(observations)

    async def _decisions(self, outcomes: list[pb.Outcome]) -> dict[str, pb.Decision]:
        """By the id that an outcome has: the decision's, or from pages the intervention's."""
        of_decisions = sorted({one.decision_id for one in outcomes if one.decision_id})
        of_interventions = sorted({one.intervention_id for one in outcomes if not one.decision_id})
        rows = [
            *await self._pool.fetch(_OF_DECISIONS, of_decisions),
            *await self._pool.fetch(_OF_INTERVENTIONS, of_interventions),
        ]
        return {row["asked"]: pb.Decision.FromString(row["record"]) for row in rows}


def _observations(outcome: pb.Outcome, decision: pb.Decision) -> list[Observation]:
    name = pb.OutcomeKind.Name(outcome.kind)[_PREFIX:].lower()

    def of(kind: UnitKind, unit: str) -> Observation:
        return Observation(outcome.id, kind, unit, name, 1.0, outcome.occurred_at_ms)

    # The units that the decision was dealt by: nobody's arm has what others only said they were.
    units = Units.proven(
        user_id=decision.user_id,
        company=decision.company,
        session_id=decision.session_id,
        assurance=decision.assurance,
    )
    return [of(kind, units.of(kind)) for kind in _KINDS if units.of(kind)]
