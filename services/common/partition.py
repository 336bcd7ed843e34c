"""Which partition of the log a session belongs to. The contract of docs/contracts.md, 4.7."""

from __future__ import annotations

from zlib import crc32

PARTITIONS = 64


def record_key(tenant_id: str, session_id: str) -> bytes:
    """The key of a session's records: tenant, NUL, session, in UTF-8."""
    return b"%s\x00%s" % (tenant_id.encode(), session_id.encode())


def partition_of(tenant_id: str, session_id: str) -> int:
    """The partition, 0 to 63, in which everything of a session is ordered."""
    return crc32(record_key(tenant_id, session_id)) % PARTITIONS
