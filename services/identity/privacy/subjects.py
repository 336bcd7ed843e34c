"""Whom a value is about, and what the database calls them.

A subject is named by a keyed hash: rows of keys, tombstones and audit records say nothing about a
person to whom the tenant's index key is not at hand.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.identity.privacy.aead import SUBJECT_BYTES

Kind = Literal["user", "session", "person", "tenant"]


class DataSubject(NamedTuple):
    """A user of the tenant, a session of nobody, a person of its team, or the tenant itself."""

    kind: Kind
    name: str


def visitor(user_id: str | None, session_id: str) -> DataSubject:
    """The tenant's user where one is stated, else the session."""
    return DataSubject("user", user_id) if user_id else DataSubject("session", session_id)


@dataclass(frozen=True, slots=True)
class Index:
    """A tenant's key for finding again what is encrypted."""

    key: bytes

    def blind(self, email: str) -> bytes | None:
        """A keyed hash by which equal addresses are found; None for no address."""
        if not email:
            return None
        return hmac.digest(self.key, b"email\0" + email.lower().encode(), "sha256")

    def identifier(self, kind: str, value: str) -> str:
        """What the graph calls an identifier of a person; an address as its blind index."""
        if kind == "email":
            return (self.blind(value) or b"").hex()
        return hmac.digest(self.key, f"identifier\0{kind}\0{value}".encode(), "sha256").hex()

    def pseudonym(self, subject: DataSubject) -> bytes:
        """What the database calls a subject."""
        told = f"subject\0{subject.kind}\0{subject.name}".encode()
        return hmac.digest(self.key, told, "sha256")[:SUBJECT_BYTES]
