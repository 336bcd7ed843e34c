"""What scorecards add up: counters by scope and day, kept with every fold.

One statement says what a recommendation counts for. A fold asks it before and after it writes, and
adds the difference; the edges of a period that is not whole days ask it directly; a rebuild asks it
for everything. So the sums cannot mean anything else than the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

DAY_MS = 24 * 3_600_000
Row = tuple[str, str, int, str, str]
"""Tenant, scope, day, what is counted, and which of it."""
Counts = Counter[tuple[str, str]]
"""By what is counted, and which of it."""
Span = tuple[int, int]
"""From one to before another: days, or moments."""

_SCOPES = "(VALUES (''), ('person:' || {owner}), ('team:' || {team}))"
_ASKED = "(SELECT $2 WHERE $2 = '' OR $2 = 'person:' || {owner} OR $2 = 'team:' || {team})"
"""Of these the one in $2: whoever asks for one pays for one."""
# Owners are looked up by key, row by row: OFFSET 0 keeps PostgreSQL from reading all of them, of
# every tenant, to find those of a few rows.
_OWNERS = """(
        SELECT person_id, team, verdict FROM owners
        WHERE tenant_id = r.tenant_id AND decision_id = r.decision_id OFFSET 0
    )"""


def _counted(rows: str, scopes: str = _SCOPES) -> str:
    """`rows` are recommendations, each with the `place` where it counts."""
    # Rows are counted as they are, and only what that comes to is put into words: to make a text
    # of each figure of each row took longer than all the rest.
    # States by number: 4 acted, 5 acted late, 6 declined, 9 void. A value counts in one of three;
    # one that joined another's thread has none of its own: it is the first one's customer.
    return f"""
