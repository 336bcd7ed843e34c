"""Whom a request of a data subject is about: users, and sessions of nobody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from services.common.errors import FailedPrecondition
from services.identity.model import Assurance
from services.identity.privacy.subjects import DataSubject, Index

# A page may claim to be anybody. Where users are verified, what is claimed about one of them brings
# nobody else's request to them.
_OF_EMAIL = (
    "SELECT session_id, user_id, user_id <> '' AND (assurance = $3 OR NOT EXISTS (SELECT 1"
    " FROM sessions v WHERE v.tenant_id = s.tenant_id AND v.user_id = s.user_id"
    " AND v.assurance = $3)) AS is_user"
    " FROM sessions s WHERE tenant_id = $1 AND email_index = $2"
)


class Ref(NamedTuple):
    """How a request names the subject."""

    kind: Literal["user", "email", "session"]
    name: str


@dataclass(frozen=True, slots=True)
class Targets:
    """Who it is."""

    users: Collection[str]
    sessions: Collection[str]
    """All of these, whoever was stated in them."""

    def subjects(self) -> list[DataSubject]:
        """Whose keys these are."""
        return [
            *(DataSubject("user", user_id) for user_id in sorted(self.users)),
            *(DataSubject("session", session_id) for session_id in sorted(self.sessions)),
        ]


async def targets_of(connection: Any, tenant_id: str, ref: Ref, index: Index) -> Targets:
    """Find whom a request is about; nobody known is a target all the same, but for an address.

    Raises:
        FailedPrecondition: the session belongs to a user.
    """
    if ref.kind == "user":
        return Targets([ref.name], [])
    if ref.kind == "session":
        user_id: Any = await connection.fetchval(
            "SELECT user_id FROM sessions WHERE tenant_id = $1 AND session_id = $2",
            tenant_id,
            ref.name,
        )
        if user_id:
            raise FailedPrecondition(
                "subject.session_id: the session belongs to a user; name the user, all of whose"
                " sessions it then is about"
            )
        return Targets([], [ref.name])
    rows: list[Any] = await connection.fetch(
        _OF_EMAIL, tenant_id, index.blind(ref.name), int(Assurance.VERIFIED)
    )
    return Targets(
        {row["user_id"] for row in rows if row["is_user"]},
        {row["session_id"] for row in rows if not row["is_user"]},
    )


async def sessions_of(connection: Any, tenant_id: str, user_id: str, pseudonym: bytes) -> list[str]:
    """Every session in which the user was ever stated."""
    rows: list[Any] = await connection.fetch(
        "SELECT session_id FROM identifies WHERE tenant_id = $1 AND subject = $2"
        " UNION SELECT session_id FROM sessions WHERE tenant_id = $1 AND user_id = $3",
        tenant_id,
        pseudonym,
        user_id,
    )
    return sorted(row["session_id"] for row in rows)
