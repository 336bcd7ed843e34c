"""An identity as it is answered."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.identity.company.classify import Kind
from services.identity.enrich.lookups import Lookups, Subject
from services.identity.model import Resolved
from services.identity.money import Money


def answer(resolved: Resolved, lookups: Lookups) -> pb.UserIdentity:
    """The identity as it stands; what the tenant's sources know follows."""
    message = _identity(resolved)
    if not resolved.looked_up:
        about = (resolved.identity.email, resolved.identity.company)
        message.settling = lookups.ask(Subject(resolved.tenant_id, resolved.session_id, *about))
    return message


def masked(message: pb.UserIdentity, mask: FieldMask) -> pb.UserIdentity:
    """Only the fields asked for; an empty mask asks for all.

    Raises:
        InvalidArgument: it names another.
    """
    if not mask.paths:
        return message
    known = pb.UserIdentity.DESCRIPTOR.fields_by_name
    for path in mask.paths:
        if path.partition(".")[0] not in known:
            raise InvalidArgument(f"read_mask: UserIdentity has no field {path!r}")
    kept = pb.UserIdentity()
    mask.MergeMessage(message, kept)
    return kept


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
        joined_by=identity.joined_by,
    )
    if identity.established_at_ms:
        message.established_at.FromMilliseconds(identity.established_at_ms)
    if identity.ltv_as_of_ms:
        message.ltv_as_of.FromMilliseconds(identity.ltv_as_of_ms)
    return message


def _money(money: Money | None) -> pb.Money | None:
    return None if money is None else pb.Money(currency=money.currency, minor=money.minor)
