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
from services.accountability.sums import DAY_MS, Span
from services.common.errors import Unavailable

_Z = 1.959963984540054
"""Of 95 %."""
_MONEY = ("protected", "at_risk", "unknown")
_NO_BOUND_DAY = 1 << 30
"""Whoever asks without a bound has no edge there: no day is so late."""
# The times at ranks of a bucket that follow each other. An index has all of it.
AT_RANKS = """
SELECT asked.place, (
    SELECT (array_agg(time_to_act_ms ORDER BY time_to_act_ms))[asked.first:asked.last]
    FROM recommendations
    WHERE tenant_id = $1 AND time_bucket = asked.bucket
        AND decided_at_ms >= asked.since_ms AND decided_at_ms < asked.until_ms
        AND ($2 = '' OR owner_id = $2) AND ($3 = '' OR owner_team = $3)
) AS times
FROM unnest($4::integer[], $5::bigint[], $6::bigint[], $7::smallint[], $8::integer[], $9::integer[])
    asked (place, since_ms, until_ms, bucket, first, last)
"""


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


async def read_cards(pool: Any, scope: Scope, periods: Sequence[Span]) -> list[Card]:
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
            counted = await _count(connection, scope, periods)
            medians = await _medians(connection, scope, periods, counted)
    except AWAY as error:
        raise Unavailable("PostgreSQL is away; try again") from error
    return [_card(*one) for one in zip(counted, medians, strict=True)]


async def _count(connection: Any, scope: Scope, periods: Sequence[Span]) -> list[sums.Counts]:
    """All periods at once: days in one statement, parts of days in another."""
    plans = [_Plan.of(*period) for period in periods]
    days = list({plan.days: None for plan in plans if plan.days})
    # Periods that adjoin share a part: it is counted once.
    parts = list({part: None for plan in plans for part in (*plan.more, *plan.less)})
    of = (connection, scope.tenant_id, scope.word)
    in_days = dict(zip(days, await sums.in_days(*of, days), strict=True))
    in_parts = dict(zip(parts, await sums.in_parts(*of, parts), strict=True))
    found: list[sums.Counts] = []
    for plan in plans:
        counted: sums.Counts = Counter(in_days[plan.days] if plan.days else {})
        for part in plan.more:
            counted.update(in_parts[part])
        for part in plan.less:
            counted.subtract(in_parts[part])
        found.append(counted)
    return found


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a period is counted: whole days, and what its edges have more or less than these."""

    days: Span | None
    more: tuple[Span, ...] = ()
    less: tuple[Span, ...] = ()

    @classmethod
    def of(cls, since_ms: int, until_ms: int) -> _Plan:
        # The nearest midnights: what must be counted from the rows is half a day at most, whether
        # it is added to the whole days or taken from them.
        first, end = _nearest_day(since_ms), _nearest_day(min(until_ms, _NO_BOUND_DAY * DAY_MS))
        if first >= end:
            return cls(None, ((since_ms, until_ms),))
        start_ms, end_ms = first * DAY_MS, end * DAY_MS
        if end == _NO_BOUND_DAY:
            until_ms = end_ms
        more = ((since_ms, start_ms), (end_ms, until_ms))
        less = ((start_ms, since_ms), (until_ms, end_ms))
        return cls(
            (first, end),
            tuple(part for part in more if part[0] < part[1]),
            tuple(part for part in less if part[0] < part[1]),
        )


def _nearest_day(at_ms: int) -> int:
    return (at_ms + DAY_MS // 2) // DAY_MS


async def _medians(
    connection: Any, scope: Scope, periods: Sequence[Span], counted: Sequence[sums.Counts]
) -> list[int]:
    """The middle time to act of each period, or the mean of the two in the middle."""
    wanted = [
        (place, *period, bucket, ranks[0], ranks[-1])
        for place, (period, one) in enumerate(zip(periods, counted, strict=True))
        for bucket, ranks in _middle(one).items()
    ]
    found: list[list[int]] = [[] for _ in periods]
    if wanted:
        rows = await connection.fetch(
            AT_RANKS,
            scope.tenant_id,
            scope.person_id,
            "" if scope.person_id else scope.team,
            *zip(*wanted, strict=True),
        )
        for row in rows:
            found[row["place"]] += row["times"] or ()
    return [round(sum(times) / len(times)) if times else 0 for times in found]


def _middle(counted: sums.Counts) -> dict[int, list[int]]:
    """By bucket the ranks in it, from 1, of the middle times: mostly both in one."""
    buckets = sorted((int(key), n) for (what, key), n in counted.items() if what == "time" and n)
    count = sum(n for _, n in buckets)
    ranks: dict[int, list[int]] = {}
    for rank in sorted({(count + 1) // 2, count // 2 + 1}) if count else ():
        before = 0
        for bucket, n in buckets:
            if rank <= before + n:
                ranks.setdefault(bucket, []).append(rank - before)
                break
            before += n
    return ranks


def _card(counted: sums.Counts, median: int) -> Card:
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
