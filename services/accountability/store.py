"""Writing the tables of accountability.

Decisions and facts are recorded first, each in a transaction of its own, and folded in a second
one. Whoever commits last therefore sees both, and neither has to wait for the other: that is how
an outcome that overtakes its decision is not forgotten.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.accountability import sums
from services.accountability.appeals import AppealState
from services.accountability.facts import Fact, FactKind, Terms
from services.accountability.lifecycle import FINAL, PAST_DUE, State
from services.accountability.records import HeardFact, Key, Life, Recommendation
from services.accountability.terms_message import pack_terms, unpack_terms

# Without stubs: Any keeps the unknowns of asyncpg out of what is checked.
_driver: Any = asyncpg
# How asyncpg says that PostgreSQL is away, restarting or out of connections, or that a transaction
# lost to another.
AWAY: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError is one
    _driver.PostgresConnectionError,
    _driver.OperatorInterventionError,
    _driver.InsufficientResourcesError,
    _driver.TransactionRollbackError,
    _driver.InterfaceError,
    # Said of a connection that broke while a statement was under way.
    _driver.InternalClientError,
)
SCHEMA = "accountability"
MIGRATIONS = Path(__file__).with_name("migrations")
FOLD_VERSION = 1
"""Of the rules that fold: what an older one folded is folded anew when a process starts."""
_ACTED = (State.ACTED, State.ACTED_LATE)
_NAMED = "(tenant_id, decision_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_FOLDED = "tenant_id, decision_id, person_id, decided_at_ms, due_at_ms, falls_due_at_ms, state"


def time_bucket(time_ms: int) -> int:
    """Times of a bucket differ by 7 % at most: enough to find the bucket of a median."""
    return math.floor(math.log1p(max(0, time_ms)) * 14)


class Store:
    """All writes, over an asyncpg pool. They raise what the driver does, for whoever retries."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def record_recommendations(self, items: Sequence[Recommendation]) -> None:
        """Add those that are new, open, with terms still to be worked out."""
        await self.pool.executemany(
            "INSERT INTO recommendations (tenant_id, decision_id, session_id, person_id, company,"
            " value_currency, value_minor, decided_at_ms, due_at_ms, state, emotion, emotion_id,"
            " confidence, log_odds, calibration, thread_id, owner_id, falls_due_at_ms, untermed)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
            " $4, $9, $4)"
            " ON CONFLICT DO NOTHING",
            [
                (
                    *item.key,
                    item.session_id,
                    item.terms.person_id,
                    item.company,
                    *(item.value or (None, None)),
                    item.terms.decided_at_ms,
                    item.terms.due_at_ms,
                    State.OPEN,
                    item.felt.emotion,
                    item.felt.id,
                    item.felt.confidence,
                    item.felt.log_odds,
                    item.felt.calibration,
                    item.thread_id,
                )
                for item in sorted(items, key=lambda item: item.key)
            ],
        )

    async def record_threads(self, items: Sequence[Recommendation]) -> None:
        """Add the threads that were not kept yet when these were recorded.

        It changes what they count for: whoever calls it makes the sums anew.
        """
        await self.pool.executemany(
            "UPDATE recommendations SET thread_id = $3 WHERE tenant_id = $1 AND decision_id = $2"
            " AND thread_id <> $3",
            [(*item.key, item.thread_id) for item in sorted(items, key=lambda item: item.key)],
        )

    async def record_facts(self, items: Sequence[HeardFact]) -> None:
        """Add those that are new, whether or not their recommendation is known."""
        await self.pool.executemany(
            "INSERT INTO facts (tenant_id, decision_id, id, kind, at_ms, person_id, channel,"
            " detail, by_person_id, note, terms)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            [
                (
                    *item.key,
                    item.fact.id,
                    item.fact.kind,
                    item.fact.at_ms,
                    item.fact.person_id,
                    item.channel,
                    item.fact.detail,
                    item.fact.by_person_id,
                    item.note,
                    None if item.fact.terms is None else pack_terms(item.fact.terms),
                )
                for item in sorted(items, key=lambda item: (item.key, item.fact.id))
            ],
        )

    @asynccontextmanager
    async def fold_of(self, keys: Iterable[Key]) -> AsyncGenerator[Fold]:
        """Lock the recommendations of these keys, those that exist, and read what folds them."""
        wanted = sorted(set(keys))
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                f"SELECT {_FOLDED} FROM recommendations WHERE {_NAMED}"
                " ORDER BY tenant_id, decision_id FOR UPDATE",
                [key.tenant_id for key in wanted],
                [key.decision_id for key in wanted],
            )
            yield await _read_fold(connection, rows)

    @asynccontextmanager
    async def due_fold(self, now_ms: int, limit: int) -> AsyncGenerator[Fold]:
        """Lock recommendations whose timer has passed and that nobody else is busy with."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                f"SELECT {_FOLDED} FROM recommendations"
                " WHERE wake_at_ms <= $1 ORDER BY wake_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED",
                now_ms,
                limit,
            )
            yield await _read_fold(connection, rows)

    async def keys_after(self, key: Key | None, limit: int, *, below: int) -> list[Key]:
        """The next recommendations folded by rules older than `below`, in order of their keys."""
        rows = await self.pool.fetch(
            "SELECT tenant_id, decision_id FROM recommendations"
            " WHERE fold_version < $1 AND (tenant_id, decision_id) > ($2, $3)"
            " ORDER BY tenant_id, decision_id LIMIT $4",
            below,
            *(key or ("", "")),
            limit,
        )
        return [Key(*row) for row in rows]


class Fold:
    """Locked recommendations with all their facts; `write` stores the outcome of folding them.

    For those in `past_due` a clock has found before, at the moment kept there, that nothing had
    come in time. That stands: a process that has just begun knows less of the time than the one
    that said so.
    """

    def __init__(
        self,
        connection: Any,
        terms: dict[Key, Terms],
        facts: dict[Key, list[Fact]],
        past_due: dict[Key, int],
    ) -> None:
        self._connection = connection
        self.terms = terms
        self.facts = facts
        self.past_due = past_due

    async def write(self, lives: dict[Key, Life]) -> None:
        """Replace the histories and what is derived from them."""
        keys = ([key.tenant_id for key in lives], [key.decision_id for key in lives])
        before = await sums.count(self._connection, lives)
        await self._write_steps(lives, keys)
        await self._write_owners(lives, keys)
        await self._connection.executemany(
            "UPDATE recommendations SET state = $3, wake_at_ms = $4, time_to_act_ms = $5,"
            " owner_id = $6, owner_team = $7, falls_due_at_ms = $8, late_until_ms = $9,"
            " terms_source = $10, untermed = $11, decline_reason = $12, open_appeal = $13,"
            " was_right = $14, time_bucket = $15, fold_version = $16"
            " WHERE tenant_id = $1 AND decision_id = $2",
            [_derived(key, life) for key, life in lives.items()],
        )
        await sums.add(self._connection, before, await sums.count(self._connection, lives))

    async def _write_steps(self, lives: dict[Key, Life], keys: tuple[list[str], ...]) -> None:
        await self._connection.execute(f"DELETE FROM transitions WHERE {_NAMED}", *keys)
        await self._connection.executemany(
            "INSERT INTO transitions (tenant_id, decision_id, position, state, at_ms, outcome_id)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (*key, position, step.state, step.at_ms, step.fact_id)
                for key, life in lives.items()
                for position, step in enumerate(life.steps)
            ],
        )

    async def _write_owners(self, lives: dict[Key, Life], keys: tuple[list[str], ...]) -> None:
        await self._connection.execute(f"DELETE FROM owners WHERE {_NAMED}", *keys)
        await self._connection.executemany(
            "INSERT INTO owners (tenant_id, decision_id, position, person_id, team, from_ms, to_ms,"
            " delivered_at_ms, seen_at_ms, working_ms, verdict, appeal, appeal_reason)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            [
                (
                    *key,
                    position,
                    owner.person_id,
                    owner.team,
                    owner.from_ms,
                    owner.to_ms,
                    owner.delivered_at_ms,
                    owner.seen_at_ms,
                    owner.working_ms,
                    owner.verdict,
                    owner.appeal,
                    owner.appeal_reason,
                )
                for key, life in lives.items()
                for position, owner in enumerate(life.owners)
            ],
        )


def _derived(key: Key, life: Life) -> tuple[Any, ...]:
    last, first, owner = life.steps[-1], life.owners[0], life.owners[-1]
    time_ms = last.at_ms - life.steps[0].at_ms if last.state in _ACTED else None
    waits_for_clock = last.state not in FINAL and last.state is not State.IGNORED
    untermed = next((one.person_id for one in life.owners if one.terms_source is None), None)
    return (
        *key,
        last.state,
        # Before its terms stand nobody knows when it falls due.
        life.due_at_ms if waits_for_clock and first.terms_source is not None else None,
        time_ms,
        owner.person_id,
        owner.team,
        life.due_at_ms,
        life.late_until_ms,
        first.terms_source or "",
        untermed,
        life.decline_reason,
        any(one.appeal == AppealState.OPEN for one in life.owners),
        life.right,
        None if time_ms is None else time_bucket(time_ms),
        FOLD_VERSION,
    )


async def _read_fold(connection: Any, rows: Sequence[Any]) -> Fold:
    terms = {
        Key(row["tenant_id"], row["decision_id"]): Terms(
            row["decided_at_ms"], row["due_at_ms"], row["person_id"]
        )
        for row in rows
    }
    facts: dict[Key, list[Fact]] = {key: [] for key in terms}
    # A statement of its own, after the locks: it sees whatever the last holder committed.
    found = await connection.fetch(
        "SELECT tenant_id, decision_id, id, kind, at_ms, person_id, by_person_id, detail, terms"
        f" FROM facts WHERE {_NAMED}",
        [key.tenant_id for key in terms],
        [key.decision_id for key in terms],
    )
    for row in found:
        fact = Fact(
            row["id"],
            FactKind(row["kind"]),
            row["at_ms"],
            row["person_id"],
            row["by_person_id"],
            row["detail"],
            None if row["terms"] is None else unpack_terms(row["terms"]),
        )
        facts[Key(row["tenant_id"], row["decision_id"])].append(fact)
    past_due = {
        Key(row["tenant_id"], row["decision_id"]): row["falls_due_at_ms"]
        for row in rows
        if row["state"] in PAST_DUE
    }
    return Fold(connection, terms, facts, past_due)
