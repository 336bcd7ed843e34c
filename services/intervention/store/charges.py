"""SQL of what offers of the team take out of budgets: taken, given back, taken again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.intervention.policy.ledger import Charge, Ledger
from services.intervention.store.decisions import GuardKey
from services.intervention.store.ledgers import Change, change

# The state says whether it happened, so that each happens once, whoever asks and how often.
_MOVE = """
UPDATE interventions SET returned = $2
WHERE id = ANY($1::text[]) AND budget <> '' AND returned <> $2
RETURNING tenant_id, budget, period, minor
"""


async def give_back(connection: Any, intervention_id: str, now_ms: int) -> None:
    """Put back what an offer took that nobody will see; once, in the caller's transaction."""
    found = await _moved(connection, [intervention_id], returned=True)
    if found:
        await change(connection, found, now_ms)


async def taken_again(
    connection: Any, intervention_ids: Sequence[str]
) -> dict[GuardKey, list[Change]]:
    """What changes of budgets when pages show offers whose cost was given back."""
    return await _moved(connection, intervention_ids, returned=False)


async def _moved(
    connection: Any, intervention_ids: Sequence[str], *, returned: bool
) -> dict[GuardKey, list[Change]]:
    found: dict[GuardKey, list[Change]] = {}
    for row in await connection.fetch(_MOVE, list(intervention_ids), returned):
        charge = Charge(row["budget"], row["period"], -row["minor"] if returned else row["minor"])
        found.setdefault((row["tenant_id"], "tenant"), []).append(partial(_correct, charge))
    return found


def _correct(charge: Charge, ledger: Ledger) -> bool:
    return ledger.correct(charge)
