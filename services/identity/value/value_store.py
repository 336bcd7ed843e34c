"""Transactions and values in PostgreSQL: the tables of 0004_values.sql."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.identity.model import Lack
from services.identity.money import Money
from services.identity.value.history import History
from services.identity.value.transaction import Kind, Transaction
from services.identity.value.valuation import Basis, UserValue

_COLUMNS = "transaction_id, user_id, kind, currency, minor, occurred_at_ms, refers_to"


async def lock_users(connection: Any, tenant_id: str, user_ids: Collection[str]) -> None:
    """Make others who would change these users' values wait, always in the same order.

    Raises:
        NotFound: no such tenant (by the foreign key).
    """
    ordered = sorted(user_ids)
    await connection.execute(
        "INSERT INTO user_values (tenant_id, user_id)"
        ' SELECT $1, asked FROM unnest($2::text[]) AS asked ORDER BY asked COLLATE "C"'
        " ON CONFLICT DO NOTHING",
        tenant_id,
        ordered,
    )
    await connection.execute(
        "SELECT 1 FROM user_values WHERE tenant_id = $1 AND user_id = ANY($2)"
        ' ORDER BY user_id COLLATE "C" FOR UPDATE',
        tenant_id,
        ordered,
    )


async def drop_empty(connection: Any, tenant_id: str, user_ids: Collection[str]) -> None:
    """Remove the locks of users of whom nothing is known."""
    await connection.execute(
        "DELETE FROM user_values WHERE tenant_id = $1 AND user_id = ANY($2) AND version = 0"
        " AND occasions = 0 AND as_of_ms = 0",
        tenant_id,
        list(user_ids),
    )


async def add(connection: Any, tenant_id: str, transactions: Sequence[Transaction]) -> set[str]:
    """Record transactions whose ids are new; returns these ids."""
    # In one order for everybody: whoever records the same ones at once waits, and never for us.
    ordered = sorted(transactions, key=lambda one: one.transaction_id.encode())
    rows: list[Any] = await connection.fetch(
        f"INSERT INTO transactions (tenant_id, {_COLUMNS}) SELECT $1, * FROM unnest("
        "$2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[],"
        " $8::text[]) ON CONFLICT DO NOTHING RETURNING transaction_id",
        tenant_id,
        [one.transaction_id for one in ordered],
        [one.user_id for one in ordered],
        [int(one.kind) for one in ordered],
        [one.amount.currency for one in ordered],
        [one.amount.minor for one in ordered],
        [one.occurred_at_ms for one in ordered],
        [one.refers_to for one in ordered],
    )
    return {row["transaction_id"] for row in rows}


async def recorded(
    connection: Any, tenant_id: str, transaction_ids: Collection[str]
) -> dict[str, Transaction]:
    """Return what is recorded under these ids."""
    rows: list[Any] = await connection.fetch(
        f"SELECT {_COLUMNS} FROM transactions WHERE tenant_id = $1 AND transaction_id = ANY($2)",
        tenant_id,
        list(transaction_ids),
    )
    return {row["transaction_id"]: _transaction(row) for row in rows}


async def of_users(
    connection: Any, tenant_id: str, user_ids: Collection[str]
) -> Mapping[str, list[Transaction]]:
    """Return everything these users did, by user."""
    rows: list[Any] = await connection.fetch(
        f"SELECT {_COLUMNS} FROM transactions WHERE tenant_id = $1 AND user_id = ANY($2)",
        tenant_id,
        list(user_ids),
    )
    found: defaultdict[str, list[Transaction]] = defaultdict(list)
    for row in rows:
        found[row["user_id"]].append(_transaction(row))
    return found


async def in_period(
    connection: Any,
    tenant_id: str,
    since_ms: int,
    until_ms: int,
    after: tuple[int, str],
    limit: int,
) -> list[Transaction]:
    """Return a tenant's in order of time and id, beyond a place in that order."""
    rows: list[Any] = await connection.fetch(
        f"SELECT {_COLUMNS} FROM transactions WHERE tenant_id = $1"
        " AND occurred_at_ms >= $2 AND occurred_at_ms < $3"
        ' AND (occurred_at_ms, transaction_id COLLATE "C") > ($4, $5)'
        ' ORDER BY occurred_at_ms, transaction_id COLLATE "C" LIMIT $6',
        tenant_id,
        since_ms,
        until_ms,
        *after,
        limit,
    )
    return [_transaction(row) for row in rows]


async def save(
    connection: Any,
    tenant_id: str,
    user_ids: Sequence[str],
    values: Sequence[UserValue],
    basis: Basis,
) -> None:
    """Write values of users whose rows are locked; a version grows where the value is another."""
    histories = [value.history for value in values]
    await connection.execute(
        "UPDATE user_values AS v SET version = v.version + (ROW(v.currency, v.paid_minor,"
        " v.expected_minor, v.low_minor, v.high_minor, v.reason) IS DISTINCT FROM ROW(n.currency,"
        " n.paid_minor, n.expected_minor, n.low_minor, n.high_minor, n.reason))::int,"
        " currency = n.currency, paid_minor = n.paid_minor, expected_minor = n.expected_minor,"
        " low_minor = n.low_minor, high_minor = n.high_minor, occasions = n.occasions,"
        " first_day = n.first_day, last_day = n.last_day, lack = n.lack,"
        " reason = n.reason, as_of_ms = n.as_of_ms,"
        " rules_version = $14, rates_version = $15, model_version = $16"
        " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],"
        " $7::bigint[], $8::integer[], $9::date[], $10::date[], $11::smallint[], $12::text[],"
        " $13::bigint[])"
        " AS n (user_id, currency, paid_minor, expected_minor, low_minor, high_minor, occasions,"
        " first_day, last_day, lack, reason, as_of_ms)"
        " WHERE v.tenant_id = $1 AND v.user_id = n.user_id",
        tenant_id,
        list(user_ids),
        [value.total.currency if value.total else None for value in values],
        [history.paid.minor if history else None for history in histories],
        [value.expected.minor if value.expected else None for value in values],
        [value.low.minor if value.low else None for value in values],
        [value.high.minor if value.high else None for value in values],
        [history.occasions if history else 0 for history in histories],
        [history.first if history else None for history in histories],
        [history.last if history else None for history in histories],
        [int(value.lack) for value in values],
        [value.reason for value in values],
        [value.as_of_ms for value in values],
        basis.rules_version,
        basis.rates_version,
        basis.fitted.version,
    )


def read_value(row: Any) -> UserValue | None:
    """Read a row of user_values; None where there is none, or no value was ever computed."""
    if not row["as_of_ms"]:
        return None
    currency, as_of_ms = row["currency"], row["as_of_ms"]
    lack, reason = Lack(row["lack"]), row["reason"]
    if currency is None:
        return UserValue(lack=lack, reason=reason, as_of_ms=as_of_ms)
    paid, expected = row["paid_minor"], row["expected_minor"]
    return UserValue(
        History(Money(currency, paid), row["occasions"], row["first_day"], row["last_day"]),
        Money(currency, paid + (expected or 0)),
        Money(currency, row["low_minor"]),
        Money(currency, row["high_minor"]),
        None if expected is None else Money(currency, expected),
        lack,
        reason,
        as_of_ms,
    )


def _transaction(row: Any) -> Transaction:
    return Transaction(
        row["transaction_id"],
        row["user_id"],
        Kind(row["kind"]),
        Money(row["currency"], row["minor"]),
        row["occurred_at_ms"],
        row["refers_to"],
    )
