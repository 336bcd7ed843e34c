"""Reading the tables of accountability: recommendations, pages of them, and feedback.

Reads raise Unavailable while PostgreSQL is away.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.accountability.appeals import AppealState
from services.accountability.facts import Terms
from services.accountability.fairness import Verdict
from services.accountability.lifecycle import State, Step
from services.accountability.owners import Ownership
from services.accountability.records import Felt, Key, Recommendation, Standing
from services.accountability.store import AWAY
from services.common.errors import Unavailable

NO_BOUND_MS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recommendations a page is of."""

    tenant_id: str
    person_id: str = ""
    states: tuple[State, ...] = ()
    since_ms: int = 0
    until_ms: int = NO_BOUND_MS
    due_before_ms: int = 0
    under_appeal: bool = False


class Judged(NamedTuple):
    """An emotion and what people said of it."""

    key: Key
    session_id: str
    decided_at_ms: int
    felt: Felt
    right: bool


class Known(NamedTuple):
    """A fact that stands in the table already."""

    kind: int
    decision_id: str
    detail: str


class Reader:
    """All reads but scorecards, over an asyncpg pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def get(self, key: Key) -> Standing | None:
        """Return one, or None."""
        standings = await self._whole(
            "SELECT * FROM recommendations WHERE tenant_id = $1 AND decision_id = $2"
            " AND fold_version <> 0",
            *key,
        )
        return standings[0] if standings else None

    async def page(
        self, wanted: Wanted, before: tuple[int, str] | None, limit: int
    ) -> list[Standing]:
        """Return at most `limit`, newest first, after (decided_at_ms, decision_id) `before`."""
        arguments: list[Any] = [wanted.tenant_id, limit, wanted.since_ms, wanted.until_ms]
        conditions = [
            "fold_version <> 0",
            "tenant_id = $1",
            "decided_at_ms >= $3",
            "decided_at_ms < $4",
        ]

        def where(condition: str, *values: Any) -> None:
            places = range(len(arguments) + 1, len(arguments) + len(values) + 1)
            arguments.extend(values)
            conditions.append(condition.format(*(f"${place}" for place in places)))

        if wanted.person_id:
            where("owner_id = {}", wanted.person_id)
        if wanted.states:
            where("state = ANY({}::smallint[])", list(wanted.states))
        if wanted.due_before_ms:
            where("state <= 3 AND falls_due_at_ms < {}", wanted.due_before_ms)
        if wanted.under_appeal:
            where("open_appeal")
        if before is not None:
            where("(decided_at_ms, decision_id) < ({}, {})", *before)
        return await self._whole(
            f"SELECT * FROM recommendations WHERE {' AND '.join(conditions)}"
            " ORDER BY decided_at_ms DESC, decision_id DESC LIMIT $2",
            *arguments,
        )

    async def feedback(
        self, tenant_id: str, after: tuple[int, str] | None, limit: int
    ) -> list[Judged]:
        """Return at most `limit` that people spoke about, the oldest first."""
        rows = await self._fetch(
            "SELECT * FROM recommendations WHERE tenant_id = $1 AND was_right IS NOT NULL"
            " AND (decided_at_ms, decision_id) > ($2, $3)"
            " ORDER BY decided_at_ms, decision_id LIMIT $4",
            tenant_id,
            *(after or (-1, "")),
            limit,
        )
        return [
            Judged(
                Key(row["tenant_id"], row["decision_id"]),
                row["session_id"],
                row["decided_at_ms"],
                _felt(row),
                row["was_right"],
            )
            for row in rows
        ]

    async def fact(self, tenant_id: str, fact_id: str) -> Known | None:
        """What is known under an outcome's id."""
        rows = await self._fetch(
            "SELECT kind, decision_id, detail FROM facts WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            fact_id,
        )
        return Known(*rows[0]) if rows else None

    async def _fetch(self, sql: str, *arguments: Any) -> list[Any]:
        async with self._looking() as connection:
            rows: list[Any] = await connection.fetch(sql, *arguments)
        return rows

    async def _whole(self, sql: str, *arguments: Any) -> list[Standing]:
        """The recommendations that a query finds, with steps and owners, all of one moment."""
        async with self._looking() as connection:
            rows = await connection.fetch(sql, *arguments)
            if not rows:
                return []
            of = (rows[0]["tenant_id"], [row["decision_id"] for row in rows])
            condition = "WHERE tenant_id = $1 AND decision_id = ANY($2::text[])"
            order = "ORDER BY decision_id, position"
            steps = await connection.fetch(f"SELECT * FROM transitions {condition} {order}", *of)
            owned = await connection.fetch(f"SELECT * FROM owners {condition} {order}", *of)
        histories: dict[str, list[Step]] = {row["decision_id"]: [] for row in rows}
        for step in steps:
            histories[step["decision_id"]].append(
                Step(State(step["state"]), step["at_ms"], step["outcome_id"])
            )
        owners: dict[str, list[Ownership]] = {row["decision_id"]: [] for row in rows}
        for owner in owned:
            owners[owner["decision_id"]].append(_ownership(owner))
        return [
            _standing(row, histories[row["decision_id"]], owners[row["decision_id"]])
            for row in rows
        ]

    @asynccontextmanager
    async def _looking(self) -> AsyncGenerator[Any]:
        try:
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield connection
        except AWAY as error:
            raise Unavailable("PostgreSQL is away; try again") from error


def _ownership(row: Any) -> Ownership:
    return Ownership(
        row["person_id"],
        row["from_ms"],
        row["to_ms"],
        row["delivered_at_ms"],
        row["seen_at_ms"],
        row["working_ms"],
        Verdict(row["verdict"]),
        row["team"],
        None,
        AppealState(row["appeal"]),
        row["appeal_reason"],
    )


def _standing(row: Any, steps: Sequence[Step], owners: Sequence[Ownership]) -> Standing:
    currency = row["value_currency"]
    asked = Recommendation(
        Key(row["tenant_id"], row["decision_id"]),
        row["session_id"],
        row["company"],
        None if currency is None else (currency, row["value_minor"]),
        Terms(row["decided_at_ms"], row["due_at_ms"], row["person_id"]),
        _felt(row),
    )
    return Standing(
        asked,
        tuple(steps),
        tuple(owners),
        row["owner_id"],
        row["falls_due_at_ms"],
        row["late_until_ms"],
        row["terms_source"],
        row["decline_reason"],
        row["was_right"],
    )


def _felt(row: Any) -> Felt:
    return Felt(
        row["emotion"],
        row["emotion_id"],
        row["confidence"],
        row["log_odds"],
        row["calibration"],
    )
