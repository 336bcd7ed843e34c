"""TenantService: protobuf in, protobuf out.

Reading needs a token of the tenant, changing one of role mesh or operator, keys are resolved by
the mesh alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common.auth import ANY_TENANT, make_token, principal
from services.common.errors import InvalidArgument, PermissionDenied
from services.common.scopes import covered, read_scopes
from services.identity import validate
from services.identity.config_feed import ConfigFeed
from services.identity.config_store import ConfigStore, Document
from services.identity.kept_answers import KeptAnswers
from services.identity.privacy.reads import Reads
from services.identity.tenant_store import Channel, Person, Tenant, TenantInfo, TenantStore

_MOST_NAME = 200
_MOST_CHANNELS = 20
_MOST_TENANTS = 1_000
_PAGE = 100
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_TOKEN_S, _LEAST_TOKEN_S, _MOST_TOKEN_S = 3_600, 60, 24 * 3_600


class TenantServicer(rpc.TenantServiceServicer):
    """Tenants, keys, people, configuration."""

    def __init__(
        self,
        tenants: TenantStore,
        configs: ConfigStore,
        feed: ConfigFeed,
        answers: KeptAnswers,
        reads: Reads,
        mesh_secret: str,
    ) -> None:
        self._mesh_secret = mesh_secret
        self._answers = answers
        self._tenants = tenants
        self._configs = configs
        self._feed = feed
        self._reads = reads

    async def PutTenant(self, request: pb.PutTenantRequest, context: Any) -> pb.PutTenantResponse:
        tenant = request.tenant
        tenant_id = _writable("tenant.tenant_id", tenant.tenant_id)
        await self._tenants.put_tenant(
            Tenant(
                tenant_id,
                validate.text("tenant.name", tenant.name, most=_MOST_NAME, least=0),
                validate.identity_secret("tenant.identity_secret", tenant.identity_secret),
                tenant.emotions_to_page,
                validate.webhook_secret("tenant.transactions_secret", tenant.transactions_secret),
            )
        )
        return pb.PutTenantResponse()

    async def CreateKey(self, request: pb.CreateKeyRequest, context: Any) -> pb.CreateKeyResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        origins = validate.origins("origins", request.origins)
        environment = validate.environment("environment", request.environment)
        key = await self._tenants.create_key(tenant_id, origins, environment)
        return pb.CreateKeyResponse(key=key)

    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Any) -> pb.RevokeKeyResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        if request.key_id and not _KEY_ID.fullmatch(request.key_id):
            raise InvalidArgument("key_id: expected 16 hex digits, as ListKeys shows them")
        least = 0 if request.key_id else 1
        key = validate.text("key", request.key, most=200, least=least)
        await self._tenants.revoke_key(tenant_id, key, request.key_id)
        return pb.RevokeKeyResponse()

    async def ListKeys(self, request: pb.ListKeysRequest, context: Any) -> pb.ListKeysResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        response = pb.ListKeysResponse()
        for key in await self._tenants.list_keys(tenant_id):
            shown = response.keys.add(
                key_id=key.key_id, environment=key.environment, origins=key.origins
            )
            shown.created_at.FromDatetime(key.created_at)
            if key.revoked_at is not None:
                shown.revoked_at.FromDatetime(key.revoked_at)
        return response

    async def GetTenant(self, request: pb.GetTenantRequest, context: Any) -> pb.GetTenantResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        return pb.GetTenantResponse(tenant=_show_tenant(await self._tenants.get_tenant(tenant_id)))

    async def ListTenants(
        self, request: pb.ListTenantsRequest, context: Any
    ) -> pb.ListTenantsResponse:
        principal().require_role("mesh", "operator")
        principal().require_tenant(ANY_TENANT)
        if request.page_size > _MOST_TENANTS:
            raise InvalidArgument(f"page_size: expected at most {_MOST_TENANTS}")
        most = request.page_size or _PAGE
        found = await self._tenants.list_tenants(request.page_token, most + 1)
        return pb.ListTenantsResponse(
            tenants=[_show_tenant(tenant) for tenant in found[:most]],
            next_page_token=found[most - 1].tenant_id if len(found) > most else "",
        )

    async def CreateToken(
        self, request: pb.CreateTokenRequest, context: Any
    ) -> pb.CreateTokenResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        subject = validate.text("subject", request.subject, most=_MOST_NAME)
        role = validate.one_of("role", request.role, ("team", "operator"))
        scopes = read_scopes("scopes", request.scopes)
        if not covered(scopes, principal().scopes):
            raise PermissionDenied("scopes: more than the caller's own token has")
        lifetime_s = request.lifetime_s or _TOKEN_S
        if not _LEAST_TOKEN_S <= lifetime_s <= _MOST_TOKEN_S:
            raise InvalidArgument(
                f"lifetime_s: expected {_LEAST_TOKEN_S} to {_MOST_TOKEN_S}, was {lifetime_s}"
            )
        detail: dict[str, object] = {"role": role, "scopes": scopes, "lifetime_s": lifetime_s}
        await self._tenants.note_token(tenant_id, subject, detail)
        response = pb.CreateTokenResponse(
            token=make_token(
                self._mesh_secret,
                subject=subject,
                tenant_id=tenant_id,
                role=role,
                lifetime_s=lifetime_s,
                scopes=scopes,
            )
        )
        response.expires_at.FromSeconds(int(time.time()) + lifetime_s)
        return response

    async def ResolveKey(
        self, request: pb.ResolveKeyRequest, context: Any
    ) -> pb.ResolveKeyResponse:
        principal().require_role("mesh")
        owner = await self._tenants.resolve_key(validate.text("key", request.key, most=200))
        principal().require_tenant(owner.tenant_id)
        return pb.ResolveKeyResponse(
            tenant_id=owner.tenant_id,
            origins=owner.origins,
            sdk_config=owner.sdk_config,
            emotions_to_page=owner.emotions_to_page,
        )

    async def PutPerson(self, request: pb.PutPersonRequest, context: Any) -> pb.PutPersonResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        await self._tenants.put_person(tenant_id, _read_person(request.person))
        self._answers.forget_tenant(tenant_id)
        return pb.PutPersonResponse()

    async def DeletePerson(
        self, request: pb.DeletePersonRequest, context: Any
    ) -> pb.DeletePersonResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        person_id = validate.text("person_id", request.person_id, most=64)
        await self._tenants.delete_person(tenant_id, person_id)
        self._answers.forget_tenant(tenant_id)
        return pb.DeletePersonResponse()

    async def ListPeople(
        self, request: pb.ListPeopleRequest, context: Any
    ) -> pb.ListPeopleResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        people = await self._tenants.list_people(tenant_id)
        await self._reads.record(tenant_id, "people.list", people=len(people))
        return pb.ListPeopleResponse(people=[_show_person(person) for person in people])

    async def PutConfig(self, request: pb.PutConfigRequest, context: Any) -> pb.PutConfigResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        kind = validate.kind("kind", request.kind)
        body = validate.body("body", kind, request.body)
        return pb.PutConfigResponse(version=await self._configs.put(tenant_id, kind, body))

    async def GetConfig(self, request: pb.GetConfigRequest, context: Any) -> pb.GetConfigResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        kind, before = validate.kind("kind", request.kind), request.before_version
        if before:
            document = await self._configs.before(tenant_id, kind, before)
        else:
            document = await self._configs.newest(tenant_id, kind)
        return pb.GetConfigResponse(document=_document(document))

    async def WatchConfig(
        self, request: pb.WatchConfigRequest, context: Any
    ) -> AsyncIterator[pb.WatchConfigResponse]:
        kind = validate.kind("kind", request.kind)
        if request.tenant_id:
            tenant_id = _readable("tenant_id", request.tenant_id)
        else:
            tenant_id = principal().tenant_id
        watched = None if tenant_id == ANY_TENANT else tenant_id
        untold = request.tell_complete
        async for news in self._feed.watch(kind, watched):
            for document in news:
                yield pb.WatchConfigResponse(document=_document(document))
            if untold:
                untold = False
                yield pb.WatchConfigResponse(complete=True)


def _readable(field: str, tenant_id: str) -> str:
    """Check the field, and that the caller may read the tenant."""
    validate.tenant_id(field, tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id


def _writable(field: str, tenant_id: str) -> str:
    """Check the field, and that the caller may change the tenant."""
    principal().require_role("mesh", "operator")
    return _readable(field, tenant_id)


def _show_tenant(tenant: TenantInfo) -> pb.TenantInfo:
    shown = pb.TenantInfo(
        tenant_id=tenant.tenant_id,
        name=tenant.name,
        emotions_to_page=tenant.emotions_to_page,
        has_identity_secret=tenant.has_identity_secret,
        has_transactions_secret=tenant.has_transactions_secret,
    )
    shown.created_at.FromDatetime(tenant.created_at)
    return shown


def _document(document: Document) -> pb.ConfigDocument:
    return pb.ConfigDocument(
        tenant_id=document.tenant_id,
        kind=document.kind,
        version=document.version,
        body=document.body,
    )


def _read_person(person: pb.Person) -> Person:
    if len(person.channels) > _MOST_CHANNELS:
        raise InvalidArgument(f"person.channels: expected at most {_MOST_CHANNELS}")
    return Person(
        validate.text("person.person_id", person.person_id, most=64),
        validate.text("person.name", person.name, most=_MOST_NAME, least=0),
        validate.text("person.role", person.role, most=64),
        validate.zone("person.zone", person.zone),
        [
            _read_channel(f"person.channels[{index}]", channel)
            for index, channel in enumerate(person.channels)
        ],
        validate.companies("person.owns_companies", person.owns_companies),
    )


def _read_channel(field: str, channel: pb.Channel) -> Channel:
    kind = validate.channel_kind(f"{field}.kind", channel.kind)
    return Channel(
        kind,
        validate.channel_address(f"{field}.address", kind, channel.address),
        validate.channel_secret(f"{field}.secret", channel.secret),
    )


def _show_person(person: Person) -> pb.Person:
    # Who only looks at the team needs no key that signs in its name.
    with_secrets = principal().role in ("mesh", "operator")
    return pb.Person(
        person_id=person.person_id,
        name=person.name,
        role=person.role,
        zone=person.zone,
        channels=[
            pb.Channel(
                kind=channel.kind,
                address=channel.address,
                secret=channel.secret if with_secrets else "",
            )
            for channel in person.channels
        ],
        owns_companies=person.owns_companies,
    )
