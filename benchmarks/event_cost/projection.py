"""From sizes that were measured to one that was not: straight lines, and which is crossed first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.event_cost.growing import Cost


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of something there may be."""

    name: str
    what: str
    most: float
    of: Callable[[Cost], float]
    mend: str


LIMITS: Final = (
    Limit(
        "report",
        "the slowest report takes 1,000 ms",
        1_000,
        lambda cost: cost.slowest_report_ms,
        "read the totals of days, or shorter spans on a ClickHouse server",
    ),
    Limit(
        "count",
        "a count of the day takes 180 s, so that totals are an hour behind",
        180,
        lambda cost: cost.count_day_s,
        "a ClickHouse server with more processors",
    ),
    Limit(
        "memory",
        "the pipeline's process takes 8 GB",
        8_192,
        lambda cost: cost.peak_rss_mb,
        "a ClickHouse server",
    ),
    Limit(
        "analytics_disk",
        "analytics takes 100 GB",
        100e9,
        lambda cost: cost.analytics_bytes_per_event * cost.events,
        "a larger disk, or a shorter TTL",
    ),
    Limit(
        "archive_disk",
        "the archive takes 100 GB",
        100e9,
        lambda cost: cost.archive_bytes_per_event * cost.events,
        "an object store",
    ),
    Limit(
        "log_memory",
        "with its readers away the log takes 80 % of 2 GB, and the edge stops acknowledging",
        0.8 * 2 * 1024**3,
        lambda cost: cost.log_bytes_per_event * cost.events,
        "Kafka, or more memory",
    ),
)


def at(costs: Sequence[Cost], of: Callable[[Cost], float], events: float) -> float:
    """The value at a size, on the line through the last two that were measured; of one, through
    the origin. What fell from one to the next did so by chance: the larger of both stays."""
    last = costs[-1]
    first_events, first = (costs[-2].events, of(costs[-2])) if len(costs) > 1 else (0, 0.0)
    slope = (of(last) - first) / (last.events - first_events)
    return max(of(last), first) + max(slope, 0.0) * (events - last.events)


def breaks_at(costs: Sequence[Cost], limit: Limit) -> float | None:
    """With how many events a limit is reached; None: it never is, as far as these sizes tell."""
    if limit.of(costs[-1]) >= limit.most:
        return next(cost.events for cost in costs if limit.of(cost) >= limit.most)
    slope = at(costs, limit.of, costs[-1].events + 1) - limit.of(costs[-1])
    if slope <= 0:
        return None
    return costs[-1].events + (limit.most - limit.of(costs[-1])) / slope
