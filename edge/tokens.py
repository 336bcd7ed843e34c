"""Session ids and resume tokens.

The session id travels in storage that every script of the page can read, so it proves nothing;
the resume token beside it is our signature over tenant and session. In the token stands also with
which session this browser began, signed on its own: a page that comes back after its session is
over shows the token of that one, and is recognised without any id that it could choose.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import blake2b


def new_session_id() -> str:
    """128 random bits."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser: the id of its first session, and when that began."""

    visitor_id: str
    since_ms: int


class ResumeTokens:
    """Signs and checks resume tokens with a key derived from the mesh secret."""

    def __init__(self, mesh_secret: str) -> None:
        self._key = blake2b(mesh_secret.encode(), person=b"siq-resume", digest_size=32).digest()

    def make(self, tenant: str, session: str, visitor: Visitor | None = None) -> str:
        """The token of a session, and of the browser that it is in."""
        proof = self._sign(tenant, session)
        if visitor is None:
            return proof
        since = f"{visitor.since_ms:x}"
        return f"{proof}.{visitor.visitor_id}.{since}.{self._of_visitor(tenant, visitor)}"

    def valid(self, tenant: str, session: str, token: str | None) -> bool:
        """Tell whether the token is the session's."""
        if token is None:
            return False
        proof = token.partition(".")[0]
        return hmac.compare_digest(self._sign(tenant, session).encode(), proof.encode())

    def visitor(self, tenant: str, token: str | None) -> Visitor | None:
        """The browser that a token is of, whatever its session; None: it names none of ours."""
        if token is None or token.count(".") != 3:
            return None
        _, visitor_id, since, proof = token.split(".")
        try:
            visitor = Visitor(visitor_id, int(since, 16))
        except ValueError:
            return None
        expected = self._of_visitor(tenant, visitor)
        return visitor if hmac.compare_digest(expected.encode(), proof.encode()) else None

    def _of_visitor(self, tenant: str, visitor: Visitor) -> str:
        return self._sign("visitor", tenant, visitor.visitor_id, str(visitor.since_ms))

    def _sign(self, *words: str) -> str:
        text = "\x00".join(words).encode()
        return blake2b(text, key=self._key, digest_size=16).hexdigest()
