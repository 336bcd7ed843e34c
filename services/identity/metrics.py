"""What the identity service counts, and what it is called outside."""

from __future__ import annotations

from services.common.metrics import Catalogue, Metric
from services.identity.identify import Identifier

METRICS: Catalogue[Identifier] = Catalogue(
    "identity",
    (
        Metric(
            "siq_identity_identifies_total",
            "counter",
            "{identifies}",
            "Identifies applied, repeated (known already, by RPC or log) or refused (not readable)",
            lambda identifier: {
                "applied": identifier.applied,
                "repeated": identifier.repeated,
                "refused": identifier.refused,
            },
            ("end",),
        ),
        Metric(
            "siq_identity_refused_tokens_total",
            "counter",
            "{tokens}",
            "Identity tokens that do not verify; the claims counted as the page's own",
            lambda identifier: identifier.refused_tokens,
        ),
        Metric(
            "siq_identity_unusable_fields_total",
            "counter",
            "{fields}",
            "Fields of identifies that were left out because they cannot be used",
            lambda identifier: identifier.unusable_fields,
        ),
    ),
)
