"""IdentityService: protobuf in, protobuf out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc

from services.common.auth import ANY_TENANT, principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.company.classify import Kind
from services.identity.enrich.lookups import Lookups, Subject
from services.identity.envelope import MOST_ID, read_envelope
from services.identity.identify import Identifier, IdentifyRefused
from services.identity.identity_store import IdentityStore
from services.identity.model import Resolved
from services.identity.money import Money
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
    ) -> None:
        self._identifier = identifier
        self._identities = identities
        self._lookups = lookups
        self._sealing = sealing
        self._transactions = transactions
        self._hook = hook
        self._value_feed = value_feed

    async def Identify(self, request: pb.IdentifyRequest, context: Any) -> pb.IdentifyResponse:
        principal().require_role("mesh", "operator")
        envelope = read_envelope(request.identify)
        principal().require_tenant(envelope.tenant_id)
        try:
            resolved = await self._identifier.identify(envelope)
        except IdentifyRefused as error:
            raise InvalidArgument(f"identify.{error}") from error
        return pb.IdentifyResponse(identity=self._answer(resolved))

    async def Resolve(self, request: pb.ResolveRequest, context: Any) -> pb.ResolveResponse:
        tenant_id = validate.tenant_id("tenant_id", request.tenant_id)
        principal().require_tenant(tenant_id)
        session_id = validate.text("session_id", request.session_id, most=MOST_ID)
        return pb.ResolveResponse(
            identity=self._answer(await self._identities.resolve(tenant_id, session_id))
        )

    async def GetSealingKey(
        self, request: pb.GetSealingKeyRequest, context: Any
    ) -> pb.GetSealingKeyResponse:
        return pb.GetSealingKeyResponse(public_key=self._sealing.public_key)

    async def RecordTransactions(
        self, request: pb.RecordTransactionsRequest, context: Any
    ) -> pb.RecordTransactionsResponse:
        return await self._transactions.record(request)

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
        tenant_id = request.tenant_id or principal().tenant_id
        if tenant_id != ANY_TENANT:
            validate.tenant_id("tenant_id", tenant_id)
            principal().require_tenant(tenant_id)
        watched = None if tenant_id == ANY_TENANT else tenant_id
        async for changed, user_id in self._value_feed.watch(watched):
            yield pb.WatchValuesResponse(tenant_id=changed, user_id=user_id)

    def _answer(self, resolved: Resolved) -> pb.UserIdentity:
        """The identity as it stands; what the tenant's sources know follows."""
        message = _identity(resolved)
        if not resolved.looked_up:
            about = (resolved.identity.email, resolved.identity.company)
            message.settling = self._lookups.ask(
                Subject(resolved.tenant_id, resolved.session_id, *about)
            )
        return message


def _identity(resolved: Resolved) -> pb.UserIdentity:
    identity, enrichment = resolved.identity, resolved.enrichment
    message = pb.UserIdentity(
        tenant_id=resolved.tenant_id,
        session_id=resolved.session_id,
        user_id=identity.user_id,
        # The contract keeps e-mail inside the mesh.
        email=identity.email if principal().role == "mesh" else "",
        name=identity.name,
        # The sources fill gaps; they never contradict.
        company=identity.company or enrichment.company,
        company_name=identity.company_name or enrichment.company_name,
        company_kind=Kind.COMPANY
        if enrichment.company and not identity.company
        else identity.company_kind,
        company_parent=identity.company_parent or enrichment.parent,
        company_size=enrichment.size,
        ltv=_money(identity.ltv),
        ltv_low=_money(identity.ltv_low),
        ltv_high=_money(identity.ltv_high),
        ltv_source=identity.ltv_source,
        tier=pb.Tier.ValueType(identity.tier),
        assurance=pb.Assurance.ValueType(identity.assurance),
        owner_person_id=resolved.owner_person_id,
        version=resolved.version,
        ltv_observed=_money(identity.ltv_observed),
        ltv_expected=_money(identity.ltv_expected),
        ltv_reason=identity.ltv_reason,
        ltv_lack=pb.ValueLack.ValueType(identity.ltv_lack),
    )
    if identity.established_at_ms:
        message.established_at.FromMilliseconds(identity.established_at_ms)
    if identity.ltv_as_of_ms:
        message.ltv_as_of.FromMilliseconds(identity.ltv_as_of_ms)
    return message


def _money(money: Money | None) -> pb.Money | None:
    return None if money is None else pb.Money(currency=money.currency, minor=money.minor)
