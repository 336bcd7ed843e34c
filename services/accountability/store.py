"""The tables of accountability; all SQL is here.

Decisions and facts are recorded first, each in a transaction of its own, and folded in a second
one. Whoever commits last therefore sees both, and neither has to wait for the other: that is how
an outcome that overtakes its decision is not forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.accountability.lifecycle import FINAL, Fact, FactKind, State, Step, Terms
from services.common.errors import Unavailable

# Without stubs: Any keeps the unknowns of asyncpg out of what is checked.
_driver: Any = asyncpg
# How asyncpg says that PostgreSQL is away, restarting or out of connections.
AWAY: tuple[type[Exception], ...] = (
    _driver.PostgresConnectionError,
    _driver.OperatorInterventionError,
    _driver.InsufficientResourcesError,
    _driver.InterfaceError,
    OSError,
    TimeoutError,
)
_ACTED = (State.ACTED, State.ACTED_LATE)
_PAST_DUE = (State.IGNORED, State.EXPIRED, State.ACTED_LATE)


class Key(NamedTuple):
    """Names a recommendation."""

    tenant_id: str
    decision_id: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the decision said. `value` is (currency, minor units), None if unknown."""

    key: Key
    session_id: str
    person_id: str
    company: str
    value: tuple[str, int] | None
    terms: Terms


@dataclass(frozen=True, slots=True)
class HeardFact:
    """An outcome about a recommendation."""

    key: Key
    fact: Fact
    person_id: str
    channel: str
    detail: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A recommendation and its history, oldest step first."""

    recommendation: Recommendation
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How many stand where, and the median time from decision to act in milliseconds."""

    counts: tuple[tuple[State, int], ...]
    median_time_to_act_ms: int


