"""A tenant with very many identities, written into the tables as identifies leave them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from services.identity.graph.hashes import hasher
from services.identity.model import Assurance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.identity.pii import Pii

TENANT: Final = "bench"
_AT_ONCE: Final = 50_000
_SESSIONS: Final = (
    *("tenant_id", "session_id", "version", "assurance", "user_id", "email", "email_index"),
    *("company", "company_kind", "established_at_ms", "began_ms"),
)
_LINKS: Final = ("tenant_id", "session_id", "kind", "value", "person", "assurance", "at_ms")


def session_of(number: int) -> str:
    """The session of the so-manieth identity."""
    return f"{number:032x}"


async def fill(connection: Any, pii: Pii, begin: int, end: int) -> None:
    """Add identities: each a user with an address, a company and one verified session."""
    for start in range(begin, end, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, end))
        await connection.copy_records_to_table(
            "sessions",
            schema_name="identity",
            columns=_SESSIONS,
            records=list(_sessions(pii, numbers)),
        )
        await connection.copy_records_to_table(
            "links", schema_name="identity", columns=_LINKS, records=list(_links(pii, numbers))
        )
    await connection.execute("ANALYZE identity.sessions, identity.links")


def _person(number: int) -> tuple[str, str, str]:
    company = f"company{number // 10}.example"
    return f"u{number}", f"person{number}@{company}", company


def _sessions(pii: Pii, numbers: range) -> Iterator[tuple[Any, ...]]:
    now_ms = time.time_ns() // 1_000_000
    for number in numbers:
        user, email, company = _person(number)
        session = session_of(number)
        yield (
            *(TENANT, session, 1, int(Assurance.VERIFIED), user),
            *(pii.encrypt(email, TENANT, session, "email"), pii.blind_index(TENANT, email)),
            *(company, "company", now_ms, now_ms),
        )


def _links(pii: Pii, numbers: range) -> Iterator[tuple[Any, ...]]:
    now_ms = time.time_ns() // 1_000_000
    hashed = hasher(pii, TENANT)
    for number in numbers:
        user, email, _ = _person(number)
        session = session_of(number)
        proof = int(Assurance.VERIFIED)
        yield TENANT, session, "visitor", session, f"u:{user}", proof, now_ms
        yield TENANT, session, "email", hashed("email", email), f"u:{user}", proof, now_ms