WITH r AS MATERIALIZED ({rows})
SELECT tenant_id, scope, place, c.what, c.key, c.n
FROM (
    SELECT tenant_id, scope, place, state, time_bucket, was_right, money, value_currency,
        grouping(state, time_bucket, was_right, money) AS by,
        count(*) AS rows, sum(value_minor)::bigint AS minor,
        sum(confidence) FILTER (WHERE was_right IS NOT NULL) AS said
    FROM (
        SELECT r.*, s.scope, CASE
            WHEN r.thread_id <> '' THEN NULL
            WHEN r.value_currency IS NULL THEN 'valueless'
            WHEN r.state = 4 THEN 'protected'
            WHEN r.state IN (5, 6) THEN 'unknown'
            WHEN r.state <> 9 THEN 'at_risk'
        END AS money
        FROM r
        CROSS JOIN LATERAL {scopes.format(owner="r.owner_id", team="r.owner_team")} s (scope)
    ) scoped
    WHERE scope <> 'team:'
    GROUP BY tenant_id, scope, place,
        GROUPING SETS ((state), (time_bucket), (was_right), (money, value_currency), ())
) grouped
CROSS JOIN LATERAL (VALUES
    (7, 'state', state::text, rows),
    (11, 'time', time_bucket::text, CASE WHEN time_bucket IS NOT NULL THEN rows END),
    (13, 'right', was_right::text, CASE WHEN was_right IS NOT NULL THEN rows END),
    (14, money, coalesce(value_currency, ''), CASE money WHEN 'valueless' THEN rows ELSE minor END),
    (15, 'said', '', said)
) c (by, what, key, n)
WHERE c.by = grouped.by AND c.what IS NOT NULL AND c.n IS NOT NULL
UNION ALL
SELECT r.tenant_id, s.scope, r.place, 'verdict', o.verdict::text, count(*)
FROM r
CROSS JOIN LATERAL {_OWNERS} o
CROSS JOIN LATERAL {scopes.format(owner="o.person_id", team="o.team")} s (scope)
WHERE s.scope <> 'team:'
GROUP BY r.tenant_id, s.scope, r.place, o.verdict
"""


_BY_DAY = (
    f"SELECT *, (decided_at_ms / {DAY_MS})::integer AS place FROM recommendations"
    " WHERE fold_version > 0"
)
_KEYS = "(tenant_id, decision_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_OF_KEYS = _counted(f"{_BY_DAY} AND {_KEYS}")
_ALL = _counted(_BY_DAY)


@cache
def _of_parts(count: int) -> str:
    # One select for each: from bounds that stand in a row PostgreSQL cannot tell how few rows lie
    # between them, and would make ready for very many.
    return _counted(
        " UNION ALL ".join(
            f"SELECT *, {place} AS place FROM recommendations WHERE fold_version > 0"
            f" AND tenant_id = $1 AND decided_at_ms >= ${2 * place + 1}"
            f" AND decided_at_ms < ${2 * place + 2}"
            for place in range(1, count + 1)
        ),
        _ASKED,
    )


# Each span by itself: one aggregate over all of them, split by span, takes half as long again.
_OF_DAYS = """
SELECT span.place, counted.what, counted.key, counted.n
FROM unnest($3::integer[], $4::integer[]) WITH ORDINALITY span (first, until, place)
CROSS JOIN LATERAL (
    SELECT what, key, sum(n)::bigint AS n FROM sums
    WHERE tenant_id = $1 AND scope = $2 AND day >= span.first AND day < span.until
    GROUP BY what, key
) counted
"""


async def count(connection: Any, keys: Iterable[tuple[str, str]]) -> Counter[Row]:
    """What recommendations count for as they stand."""
    tenants, decisions = zip(*keys, strict=True)
    rows = await connection.fetch(_OF_KEYS, tenants, decisions)
    return Counter({tuple(row)[:5]: row["n"] for row in rows})


async def add(connection: Any, before: Counter[Row], after: Counter[Row]) -> None:
    """Add what has changed. Rows are taken in one order, so that nobody waits in a circle."""
    change = {row: after[row] - before[row] for row in sorted(before.keys() | after.keys())}
    changed = [(*row, n) for row, n in change.items() if n]
    if changed:
        await connection.execute(
            "INSERT INTO sums (tenant_id, scope, day, what, key, n)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[],"
            " $6::bigint[])"
            " ON CONFLICT (tenant_id, scope, day, what, key) DO UPDATE SET n = sums.n + excluded.n",
            *zip(*changed, strict=True),
        )


async def in_days(
    connection: Any, tenant_id: str, scope: str, spans: Sequence[Span]
) -> list[Counts]:
    """What whole days add up to, span by span."""
    if not spans:
        return []
    rows = await connection.fetch(_OF_DAYS, tenant_id, scope, *zip(*spans, strict=True))
    return _by_place(rows, len(spans))


async def in_parts(
    connection: Any, tenant_id: str, scope: str, spans: Sequence[Span]
) -> list[Counts]:
    """The same for any moments, from the rows themselves: for parts of a day."""
    if not spans:
        return []
    bounds = (bound for span in spans for bound in span)
    rows = await connection.fetch(_of_parts(len(spans)), tenant_id, scope, *bounds)
    return _by_place(rows, len(spans))


def _by_place(rows: Iterable[Any], count: int) -> list[Counts]:
    found: list[Counts] = [Counter() for _ in range(count)]
    for row in rows:
        found[row["place"] - 1][row["what"], row["key"]] = row["n"]
    return found


async def rebuild(connection: Any) -> None:
    """Make all sums anew from the rows, in the caller's transaction."""
    await connection.execute("LOCK TABLE recommendations IN SHARE ROW EXCLUSIVE MODE")
    await connection.execute("DELETE FROM sums")
    await connection.execute(f"INSERT INTO sums (tenant_id, scope, day, what, key, n) {_ALL}")


async def differences(connection: Any) -> list[Any]:
    """Rows of the sums that are not what the recommendations come to; none, if all is well."""
    kept = "SELECT tenant_id, scope, day, what, key, n FROM sums WHERE n <> 0"
    told = f"SELECT * FROM ({_ALL}) told WHERE n <> 0"
    rows: list[Any] = await connection.fetch(
        f"(({kept}) EXCEPT ({told})) UNION ALL (({told}) EXCEPT ({kept}))"
    )
    return rows
