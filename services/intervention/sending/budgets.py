"""How many messages a minute a tenant may send over a channel.

The budget stands in PostgreSQL, so it holds over all replicas. A message above it is given its
place in line instead of being tried again and again; if its place comes after its expiry, it is a
dead letter at once, and takes no place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from services.intervention.sending.lanes import CHANNELS

_MINUTE_MS = 60_000
_MOST = 60_000
DEFAULT_RATES: Mapping[str, int] = MappingProxyType(
    {"sms": 1200, "pagerduty": 600, "slack": 1200, "teams": 1200, "webhook": 6000, "email": 1200}
)

# Generic cell rate: the row holds when the next would go if all were evenly spread; a minute's
# worth may go at once.
_RESERVE = """
INSERT INTO send_budgets AS budget (tenant_id, channel, free_at_ms)
VALUES ($1, $2, $3::bigint + $4)
ON CONFLICT (tenant_id, channel) DO UPDATE
    SET free_at_ms = greatest(budget.free_at_ms, $3) + $4
    WHERE greatest(budget.free_at_ms, $3) - $5 < $6
RETURNING free_at_ms - $4
"""


def read_rates(pairs: Iterable[str]) -> dict[str, int]:
    """Rates by channel: the usual ones, where a pair "sms=60" says nothing else.

    Raises:
        ValueError: a pair is none.
    """
    rates = dict(DEFAULT_RATES)
    for pair in pairs:
        channel, _, text = pair.partition("=")
        if channel not in CHANNELS or not text.isascii() or not text.isdigit():
            raise ValueError(
                f"{pair!r}: expected channel=messages a minute, such as sms=60, with a channel of"
                f" {', '.join(CHANNELS)}"
            )
        if not 1 <= int(text) <= _MOST:
            raise ValueError(f"{pair!r}: expected 1 to {_MOST} messages a minute")
        rates[channel] = int(text)
    return rates


class Budgets:
    """Takes a place for each message."""

    def __init__(self, pool: Any, rates: Mapping[str, int]) -> None:
        self._pool = pool
        self._rates = rates
        self.postponed = 0

    async def place(
        self, tenant_id: str, channel: str, *, now_ms: int, expires_at_ms: int
    ) -> int | None:
        """When the message may go: now or later, None if only after its expiry."""
        spread_ms = max(1, _MINUTE_MS // self._rates[channel])
        burst_ms = _MINUTE_MS - spread_ms
        at_ms: int | None = await self._pool.fetchval(
            _RESERVE, tenant_id, channel, now_ms, spread_ms, burst_ms, expires_at_ms
        )
        if at_ms is None:
            return None
        if at_ms - burst_ms > now_ms:
            self.postponed += 1
        return max(now_ms, at_ms - burst_ms)