class Store:
    """All reads and writes, over an asyncpg pool.

    Reads raise Unavailable while PostgreSQL is away; writes raise what the driver does, for whoever
    retries them.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def record_recommendations(self, items: Sequence[Recommendation]) -> None:
        """Add those that are new, open."""
        await self._pool.executemany(
            "INSERT INTO recommendations (tenant_id, decision_id, session_id, person_id, company,"
            " value_currency, value_minor, decided_at_ms, due_at_ms, state, wake_at_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9) ON CONFLICT DO NOTHING",
            [
                (
                    *item.key,
                    item.session_id,
                    item.person_id,
                    item.company,
                    *(item.value or (None, None)),
                    item.terms.decided_at_ms,
                    item.terms.due_at_ms,
                    State.OPEN,
                )
                for item in sorted(items, key=lambda item: item.key)
            ],
        )

    async def record_facts(self, items: Sequence[HeardFact]) -> None:
        """Add those that are new."""
        await self._pool.executemany(
            "INSERT INTO facts (tenant_id, decision_id, id, kind, at_ms, person_id, channel,"
            " detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            [
                (
                    *item.key,
                    item.fact.id,
                    item.fact.kind,
                    item.fact.at_ms,
                    item.person_id,
                    item.channel,
                    item.detail,
                )
                for item in sorted(items, key=lambda item: (item.key, item.fact.id))
            ],
        )

    @asynccontextmanager
    async def fold_of(self, keys: Iterable[Key]) -> AsyncGenerator[Fold]:
        """Lock the recommendations of these keys, those that exist, and read what folds them."""
        wanted = sorted(set(keys))
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "SELECT tenant_id, decision_id, decided_at_ms, due_at_ms, state"
                " FROM recommendations"
                " WHERE (tenant_id, decision_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
                " ORDER BY tenant_id, decision_id FOR UPDATE",
                [key.tenant_id for key in wanted],
                [key.decision_id for key in wanted],
            )
            yield await _read_fold(connection, rows)

    @asynccontextmanager
    async def due_fold(self, now_ms: int, limit: int) -> AsyncGenerator[Fold]:
        """Lock recommendations whose timer has passed and that nobody else is busy with."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "SELECT tenant_id, decision_id, decided_at_ms, due_at_ms, state"
                " FROM recommendations"
                " WHERE wake_at_ms <= $1 ORDER BY wake_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED",
                now_ms,
                limit,
            )
            yield await _read_fold(connection, rows)

    async def get(self, key: Key) -> Standing | None:
        """Return one, or None."""
        rows = await self._fetch(
            "SELECT * FROM recommendations WHERE tenant_id = $1 AND decision_id = $2", *key
        )
        standings = await self._with_steps(rows)
        return standings[0] if standings else None

    async def page(
        self, tenant_id: str, person_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[Standing]:
        """Return at most `limit`, newest first, after (decided_at_ms, decision_id) `before`."""
        conditions, arguments = ["tenant_id = $1"], [tenant_id, limit]
        if person_id:
            arguments.append(person_id)
            conditions.append(f"person_id = ${len(arguments)}")
        if before is not None:
            arguments.extend(before)
            count = len(arguments)
            conditions.append(f"(decided_at_ms, decision_id) < (${count - 1}, ${count})")
        rows = await self._fetch(
            f"SELECT * FROM recommendations WHERE {' AND '.join(conditions)}"
            " ORDER BY decided_at_ms DESC, decision_id DESC LIMIT $2",
            *arguments,
        )
        return await self._with_steps(rows)

    async def scorecard(
        self, tenant_id: str, person_id: str, since_ms: int, until_ms: int
    ) -> Scorecard:
        """Count what was decided from `since_ms` to before `until_ms`.

        An empty `person_id` means everybody's.
        """
        rows = await self._fetch(
            "SELECT state, count(*) AS count,"
            " percentile_cont(0.5) WITHIN GROUP (ORDER BY time_to_act_ms) AS median"
            " FROM recommendations WHERE tenant_id = $1 AND ($2 = '' OR person_id = $2)"
            " AND decided_at_ms >= $3 AND decided_at_ms < $4"
            " GROUP BY GROUPING SETS ((state), ()) ORDER BY state",
            tenant_id,
            person_id,
            since_ms,
            until_ms,
        )
        counts = [(State(row["state"]), row["count"]) for row in rows if row["state"] is not None]
        whole = next(row for row in rows if row["state"] is None)
        return Scorecard(tuple(counts), round(whole["median"] or 0))

    async def _fetch(self, sql: str, *arguments: Any) -> list[Any]:
        try:
            rows: list[Any] = await self._pool.fetch(sql, *arguments)
        except AWAY as error:
            raise Unavailable("PostgreSQL is away; try again") from error
        return rows

    async def _with_steps(self, rows: Sequence[Any]) -> list[Standing]:
        steps = await self._fetch(
            "SELECT decision_id, state, at_ms, outcome_id FROM transitions WHERE tenant_id = $1"
            " AND decision_id = ANY($2::text[]) ORDER BY decision_id, position",
            rows[0]["tenant_id"] if rows else "",
            [row["decision_id"] for row in rows],
        )
        histories: dict[str, list[Step]] = {row["decision_id"]: [] for row in rows}
        for step in steps:
            histories[step["decision_id"]].append(
                Step(State(step["state"]), step["at_ms"], step["outcome_id"])
            )
        return [
            Standing(_recommendation(row), tuple(histories[row["decision_id"]])) for row in rows
        ]


class Fold:
    """Locked recommendations with all their facts; `write` stores the outcome of folding them.

    For those in `past_due` a clock has found before that nothing came in time. That stands: a
    process that has just begun knows less of the time than the one that said so.
    """

    def __init__(
        self,
        connection: Any,
        terms: dict[Key, Terms],
        facts: dict[Key, list[Fact]],
        past_due: frozenset[Key],
    ) -> None:
        self._connection = connection
        self.terms = terms
        self.facts = facts
        self.past_due = past_due

    async def write(self, histories: dict[Key, tuple[Step, ...]]) -> None:
        """Replace the histories and what is derived from them."""
        keys = ([key.tenant_id for key in histories], [key.decision_id for key in histories])
        await self._connection.execute(
            "DELETE FROM transitions WHERE (tenant_id, decision_id) IN"
            " (SELECT * FROM unnest($1::text[], $2::text[]))",
            *keys,
        )
        await self._connection.executemany(
            "INSERT INTO transitions (tenant_id, decision_id, position, state, at_ms, outcome_id)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (*key, position, step.state, step.at_ms, step.fact_id)
                for key, steps in histories.items()
                for position, step in enumerate(steps)
            ],
        )
        await self._connection.executemany(
            "UPDATE recommendations SET state = $3, wake_at_ms = $4, time_to_act_ms = $5"
            " WHERE tenant_id = $1 AND decision_id = $2",
            [
                (*key, steps[-1].state, self._wake_at(key, steps[-1]), _time_to_act(steps))
                for key, steps in histories.items()
            ],
        )

    def _wake_at(self, key: Key, last: Step) -> int | None:
        waits_for_clock = last.state not in FINAL and last.state is not State.IGNORED
        return self.terms[key].due_at_ms if waits_for_clock else None


async def _read_fold(connection: Any, rows: Sequence[Any]) -> Fold:
    terms = {
        Key(row["tenant_id"], row["decision_id"]): Terms(row["decided_at_ms"], row["due_at_ms"])
        for row in rows
    }
    facts: dict[Key, list[Fact]] = {key: [] for key in terms}
    # A statement of its own, after the locks: it sees whatever the last holder committed.
    found = await connection.fetch(
        "SELECT tenant_id, decision_id, id, kind, at_ms FROM facts"
        " WHERE (tenant_id, decision_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [key.tenant_id for key in terms],
        [key.decision_id for key in terms],
    )
    for row in found:
        fact = Fact(row["id"], FactKind(row["kind"]), row["at_ms"])
        facts[Key(row["tenant_id"], row["decision_id"])].append(fact)
    past_due = (
        Key(row["tenant_id"], row["decision_id"]) for row in rows if row["state"] in _PAST_DUE
    )
    return Fold(connection, terms, facts, frozenset(past_due))


def _time_to_act(steps: tuple[Step, ...]) -> int | None:
    return steps[-1].at_ms - steps[0].at_ms if steps[-1].state in _ACTED else None


def _recommendation(row: Any) -> Recommendation:
    currency = row["value_currency"]
    return Recommendation(
        Key(row["tenant_id"], row["decision_id"]),
        row["session_id"],
        row["person_id"],
        row["company"],
        None if currency is None else (currency, row["value_minor"]),
        Terms(row["decided_at_ms"], row["due_at_ms"]),
    )
