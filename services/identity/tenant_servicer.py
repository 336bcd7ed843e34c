"""TenantService: protobuf in, protobuf out.

Reading needs a token of the tenant, changing one of role mesh or operator, keys are resolved by
the mesh alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common.auth import ANY_TENANT, principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.config_feed import ConfigFeed
from services.identity.config_store import ConfigStore, Document
from services.identity.kept_answers import KeptAnswers
from services.identity.tenant_store import Channel, Person, Tenant, TenantStore

_MOST_NAME = 200
_MOST_CHANNELS = 20


class TenantServicer(rpc.TenantServiceServicer):
    """Tenants, keys, people, configuration."""

    def __init__(
        self, tenants: TenantStore, configs: ConfigStore, feed: ConfigFeed, answers: KeptAnswers
    ) -> None:
        self._answers = answers
        self._tenants = tenants
        self._configs = configs
        self._feed = feed

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
        await self._tenants.revoke_key(tenant_id, validate.text("key", request.key, most=200))
        return pb.RevokeKeyResponse()

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

    async def ListPeople(
        self, request: pb.ListPeopleRequest, context: Any
    ) -> pb.ListPeopleResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        people = await self._tenants.list_people(tenant_id)
        return pb.ListPeopleResponse(people=[_show_person(person) for person in people])

    async def PutConfig(self, request: pb.PutConfigRequest, context: Any) -> pb.PutConfigResponse:
        tenant_id = _writable("tenant_id", request.tenant_id)
        kind = validate.kind("kind", request.kind)
        body = validate.body("body", kind, request.body)
        return pb.PutConfigResponse(version=await self._configs.put(tenant_id, kind, body))

    async def GetConfig(self, request: pb.GetConfigRequest, context: Any) -> pb.GetConfigResponse:
        tenant_id = _readable("tenant_id", request.tenant_id)
        document = await self._configs.newest(tenant_id, validate.kind("kind", request.kind))
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
        async for document in self._feed.watch(kind, watched):
            yield pb.WatchConfigResponse(document=_document(document))


def _readable(field: str, tenant_id: str) -> str:
    """Check the field, and that the caller may read the tenant."""
    validate.tenant_id(field, tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id


def _writable(field: str, tenant_id: str) -> str:
    """Check the field, and that the caller may change the tenant."""
    principal().require_role("mesh", "operator")
    return _readable(field, tenant_id)


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
        validate.webhook_secret(f"{field}.secret", channel.secret),
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
