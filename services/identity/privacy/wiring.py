"""The parts of privacy, put together for the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.common.audit.writer import AuditWriter
from services.identity.company.rules import Rules
from services.identity.database import Database
from services.identity.graph.attach import Attach
from services.identity.identity_store import IdentityStore
from services.identity.privacy.blank import Blanker
from services.identity.privacy.certificate import Signer
from services.identity.privacy.consents import Consents
from services.identity.privacy.disclosure import Disclosure
from services.identity.privacy.erase import Eraser
from services.identity.privacy.export import Exporter
from services.identity.privacy.privacy_servicer import PrivacyServicer
from services.identity.privacy.reads import Reads
from services.identity.privacy.retention import Sweeper
from services.identity.privacy.rewrite import Rewriter
from services.identity.privacy.vault import Vault
from services.identity.settings import Settings


@dataclass(frozen=True, slots=True)
class Privacy:
    """What serves, and what runs beside it."""

    vault: Vault
    reads: Reads
    consents: Consents
    disclosure: Disclosure
    rewriter: Rewriter
    eraser: Eraser
    sweeper: Sweeper
    servicer: PrivacyServicer


def open_privacy(
    database: Database,
    vault: Vault,
    audit: AuditWriter,
    identities: IdentityStore,
    attach: Attach,
    rules_of: Callable[[str], Rules],
    signer: Signer,
    clock_ms: Callable[[], int],
    changed: Callable[[str], None],
    settings: Settings,
) -> Privacy:
    """Put them together; nothing runs yet."""
    rewriter = Rewriter(database, vault)
    consents = Consents(database, vault, audit)
    blanker = Blanker(identities, attach, rules_of)
    eraser = Eraser(database, vault, rewriter, blanker, audit, signer, clock_ms, changed)
    exporter = Exporter(database, vault, rewriter, identities, audit)
    reads = Reads(database, vault, audit)
    return Privacy(
        vault,
        reads,
        consents,
        Disclosure(consents, reads),
        rewriter,
        eraser,
        Sweeper(
            database,
            vault,
            audit,
            clock_ms,
            identities_days=settings.retention_identities_days,
            transactions_days=settings.retention_transactions_days,
        ),
        PrivacyServicer(eraser, exporter, consents),
    )
