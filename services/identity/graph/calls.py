"""The RPCs about users and their sessions."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.auth import principal
from services.common.errors import InvalidArgument, NotFound
from services.identity import validate
from services.identity.answer import answer, masked
from services.identity.enrich.lookups import Lookups
from services.identity.envelope import MOST_ID
from services.identity.graph import explain, history, link_store, profile_store
from services.identity.graph.attach import Attach
from services.identity.graph.profile_store import Cut
from services.identity.graph.rules import EMAIL, ID, VISITOR, GraphRules
from services.identity.graph.told import Identifier
from services.identity.identity_store import IdentityStore, donor_of
from services.identity.kept_answers import KeptAnswers
from services.identity.privacy.consents import purpose_of
from services.identity.privacy.disclosure import Disclosure
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Vault
from services.identity.tenant_documents import TenantDocuments

_MOST_SESSIONS: Final = 1_000
_PAGE: Final = 100
_MOST_USER: Final = 256
_MOST_REASON: Final = 500
_FROM_NEWEST: Final = (2**63 - 1, "")


class ProfileCalls:
    """Answers them."""

    def __init__(
        self,
        identities: IdentityStore,
        lookups: Lookups,
        rules: TenantDocuments[GraphRules],
        attach: Attach,
        answers: KeptAnswers,
        disclosure: Disclosure,
        audit: AuditWriter,
        vault: Vault,
    ) -> None:
        self._identities = identities
        self._lookups = lookups
        self._rules = rules
        self._attach = attach
        self._answers = answers
        self._disclosure = disclosure
        self._audit = audit
        self._vault = vault

    async def batch_resolve(self, request: pb.BatchResolveRequest) -> pb.BatchResolveResponse:
        tenant_id = _readable(request.tenant_id)
        if not 1 <= len(request.session_ids) <= _MOST_SESSIONS:
            raise InvalidArgument(f"session_ids: expected 1 to {_MOST_SESSIONS}")
        response = pb.BatchResolveResponse()
        for index, session_id in enumerate(request.session_ids):
            validate.text(f"session_ids[{index}]", session_id, most=MOST_ID)
        purpose = purpose_of("purpose", request.purpose)
        for session_id in request.session_ids:
            resolved = await self._identities.resolve(tenant_id, session_id)
            message = answer(resolved, self._lookups)
            response.identities.append(
                await self._told(message, tenant_id, purpose, request.read_mask)
            )
        return response

    async def get(self, request: pb.GetProfileRequest) -> pb.GetProfileResponse:
        tenant_id = _readable(request.tenant_id)
        user_id = validate.text("user_id", request.user_id, most=_MOST_USER)
        if request.page_size > _MOST_SESSIONS:
            raise InvalidArgument(f"page_size: expected at most {_MOST_SESSIONS}")
        most, page = request.page_size or _PAGE, _read_page(request.page_token)
        async with self._identities.database.connection() as connection:
            donor = await donor_of(connection, tenant_id, user_id)
            if donor is None:
                raise NotFound("user_id: nothing ever named this user")
            known = await profile_store.identifiers_of(connection, tenant_id, user_id)
            visits = await profile_store.visits_of(connection, tenant_id, user_id, page, most + 1)
        resolved = await self._identities.resolve(tenant_id, donor)
        message = answer(resolved, self._lookups)
        purpose = purpose_of("purpose", request.purpose)
        told = await self._told(message, tenant_id, purpose, request.read_mask)
        told.session_id = ""
        response = pb.GetProfileResponse(identity=told)
        for one in known:
            shown = response.identifiers.add(
                kind=one.kind,
                value=one.value,
                assurance=pb.Assurance.ValueType(one.assurance),
                sessions=one.sessions,
                shared=one.shared,
                cut=one.cut,
            )
            shown.first_seen_at.FromMilliseconds(one.first_ms)
        for visit in visits[:most]:
            session = response.sessions.add(
                session_id=visit.session_id,
                assurance=pb.Assurance.ValueType(visit.assurance),
                joined_by=visit.joined_by,
            )
            session.began_at.FromMilliseconds(visit.began_ms)
        if len(visits) > most:
            last = visits[most - 1]
            response.next_page_token = _page(last.began_ms, last.session_id)
        return response

    async def explain(self, request: pb.ExplainIdentityRequest) -> pb.ExplainIdentityResponse:
        tenant_id = _readable(request.tenant_id)
        session_id = validate.text("session_id", request.session_id, most=MOST_ID)
        resolved = await self._identities.resolve(tenant_id, session_id)
        async with self._identities.database.connection() as connection:
            standing = await link_store.standing(connection, tenant_id, session_id)
            stated = resolved.identity
            if stated.joined_by:
                stated = replace(stated, user_id="")
            reasons = await explain.reasons(
                connection, tenant_id, session_id, stated, standing, self._rules.of(tenant_id)
            )
            changes = await history.of_session(connection, tenant_id, session_id)
        message = answer(resolved, self._lookups)
        await self._disclosure.disclose(message, tenant_id, purpose_of("purpose", request.purpose))
        response = pb.ExplainIdentityResponse(identity=message)
        for reason in reasons:
            response.reasons.add(
                kind=reason.kind,
                value=reason.value,
                user_ids=reason.user_ids,
                assurance=pb.Assurance.ValueType(reason.assurance),
                decided=reason.decided,
                text=reason.text,
                evidence_session_ids=reason.evidence,
            )
        for change in changes:
            shown = response.history.add(user_id=change.user_id, why=change.why)
            shown.changed_at.FromMilliseconds(change.at_ms)
        return response

    async def split(self, request: pb.SplitRequest) -> pb.SplitResponse:
        principal().require_role("mesh", "operator")
        tenant_id = _readable(request.tenant_id)
        kind, _, name = request.kind.partition(":")
        if kind not in (VISITOR, EMAIL, ID) or bool(name) != (kind == ID):
            raise InvalidArgument('kind: expected "visitor", "email", or "id:" and a name')
        cut = Cut(
            validate.text("user_id", request.user_id, most=_MOST_USER),
            Identifier(request.kind, validate.text("value", request.value, most=MOST_ID)),
            validate.text(
                "reason", request.reason, most=_MOST_REASON, least=0 if request.restore else 1
            ),
            principal().subject,
            request.restore,
        )
        async with self._identities.database.transaction() as connection:
            changed, sessions = await profile_store.split(
                connection, tenant_id, cut, self._rules.of(tenant_id), self._attach
            )
            if changed:
                index = await self._vault.index(connection, tenant_id)
                detail = {"kind": cut.identifier.kind, "value": cut.identifier.value}
                entry = Entry(
                    "identity.restore" if cut.restore else "identity.split",
                    index.pseudonym(DataSubject("user", cut.user_id)).hex(),
                    detail={**detail, "sessions": len(sessions)},
                )
                await self._audit.append(connection, tenant_id, entry)
        for session_id in sessions:
            self._answers.forget(tenant_id, session_id)
        return pb.SplitResponse(changed=changed, sessions=len(sessions))

    async def _told(
        self, message: pb.UserIdentity, tenant_id: str, purpose: str, mask: FieldMask
    ) -> pb.UserIdentity:
        """What the caller asked for of an identity and may see."""
        told = masked(message, mask)
        if told.email or told.name:
            await self._disclosure.disclose(message, tenant_id, purpose)
            told = masked(message, mask)
        return told


def _readable(tenant_id: str) -> str:
    validate.tenant_id("tenant_id", tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id


def _page(began_ms: int, session_id: str) -> str:
    return base64.urlsafe_b64encode(f"{began_ms} {session_id}".encode()).decode()


def _read_page(token: str) -> tuple[int, str]:
    if not token:
        return _FROM_NEWEST
    try:
        began_ms, _, session_id = base64.urlsafe_b64decode(token).decode().partition(" ")
        return int(began_ms), session_id
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument("page_token: expected that of the answer before") from error
