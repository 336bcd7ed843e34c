"""IdentityService: protobuf in, protobuf out."""

from __future__ import annotations

from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc

from services.common.auth import principal
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


class IdentityServicer(rpc.IdentityServiceServicer):
    """Who a session is."""

    def __init__(
        self,
        identifier: Identifier,
        identities: IdentityStore,
        lookups: Lookups,
        sealing: SealingKey,
    ) -> None:
        self._identifier = identifier
        self._identities = identities
        self._lookups = lookups
        self._sealing = sealing

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
    )
    if identity.established_at_ms:
        message.established_at.FromMilliseconds(identity.established_at_ms)
    return message


def _money(money: Money | None) -> pb.Money | None:
    return None if money is None else pb.Money(currency=money.currency, minor=money.minor)
