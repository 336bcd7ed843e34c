"""What the weekly mail counts, and what it is called outside."""

from __future__ import annotations

from services.accountability.weekly.sending import Counts
from services.common.metrics import Catalogue, Metric

METRICS: Catalogue[Counts] = Catalogue(
    "accountability's letters",
    (
        Metric(
            "siq_accountability_weekly_mails_total",
            "counter",
            "{mails}",
            "Weekly mails that came to their end",
            lambda counts: counts.by_outcome,
            ("outcome",),
        ),
        Metric(
            "siq_accountability_weekly_put_off_total",
            "counter",
            "{attempts}",
            "Attempts at a weekly mail that will be made again: somebody was away",
            lambda counts: counts.put_off,
        ),
    ),
)
