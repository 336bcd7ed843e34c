"""What accountability counts, and what it is called outside."""

from __future__ import annotations

from services.accountability.drafting import Drafting
from services.accountability.ledger import Ledger
from services.accountability.telling import Telling
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
        Metric(
            "siq_accountability_folds_total",
            "counter",
            "{recommendations}",
            "Histories folded anew",
            lambda ledger: ledger.folds,
        ),
        Metric(
            "siq_accountability_facts_total",
            "counter",
            "{facts}",
            "Outcomes about recommendations that were applied, by kind; repeated ones too",
            lambda ledger: ledger.facts,
            ("kind",),
        ),
    ),
)
DRAFTING_METRICS: Catalogue[Drafting] = Catalogue(
    "accountability's terms",
    (
        Metric(
            "siq_accountability_terms_total",
            "counter",
            "{terms}",
            "Terms of owners that were worked out",
            lambda drafting: drafting.drafted,
        ),
        Metric(
            "siq_accountability_terms_waits_total",
            "counter",
            "{attempts}",
            "Times that terms had to wait: a tenant's for identity, or all for an engine",
            lambda drafting: drafting.failures,
        ),
    ),
)
TELLING_METRICS: Catalogue[Telling] = Catalogue(
    "accountability's callers",
    (
        Metric(
            "siq_accountability_told_total",
            "counter",
            "{outcomes}",
            "Outcomes that callers appended",
            lambda telling: telling.told,
        ),
        Metric(
            "siq_accountability_told_again_total",
            "counter",
            "{calls}",
            "Calls that said what had been said before",
            lambda telling: telling.repeated,
        ),
    ),
)
