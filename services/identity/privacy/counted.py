"""What is counted about personal data, and what it is called outside."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.metrics import Catalogue, Metric
from services.identity.privacy.auditing import Audit
from services.identity.privacy.wiring import Privacy


@dataclass(frozen=True, slots=True)
class PrivacyCounted:
    """What counts."""

    privacy: Privacy
    audit: Audit


PRIVACY_METRICS: Catalogue[PrivacyCounted] = Catalogue(
    "identity's privacy and audit",
    (
        Metric(
            "siq_identity_audit_records_total",
            "counter",
            "{records}",
            "Audit records chained by this process",
            lambda counted: counted.audit.writer.written,
        ),
        Metric(
            "siq_identity_audit_lost_total",
            "counter",
            "{records}",
            "What the audit should have and only the log has: denials while PostgreSQL was away,"
            " anchors that could not be written to their file",
            lambda counted: {
                "denials": counted.audit.denials.lost,
                "anchors": counted.audit.anchor.failed,
            },
            ("what",),
        ),
        Metric(
            "siq_identity_pii_reads_total",
            "counter",
            "{reads}",
            "Answers that held an e-mail address or a name, or did not since the subject refused"
            " the purpose",
            lambda counted: {
                "told": counted.privacy.reads.reads,
                "withheld": counted.privacy.consents.withheld,
            },
            ("end",),
        ),
        Metric(
            "siq_identity_subjects_erased_total",
            "counter",
            "{requests}",
            "Erasures that ended with a certificate",
            lambda counted: counted.privacy.eraser.erased,
        ),
        Metric(
            "siq_identity_retention_deleted_total",
            "counter",
            "{rows}",
            "Rows deleted since they had had their days",
            lambda counted: counted.privacy.sweeper.deleted,
            ("what",),
        ),
        Metric(
            "siq_identity_pii_rewritten_total",
            "counter",
            "{rows}",
            "Rows of the old form of encryption that were rewritten, and passes that failed",
            lambda counted: {
                "rewritten": counted.privacy.rewriter.rewritten,
                "failed": counted.privacy.rewriter.failed,
            },
            ("end",),
        ),
    ),
)
