"""What the identity service counts, and what it is called outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.metrics import Catalogue, Metric
from services.identity.enrich.lookups import Lookups
from services.identity.graph.attach import Attach
from services.identity.identify import Identifier
from services.identity.kept_answers import KeptAnswers
from services.identity.key_sets import KeySets
from services.identity.tenant_documents import TenantDocuments
from services.identity.value.recorder import Recorder
from services.identity.value.refresher import Refresher


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts."""

    identifier: Identifier
    lookups: Lookups
    documents: Mapping[str, TenantDocuments[Any]]
    key_sets: KeySets


METRICS: Catalogue[Counted] = Catalogue(
    "identity",
    (
        Metric(
            "siq_identity_identifies_total",
            "counter",
            "{identifies}",
            "Identifies applied, repeated (known already, by RPC or log) or refused (not readable)",
            lambda counted: {
                "applied": counted.identifier.applied,
                "repeated": counted.identifier.repeated,
                "refused": counted.identifier.refused,
            },
            ("end",),
        ),
        Metric(
            "siq_identity_refused_tokens_total",
            "counter",
            "{tokens}",
            "Identity tokens that do not verify; the claims counted as the page's own",
            lambda counted: counted.identifier.refused_tokens,
        ),
        Metric(
            "siq_identity_unusable_fields_total",
            "counter",
            "{fields}",
            "Fields of identifies that were left out because they cannot be used",
            lambda counted: counted.identifier.unusable_fields,
        ),
        Metric(
            "siq_identity_lookups_total",
            "counter",
            "{lookups}",
            "Look-ups in tenants' own sources: found, unknown (nothing there), failed (one or"
            " PostgreSQL did not answer) or dropped (too many were waiting)",
            lambda counted: {
                "found": counted.lookups.found,
                "unknown": counted.lookups.unknown,
                "failed": counted.lookups.failed,
                "dropped": counted.lookups.dropped,
            },
            ("end",),
        ),
        Metric(
            "siq_identity_invalid_documents_total",
            "counter",
            "{documents}",
            "Tenants' documents that cannot be used: the last good one stays in force",
            lambda counted: {
                kind: documents.invalid_documents for kind, documents in counted.documents.items()
            },
            ("kind",),
        ),
        Metric(
            "siq_identity_key_sets_total",
            "counter",
            "{fetches}",
            "Tenants' public keys (JWKS) that were fetched, or could not be: the last ones stay",
            lambda counted: {
                "fetched": counted.key_sets.fetched,
                "failed": counted.key_sets.failed,
            },
            ("end",),
        ),
    ),
)

TRANSACTION_METRICS: Catalogue[Recorder] = Catalogue(
    "identity's transactions",
    (
        Metric(
            "siq_identity_transactions_total",
            "counter",
            "{transactions}",
            "Transactions recorded, repeated (known already) or refused (not usable, or known with"
            " other content)",
            lambda recorder: {
                "recorded": recorder.recorded,
                "repeated": recorder.repeated,
                "refused": recorder.refused,
            },
            ("end",),
        ),
    ),
)

VALUE_METRICS: Catalogue[Refresher] = Catalogue(
    "identity's values",
    (
        Metric(
            "siq_identity_values_renewed_total",
            "counter",
            "{values}",
            "Values computed again because they, their rules, rates or model had grown old",
            lambda refresher: refresher.renewed,
        ),
        Metric(
            "siq_identity_value_models_total",
            "counter",
            "{models}",
            "Models of tenants' values that were fitted, or that the data did not determine",
            lambda refresher: {"fitted": refresher.fitted, "not_fitted": refresher.not_fitted},
            ("end",),
        ),
        Metric(
            "siq_identity_value_failures_total",
            "counter",
            "{tenants}",
            "Times that a tenant's values could not be renewed by a defect of ours; each is in the"
            " log with its traceback",
            lambda refresher: refresher.failed,
        ),
    ),
)

GRAPH_METRICS: Catalogue[Attach] = Catalogue(
    "identity's graph",
    (
        Metric(
            "siq_identity_graph_sessions_total",
            "counter",
            "{sessions}",
            "Sessions that name no user and were joined to one by what others stated, or parted"
            " again since more than one person could be meant",
            lambda attach: {"joined": attach.joined, "parted": attach.parted},
            ("change",),
        ),
        Metric(
            "siq_identity_graph_alone_total",
            "counter",
            "{identifies}",
            "Identifies that concerned other sessions too, and so were done alone in their tenant",
            lambda attach: attach.waited,
        ),
    ),
)

ANSWER_METRICS: Catalogue[KeptAnswers] = Catalogue(
    "identity's answers",
    (
        Metric(
            "siq_identity_resolves_total",
            "counter",
            "{calls}",
            "Resolve calls of the mesh answered from what is kept (hit), by a look at PostgreSQL"
            " (miss), or by one that another call had begun (shared)",
            lambda answers: {
                "hit": answers.hits,
                "miss": answers.misses,
                "shared": answers.shared,
            },
            ("answer",),
        ),
    ),
)
