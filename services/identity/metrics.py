"""What the identity service counts, and what it is called outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.metrics import Catalogue, Metric
from services.identity.enrich.lookups import Lookups
from services.identity.identify import Identifier
from services.identity.key_sets import KeySets
from services.identity.tenant_documents import TenantDocuments


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
