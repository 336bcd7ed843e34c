"""The parts of the audit, put together for this service."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.audit.anchors import Anchor
from services.common.audit.denials import Denials
from services.common.audit.pending import Pending
from services.common.audit.writer import AuditWriter
from services.identity.database import Database


@dataclass(frozen=True, slots=True)
class Audit:
    """What writes, and what runs beside it."""

    writer: AuditWriter
    pending: Pending
    denials: Denials
    anchor: Anchor


def open_audit(database: Database, key: bytes, anchor_file: str) -> Audit:
    """Put them together; nothing runs yet."""
    writer = AuditWriter(key, "identity")
    return Audit(
        writer,
        Pending(writer, database.transaction),
        Denials(writer, database.transaction),
        Anchor(writer, database.transaction, anchor_file),
    )
