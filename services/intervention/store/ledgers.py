"""SQL of what guards remember, where something else than a decision changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from services.intervention.policy.ledger import Ledger
from services.intervention.store.decisions import GuardKey, lock_guards, read

Change = Callable[[Ledger], bool]
"""Changes a ledger. False: it left it as it was, and nothing is written."""


async def change(
    connection: Any, changes: Mapping[GuardKey, Sequence[Change]], now_ms: int
) -> bool:
    """Apply changes in the caller's transaction. Returns whether there was any."""
    await lock_guards(connection, changes, now_ms)
    states, _ = await read(connection, changes, ())
    changed = False
    for key, made in changes.items():
        ledger = msgspec.json.decode(states[key].encoded, type=Ledger)
        # A list: each is applied, whatever the one before said.
        if any([one(ledger) for one in made]):
            changed = True
            await connection.execute(
                "UPDATE guards SET state = $3, version = version + 1"
                " WHERE tenant_id = $1 AND subject = $2",
                *key,
                msgspec.json.encode(ledger),
            )
    return changed
