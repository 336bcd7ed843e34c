"""The consumer of identity.v1: what the RPC never got is applied all the same."""

from __future__ import annotations

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.consumer import Consumer, Delivery, Poison
from services.common.errors import InvalidArgument, NotFound
from services.common.log import IDENTITY, EventLog
from services.identity.envelope import read_envelope
from services.identity.identify import Identifier, IdentifyRefused
from services.identity.identity_store import IdentityStore

GROUP = "identity"


class Intake:
    """Feeds the log's identifies to the Identifier."""

    def __init__(self, identifier: Identifier, identities: IdentityStore) -> None:
        self._identifier = identifier
        self._identities = identities

    def consumer(self, log: EventLog) -> Consumer[pb.SealedIdentify]:
        """Make the consumer; run it for as long as the service lives."""
        return Consumer(
            log,
            group=GROUP,
            topic=IDENTITY,
            decode=pb.SealedIdentify.FromString,
            handle=self.handle,
        )

    async def handle(self, deliveries: list[Delivery[pb.SealedIdentify]]) -> None:
        """Apply a batch, most of which the RPC has applied already.

        Raises:
            Poison: one of them can never be applied.
            Unavailable: PostgreSQL is away; the batch comes again.
        """
        try:
            envelopes = [read_envelope(delivery.message) for delivery in deliveries]
            applied = await self._identities.applied(envelopes)
            for envelope in envelopes:
                if envelope.key not in applied:
                    await self._identifier.apply(envelope)
        except (InvalidArgument, IdentifyRefused, NotFound) as error:
            raise Poison(str(error)) from error
