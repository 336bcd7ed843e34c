"""Record transactions and value their users anew, in one PostgreSQL transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from services.common.errors import AlreadyExists
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.privacy.tombstones import erased_users
from services.identity.privacy.vault import Vault
from services.identity.value import value_store
from services.identity.value.basis_store import BasisStore
from services.identity.value.transaction import Transaction
from services.identity.value.valuation import Basis, value_users
from services.identity.value.value_feed import CHANNEL

MOST = 1_000
"""Transactions that are recorded at once."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of some transactions."""

    new: int
    repeated: int
    conflicts: Collection[int]
    """Places of those that are known with other content."""


class Recorder:
    """Takes transactions, each exactly once, whoever else takes them at the same time."""

    def __init__(
        self,
        database: Database,
        bases: BasisStore,
        vault: Vault,
        clock_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self.clock_ms = clock_ms
        self._database = database
        self._bases = bases
        self._vault = vault
        self.recorded = 0
        self.repeated = 0
        self.refused = 0

    async def record_all(self, tenant_id: str, transactions: Sequence[Transaction]) -> Recorded:
        """Record all of them, or none.

        Raises:
            AlreadyExists: one is known with other content; it is named.
            NotFound: no such tenant.
            Unavailable: PostgreSQL is away; nothing is recorded, or all of it.
        """
        async with self._database.transaction() as connection:
            done = await self._record(connection, tenant_id, transactions)
            if done.conflicts:
                self.refused += len(transactions)
                place = min(done.conflicts)
                raise AlreadyExists(
                    f"transactions[{place}].transaction_id:"
                    f" {transactions[place].transaction_id!r} is recorded with other content;"
                    " what is recorded stands, send a correction as a refund and a new purchase"
                )
        self._count(done)
        return done

    async def record_new(self, tenant_id: str, transactions: Sequence[Transaction]) -> Recorded:
        """Record those that are known with no other content; raises as `record_all` does."""
        async with self._database.transaction() as connection:
            done = await self._record(connection, tenant_id, transactions)
        self._count(done)
        return done

    def _count(self, done: Recorded) -> None:
        self.recorded += done.new
        self.repeated += done.repeated
        self.refused += len(done.conflicts)

    async def _record(
        self, connection: Any, tenant_id: str, transactions: Sequence[Transaction]
    ) -> Recorded:
        """Record what can be; what erased users did before is known to have been, and no more."""
        first: dict[str, Transaction] = {}
        for one in transactions:
            first.setdefault(one.transaction_id, one)
        users = {one.user_id for one in first.values()}
        await value_store.lock_users(connection, tenant_id, users)
        # Under the lock: whoever erases them meanwhile comes before or after, never between.
        erased = await erased_users(connection, self._vault, tenant_id, users)
        if erased:
            first = {
                transaction_id: one
                for transaction_id, one in first.items()
                if one.occurred_at_ms > erased.get(one.user_id, 0)
            }
            left = {one.user_id for one in first.values()}
            await value_store.drop_empty(connection, tenant_id, erased.keys() - left)
        new = await value_store.add(connection, tenant_id, list(first.values()))
        known = await value_store.recorded(connection, tenant_id, first.keys() - new)
        stands = {**first, **known}
        conflicts = [
            place
            for place, one in enumerate(transactions)
            if stands.get(one.transaction_id, one) != one
        ]
        changed = {first[transaction_id].user_id for transaction_id in new}
        if changed:
            basis = await self._bases.basis(connection, tenant_id)
            await revalue(connection, tenant_id, changed, basis, self.clock_ms())
        return Recorded(len(new), len(transactions) - len(new) - len(conflicts), conflicts)


async def revalue(
    connection: Any, tenant_id: str, user_ids: Collection[str], basis: Basis, now_ms: int
) -> None:
    """Value users anew whose rows are locked."""
    ordered = sorted(user_ids)
    histories = await value_store.of_users(connection, tenant_id, ordered)
    # Draws cost about a millisecond a user: not on the loop that answers others.
    values = await asyncio.to_thread(
        value_users, [histories[user_id] for user_id in ordered], basis, now_ms
    )
    await value_store.save(connection, tenant_id, ordered, values, basis)
    if ordered:
        await announce(connection, CHANNEL, tenant_id, ordered)
