"""Session ids and resume tokens.

The session id travels in storage that every script of the page can read, so it proves nothing;
the resume token beside it is our signature over tenant and session.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import blake2b


def new_session_id() -> str:
    """128 random bits."""
    return secrets.token_hex(16)


class ResumeTokens:
    """Signs and checks resume tokens with a key derived from the mesh secret."""

    def __init__(self, mesh_secret: str) -> None:
        self._key = blake2b(mesh_secret.encode(), person=b"siq-resume", digest_size=32).digest()

    def make(self, tenant: str, session: str) -> str:
        """The token of a session."""
        text = f"{tenant}\x00{session}".encode()
        return blake2b(text, key=self._key, digest_size=16).hexdigest()

    def valid(self, tenant: str, session: str, token: str | None) -> bool:
        """Tell whether the token is the session's."""
        return token is not None and hmac.compare_digest(
            self.make(tenant, session).encode(), token.encode()
        )
