"""What accountability counts, and what it is called outside."""

from __future__ import annotations

from services.accountability.ledger import Ledger
from services.common.metrics import Catalogue, Metric

METRICS: Catalogue[Ledger] = Catalogue(
    "accountability",
    (
        Metric(
            "siq_accountability_fell_due_total",
            "counter",
            "{recommendations}",
            "Recommendations that expired or were ignored",
            lambda ledger: ledger.expired_or_ignored,
        ),
    ),
)
