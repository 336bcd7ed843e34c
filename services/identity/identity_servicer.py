"""IdentityService: protobuf in, protobuf out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc

from services.common.auth import ANY_TENANT, principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.answer import answer
from services.identity.change_feed import ChangeFeed
from services.identity.enrich.lookups import Lookups
from services.identity.envelope import MOST_ID, read_envelope
from services.identity.graph.calls import ProfileCalls
from services.identity.identify import Identifier, IdentifyRefused
from services.identity.identity_store import IdentityStore
from services.identity.kept_answers import KeptAnswers
from services.identity.privacy.consent import OPERATION
from services.identity.privacy.consents import purpose_of
from services.identity.privacy.disclosure import Disclosure
from services.identity.sealing import SealingKey
from services.identity.value.calls import TransactionCalls
from services.identity.value.value_feed import ValueFeed
from services.identity.value.webhook import TransactionHook


class IdentityServicer(rpc.IdentityServiceServicer):
    """Who a session is."""

    def __init__(
        self,
        identifier: Identifier,
        identities: IdentityStore,
        lookups: Lookups,
        sealing: SealingKey,
        transactions: TransactionCalls,
        hook: TransactionHook,
        value_feed: ValueFeed,
        profiles: ProfileCalls,
        profile_feed: ChangeFeed,
        answers: KeptAnswers,
        disclosure: Disclosure,
    ) -> None:
        self._identifier = identifier
        self._identities = identities
        self._lookups = lookups
        self._sealing = sealing
        self._transactions = transactions
        self._hook = hook
        self._value_feed = value_feed
        self._profiles = profiles
        self._profile_feed = profile_feed
        self._answers = answers
        self._disclosure = disclosure

    async def Identify(self, request: pb.IdentifyRequest, context: Any) -> pb.IdentifyResponse:
        principal().require_role("mesh", "operator")
        envelope = read_envelope(request.identify)
        principal().require_tenant(envelope.tenant_id)
        try:
            resolved = await self._identifier.identify(envelope)
        except IdentifyRefused as error:
            raise InvalidArgument(f"identify.{error}") from error
        return pb.IdentifyResponse(identity=answer(resolved, self._lookups))

    async def Resolve(self, request: pb.ResolveRequest, context: Any) -> pb.ResolveResponse:
        tenant_id = validate.tenant_id("tenant_id", request.tenant_id)
        principal().require_tenant(tenant_id)
        session_id = validate.text("session_id", request.session_id, most=MOST_ID)
        purpose = purpose_of("purpose", request.purpose)
        # What is kept holds the address, which stays inside the mesh, for the mesh's own use.
        if principal().role == "mesh" and purpose == OPERATION:
            response = await self._answers.get(tenant_id, session_id)
            await self._disclosure.note(response.identity, tenant_id, purpose)
            return response
        resolved = await self._identities.resolve(tenant_id, session_id)
        message = answer(resolved, self._lookups)
        await self._disclosure.disclose(message, tenant_id, purpose)
        return pb.ResolveResponse(identity=message)

    async def BatchResolve(
        self, request: pb.BatchResolveRequest, context: Any
    ) -> pb.BatchResolveResponse:
        return await self._profiles.batch_resolve(request)

    async def GetProfile(
        self, request: pb.GetProfileRequest, context: Any
    ) -> pb.GetProfileResponse:
        return await self._profiles.get(request)

    async def ExplainIdentity(
        self, request: pb.ExplainIdentityRequest, context: Any
    ) -> pb.ExplainIdentityResponse:
        return await self._profiles.explain(request)

    async def Split(self, request: pb.SplitRequest, context: Any) -> pb.SplitResponse:
        return await self._profiles.split(request)

    async def WatchProfiles(
        self, request: pb.WatchProfilesRequest, context: Any
    ) -> AsyncIterator[pb.WatchProfilesResponse]:
        watched = _watched(request.tenant_id)
        async for changed, session_id in self._profile_feed.watch(watched):
            yield pb.WatchProfilesResponse(tenant_id=changed, session_id=session_id)

    async def GetSealingKey(
        self, request: pb.GetSealingKeyRequest, context: Any
    ) -> pb.GetSealingKeyResponse:
        return pb.GetSealingKeyResponse(public_key=self._sealing.public_key)

    async def RecordTransactions(
        self, request: pb.RecordTransactionsRequest, context: Any
    ) -> pb.RecordTransactionsResponse:
        recorded = await self._transactions.record(request)
        self._answers.forget_users(request.tenant_id, {t.user_id for t in request.transactions})
        return recorded

    async def ImportTransactions(
        self, request_iterator: AsyncIterator[pb.ImportTransactionsRequest], context: Any
    ) -> pb.ImportTransactionsResponse:
        return await self._transactions.import_all(request_iterator)

    async def DeliverTransactions(
        self, request: pb.DeliverTransactionsRequest, context: Any
    ) -> pb.DeliverTransactionsResponse:
        return await self._hook.deliver(request)

    async def WatchValues(
        self, request: pb.WatchValuesRequest, context: Any
    ) -> AsyncIterator[pb.WatchValuesResponse]:
        watched = _watched(request.tenant_id)
        async for changed, user_id in self._value_feed.watch(watched):
            yield pb.WatchValuesResponse(tenant_id=changed, user_id=user_id)


def _watched(asked: str) -> str | None:
    """Whose changes the caller is to be told; None: all tenants'."""
    tenant_id = asked or principal().tenant_id
    if tenant_id == ANY_TENANT:
        return None
    validate.tenant_id("tenant_id", tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id
