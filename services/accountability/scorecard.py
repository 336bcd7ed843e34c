"""Scorecards: what became of the recommendations of a period, a person's, a team's or everybody's.

Whole days are read from the sums, what a period's edges have more or less from the rows. The
median is exact: the sums tell in which bucket it lies, one look at an index finds it there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.accountability import sums
from services.accountability.fairness import Verdict
from services.accountability.lifecycle import State
from services.accountability.store import AWAY
from services.accountability.sums import DAY_MS
from services.common.errors import Unavailable

_Z = 1.959963984540054
"""Of 95 %."""
_MONEY = ("protected", "at_risk", "unknown")
_NO_BOUND_DAY = 1 << 30
"""Whoever asks without a bound has no edge there: no day is so late."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose card: a person's, a team's, or everybody's if both are empty."""

    tenant_id: str
    person_id: str = ""
    team: str = ""

    @property
    def word(self) -> str:
        """As the sums call it."""
        if self.person_id:
            return f"person:{self.person_id}"
        return f"team:{self.team}" if self.team else ""


@dataclass(frozen=True, slots=True)
class Money:
    """Amounts of one currency in minor units."""

    protected: int
    at_risk: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Rightness:
    """How often people called the detector right."""

    judged: int
    right: int
    said: float
    """Mean confidence, 0 to 1."""

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %."""
        return wilson(self.right, self.judged)


@dataclass(frozen=True, slots=True)
class Card:
    """What became of the recommendations of a period."""

    states: dict[State, int]
    verdicts: dict[Verdict, int]
    median_time_to_act_ms: int
    money: dict[str, Money]
    without_value: int
    rightness: Rightness | None

    @property
    def total(self) -> int:
        """Recommendations in all."""
        return sum(self.states.values())


async def read_cards(pool: Any, scope: Scope, periods: Sequence[tuple[int, int]]) -> list[Card]:
    """Count what was decided in each period, from a moment to before another.

    Raises:
        Unavailable: PostgreSQL is away.
    """
    try:
        # One picture of the tables: the sums and the rows of the edges belong together.
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            cards: list[Card] = []
            parts = _Parts(connection, scope)
            for since_ms, until_ms in periods:
                counted = await _count(parts, since_ms, until_ms)
                median = await _median(connection, scope, since_ms, until_ms, counted)
                cards.append(_card(counted, median))
    except AWAY as error:
        raise Unavailable("PostgreSQL is away; try again") from error
    return cards


class _Parts:
    """What parts of days come to. Periods that adjoin share one: it is counted once."""

    def __init__(self, connection: Any, scope: Scope) -> None:
        self.of = (connection, scope.tenant_id, scope.word)
        self._counted: dict[tuple[int, int], Counter[tuple[str, str]]] = {}

    async def count(self, since_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
        part = since_ms, until_ms
        if part not in self._counted:
            self._counted[part] = await sums.in_period(*self.of, *part)
        return self._counted[part]


async def _count(parts: _Parts, since_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
    # The nearest midnights: what must be counted from the rows is half a day at most, whether it is
    # added to the whole days or taken from them.
    first, end = _nearest_day(since_ms), _nearest_day(min(until_ms, _NO_BOUND_DAY * DAY_MS))
    if first >= end:
        return await parts.count(since_ms, until_ms)
    counted = await sums.in_days(*parts.of, first, end)
    start_ms, end_ms = first * DAY_MS, end * DAY_MS
    if since_ms < start_ms:
        counted.update(await parts.count(since_ms, start_ms))
    elif since_ms > start_ms:
        counted.subtract(await parts.count(start_ms, since_ms))
    if end == _NO_BOUND_DAY:
        return counted
    if until_ms > end_ms:
        counted.update(await parts.count(end_ms, until_ms))
    elif until_ms < end_ms:
        counted.subtract(await parts.count(until_ms, end_ms))
    return counted


def _nearest_day(at_ms: int) -> int:
    return (at_ms + DAY_MS // 2) // DAY_MS


async def _median(
    connection: Any,
    scope: Scope,
    since_ms: int,
    until_ms: int,
    counted: Counter[tuple[str, str]],
) -> int:
    """The middle time to act, or the mean of the two in the middle."""
    buckets = sorted((int(key), n) for (what, key), n in counted.items() if what == "time" and n)
    count = sum(n for _, n in buckets)
    # By bucket, the ranks in it: mostly both in one, which is looked at once.
    ranks: dict[int, list[int]] = {}
    for rank in sorted({(count - 1) // 2, count // 2}) if count else ():
        before = 0
        for bucket, n in buckets:
            if rank < before + n:
                ranks.setdefault(bucket, []).append(rank - before)
                break
            before += n
    found: list[int] = []
    for bucket, wanted in ranks.items():
        found += await _at_ranks(connection, scope, since_ms, until_ms, bucket, wanted)
    return round(sum(found) / len(found)) if found else 0


async def _at_ranks(
    connection: Any, scope: Scope, since_ms: int, until_ms: int, bucket: int, ranks: list[int]
) -> list[int]:
    """The times at ranks of a bucket that follow each other."""
    rows = await connection.fetch(
        "SELECT time_to_act_ms FROM recommendations WHERE tenant_id = $1 AND time_bucket = $2"
        " AND decided_at_ms >= $3 AND decided_at_ms < $4"
        " AND ($5 = '' OR owner_id = $5) AND ($6 = '' OR owner_team = $6)"
        " ORDER BY time_to_act_ms OFFSET $7 LIMIT $8",
        scope.tenant_id,
        bucket,
        since_ms,
        until_ms,
        scope.person_id,
        "" if scope.person_id else scope.team,
        ranks[0],
        len(ranks),
    )
    return [int(row["time_to_act_ms"]) for row in rows]


def _card(counted: Counter[tuple[str, str]], median: int) -> Card:
    money: dict[str, Money] = {}
    for currency in sorted({currency for what, currency in counted if what in _MONEY}):
        money[currency] = Money(*(counted[kind, currency] for kind in _MONEY))
    right, wrong = counted["right", "true"], counted["right", "false"]
    judged = right + wrong
    return Card(
        {state: n for state in State if (n := counted["state", str(state.value)])},
        {verdict: n for verdict in Verdict if (n := counted["verdict", str(verdict.value)])},
        median,
        {currency: one for currency, one in money.items() if one != Money(0, 0, 0)},
        counted["valueless", ""],
        Rightness(judged, right, counted["said", ""] / judged / 100) if judged else None,
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    share, weight = right / count, _Z * _Z / count
    middle = (share + weight / 2) / (1 + weight)
    spread = _Z * math.sqrt(share * (1 - share) / count + weight / count / 4) / (1 + weight)
    # At its ends rounding must not leave the share itself outside.
    low = middle - spread if right else 0.0
    return low, middle + spread if right < count else 1.0
