"""What scorecards add up: counters by scope and day, kept with every fold.

One statement says what a recommendation counts for. A fold asks it before and after it writes, and
adds the difference; the edges of a period that is not whole days ask it directly; a rebuild asks it
for everything. So the sums cannot mean anything else than the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

DAY_MS = 24 * 3_600_000
Row = tuple[str, str, int, str, str]
"""Tenant, scope, day, what is counted, and which of it."""

_SCOPES = "(VALUES (''), ('person:' || {owner}), ('team:' || {team}))"
_ASKED = "(SELECT $2 WHERE $2 = '' OR $2 = 'person:' || {owner} OR $2 = 'team:' || {team})"
"""Of these the one in $2: whoever asks for one pays for one."""
# Owners are looked up by key, row by row: OFFSET 0 keeps PostgreSQL from reading all of them, of
# every tenant, to find those of a few rows.
_OWNERS = """(
        SELECT person_id, team, verdict FROM owners
        WHERE tenant_id = r.tenant_id AND decision_id = r.decision_id OFFSET 0
    )"""


def _counted(where: str, scopes: str = _SCOPES) -> str:
    # States by number: 4 acted, 5 acted late, 6 declined, 9 void. A value counts in one of three.
    return f"""
WITH r AS MATERIALIZED (SELECT * FROM recommendations WHERE fold_version > 0 AND {where})
SELECT tenant_id, scope, (decided_at_ms / {DAY_MS})::integer AS day, what, key,
       sum(n)::bigint AS n
FROM (
    SELECT r.tenant_id, s.scope, r.decided_at_ms, c.what, c.key, c.n
    FROM r
    CROSS JOIN LATERAL {scopes.format(owner="r.owner_id", team="r.owner_team")} s (scope)
    CROSS JOIN LATERAL (VALUES
        ('state', r.state::text, 1::bigint),
        ('time', r.time_bucket::text, CASE WHEN r.time_bucket IS NOT NULL THEN 1 END),
        ('valueless', '', CASE WHEN r.value_currency IS NULL THEN 1 END),
        (CASE WHEN r.state = 4 THEN 'protected' WHEN r.state IN (5, 6) THEN 'unknown'
              ELSE 'at_risk' END,
         r.value_currency, CASE WHEN r.state <> 9 THEN r.value_minor END),
        ('right', r.was_right::text, CASE WHEN r.was_right IS NOT NULL THEN 1 END),
        ('said', '', CASE WHEN r.was_right IS NOT NULL THEN r.confidence END)
    ) c (what, key, n)
    WHERE c.n IS NOT NULL
    UNION ALL
    SELECT r.tenant_id, s.scope, r.decided_at_ms, 'verdict', o.verdict::text, 1
    FROM r
    CROSS JOIN LATERAL {_OWNERS} o
    CROSS JOIN LATERAL {scopes.format(owner="o.person_id", team="o.team")} s (scope)
) counted
WHERE scope <> 'team:'
GROUP BY tenant_id, scope, day, what, key
"""


_OF_KEYS = _counted("(tenant_id, decision_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))")
_OF_PERIOD = _counted("tenant_id = $1 AND decided_at_ms >= $3 AND decided_at_ms < $4", _ASKED)
_ALL = _counted("true")


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
    connection: Any, tenant_id: str, scope: str, first: int, end: int
) -> Counter[tuple[str, str]]:
    """What days from `first` to before `end` add up to."""
    rows = await connection.fetch(
        "SELECT what, key, sum(n)::bigint AS n FROM sums"
        " WHERE tenant_id = $1 AND scope = $2 AND day >= $3 AND day < $4 GROUP BY what, key",
        tenant_id,
        scope,
        first,
        end,
    )
    return Counter({(row["what"], row["key"]): row["n"] for row in rows})


async def in_period(
    connection: Any, tenant_id: str, scope: str, since_ms: int, until_ms: int
) -> Counter[tuple[str, str]]:
    """The same for any two moments, from the rows themselves: for parts of a day."""
    found: Counter[tuple[str, str]] = Counter()
    for row in await connection.fetch(_OF_PERIOD, tenant_id, scope, since_ms, until_ms):
        found[row["what"], row["key"]] += row["n"]
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
