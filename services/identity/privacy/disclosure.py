"""Personal data goes out only for a purpose that its subject allows, and each time is recorded."""

from __future__ import annotations

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.identity.privacy.consents import Consents
from services.identity.privacy.reads import Reads
from services.identity.privacy.subjects import visitor

_ACTION = "identity.read"


class Disclosure:
    """Withholds what may not be told, and records what is."""

    def __init__(self, consents: Consents, reads: Reads) -> None:
        self._consents = consents
        self._reads = reads

    async def disclose(self, message: pb.UserIdentity, tenant_id: str, purpose: str) -> None:
        """Prepare an identity for a caller.

        Raises:
            Unavailable: PostgreSQL is away; what cannot be recorded is not told.
        """
        if not (message.email or message.name):
            return
        user_id, session_id = message.user_id, message.session_id
        refused = await self._consents.refuses(tenant_id, session_id, user_id, purpose)
        if refused:
            message.email = message.name = ""
            message.withheld = refused
            return
        subject = visitor(user_id, session_id)
        await self._reads.record(tenant_id, _ACTION, subject=subject, purpose=purpose)

    async def note(self, message: pb.UserIdentity, tenant_id: str, purpose: str) -> None:
        """Count an identity that the mesh was told for itself."""
        if message.email or message.name:
            await self._reads.record(tenant_id, _ACTION, purpose=purpose)
