"""Who may call what: on every RPC of the identity service, through the real interceptor."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import privacy_service_pb2 as ppb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from services.common.auth import make_token
from tests.integration.identity_service import Service, refused

_driver: Any = asyncpg  # without stubs

# The RPCs that name a tenant: those that read, and those that need a role that may write.
_READS = ("Resolve", "GetConfig", "WatchConfig", "ListPeople")
_WRITES = (
    "Identify", "PutConfig", "PutPerson", "PutTenant", "CreateKey", "RevokeKey",
    "RecordTransactions", "EraseSubject", "ExportSubject", "SetConsent", "GetConsent",
)  # fmt: skip
_STREAMS = ("WatchConfig", "ExportSubject")


def _requests(service: Service, tenant: str) -> dict[str, Any]:
    """A good request to each of them."""
    person, who = tpb.Person(person_id="p", role="ceo"), ppb.SubjectRef(user_id="u1")
    return {
        "Resolve": pb.ResolveRequest(tenant_id=tenant, session_id="s1"),
        "GetConfig": tpb.GetConfigRequest(tenant_id=tenant, kind="sdk"),
        "WatchConfig": tpb.WatchConfigRequest(tenant_id=tenant, kind="sdk"),
        "ListPeople": tpb.ListPeopleRequest(tenant_id=tenant),
        "Identify": pb.IdentifyRequest(identify=service.sealed(tenant, {})),
        "PutConfig": tpb.PutConfigRequest(tenant_id=tenant, kind="sdk", body=b"{}"),
        "PutPerson": tpb.PutPersonRequest(tenant_id=tenant, person=person),
        "PutTenant": tpb.PutTenantRequest(tenant=tpb.Tenant(tenant_id=tenant)),
        "CreateKey": tpb.CreateKeyRequest(tenant_id=tenant, origins=["*"], environment="test"),
        "RevokeKey": tpb.RevokeKeyRequest(tenant_id=tenant, key="pk_test_x"),
        "RecordTransactions": pb.RecordTransactionsRequest(tenant_id=tenant),
        "EraseSubject": ppb.EraseSubjectRequest(tenant_id=tenant, subject=who, idempotency_key="k"),
        "ExportSubject": ppb.ExportSubjectRequest(tenant_id=tenant, subject=who),
        "SetConsent": ppb.SetConsentRequest(
            tenant_id=tenant,
            subject=who,
            consents=[ppb.Consent(topic=ppb.CONSENT_TOPIC_SALE, source="banner", at_ms=1)],
        ),
        "GetConsent": ppb.GetConsentRequest(tenant_id=tenant, subject=who),
    }


async def _ask(stubs: tuple[Any, ...], name: str, request: Any) -> str:
    """The status that answers a call."""
    method = next(getattr(stub, name) for stub in stubs if hasattr(stub, name))
    if name in _STREAMS:
        call = method(request)
        return (await refused(call.read()))[0]
    return (await refused(method(request)))[0]


async def _denials(service: Service, token_tenant: str) -> Counter[str]:
    """Which RPCs the audit says a tenant's tokens were denied."""
    connection = await _driver.connect(service.settings.postgres_url)
    try:
        rows = await connection.fetch(
            "SELECT detail FROM identity.audit_records WHERE tenant_id = '*'"
            " AND action = 'access.denied'"
        )
    finally:
        await connection.close()
    told = [json.loads(row["detail"]) for row in rows]
    return Counter(
        one["method"].rpartition("/")[2] for one in told if one["token_tenant"] == token_tenant
    )


async def test_another_tenants_token_is_denied_everywhere(service: Service) -> None:
    mine, foreign = await service.make_tenant(), await service.make_tenant()
    for role in ("operator", "team", "mesh"):
        stubs = (*service.as_caller(mine, role), service.privacy_of(mine, role))
        before = await _denials(service, mine)
        answers = {
            name: await _ask(stubs, name, request)
            for name, request in _requests(service, foreign).items()
        }
        assert answers == dict.fromkeys(_READS + _WRITES, "PERMISSION_DENIED")
        # AT-53: each attempt is in the audit, once for each RPC.
        assert await _denials(service, mine) - before == Counter(_READS + _WRITES)
    assert (await service.tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=foreign))).people == []


async def test_key_of_another_tenant_is_not_resolved(service: Service) -> None:
    mine, foreign = await service.make_tenant(), await service.make_tenant()
    key = (await service.tenants.CreateKey(_requests(service, foreign)["CreateKey"])).key
    request = tpb.ResolveKeyRequest(key=key)
    for tenant_id, role in ((mine, "mesh"), (foreign, "operator"), ("*", "operator")):
        assert await _ask(service.as_caller(tenant_id, role), "ResolveKey", request) == (
            "PERMISSION_DENIED"
        )


async def test_writing_needs_more_than_a_team_token(service: Service) -> None:
    tenant = await service.make_tenant()
    stubs = (*service.as_caller(tenant, "team"), service.privacy_of(tenant, "team"))
    requests = _requests(service, tenant)
    answers = {name: await _ask(stubs, name, requests[name]) for name in _WRITES}
    assert answers == dict.fromkeys(_WRITES, "PERMISSION_DENIED")


async def test_operator_manages_its_tenant(service: Service) -> None:
    tenant = await service.make_tenant()
    _, tenants = service.as_caller(tenant, "operator")
    for name in ("PutTenant", "PutPerson", "PutConfig", "CreateKey"):
        await getattr(tenants, name)(_requests(service, tenant)[name])


async def test_no_token_or_a_forged_one_is_refused_everywhere(service: Service) -> None:
    tenant = await service.make_tenant()
    requests = _requests(service, tenant)
    requests["ResolveKey"] = tpb.ResolveKeyRequest(key="pk_test_x")
    requests["GetSealingKey"] = pb.GetSealingKeyRequest()
    for token in ("", "nonsense", make_token("f" * 32, subject="test")):
        stubs = (*service.with_token(token), service.privacy_with(token))
        answers = {name: await _ask(stubs, name, request) for name, request in requests.items()}
        assert answers == dict.fromkeys(requests, "UNAUTHENTICATED")


async def test_request_without_tenant_is_refused_by_field(service: Service) -> None:
    # The empty id passes the interceptor, which only compares what is there.
    requests = _requests(service, "")
    del requests["WatchConfig"]  # there it means: all
    for tenant, role in (("*", "mesh"), ("*", "operator"), ("mine", "operator")):
        stubs = (*service.as_caller(tenant, role), service.privacy_of(tenant, role))
        answers = {name: await _ask(stubs, name, request) for name, request in requests.items()}
        assert answers == dict.fromkeys(requests, "INVALID_ARGUMENT")


async def test_malformed_requests_name_their_field(service: Service) -> None:
    tenant = await service.make_tenant()
    person = {"person_id": "p", "role": "ceo"}
    short = tpb.Tenant(tenant_id=tenant, identity_secret="short")
    pigeon = tpb.Channel(kind="pigeon", address="roof")
    cases: list[tuple[str, Any, str]] = [
        ("PutTenant", tpb.PutTenantRequest(tenant=short), "tenant.identity_secret: "),
        ("CreateKey", tpb.CreateKeyRequest(tenant_id=tenant, environment="test"), "origins: "),
        ("CreateKey", tpb.CreateKeyRequest(tenant_id=tenant, origins=["*"]), "environment: "),
        ("ResolveKey", tpb.ResolveKeyRequest(), "key: "),
        ("GetConfig", tpb.GetConfigRequest(tenant_id=tenant, kind="x"), "kind: "),
        ("PutConfig", tpb.PutConfigRequest(tenant_id=tenant, kind="sdk", body=b"{"), "body: "),
    ]
    people: list[tuple[dict[str, Any], str]] = [
        ({"role": "ceo"}, "person.person_id: "),
        ({**person, "zone": "Mars/Base"}, "person.zone: "),
        ({**person, "channels": [pigeon]}, "person.channels[0].kind: "),
        ({**person, "owns_companies": ["acme.example", "Acme"]}, "person.owns_companies[1]: "),
    ]
    for fields, field in people:
        request = tpb.PutPersonRequest(tenant_id=tenant, person=tpb.Person(**fields))
        cases.append(("PutPerson", request, field))
    for name, request, field in cases:
        code, words = await refused(getattr(service.tenants, name)(request))
        assert (code, words.startswith(field)) == ("INVALID_ARGUMENT", True), words
    watch = service.tenants.WatchConfig(tpb.WatchConfigRequest(kind="x"))
    code, words = await refused(watch.read())
    assert (code, words.startswith("kind: ")) == ("INVALID_ARGUMENT", True), words


async def test_unknown_tenant_is_not_found(service: Service) -> None:
    requests, stubs = _requests(service, "nobody-here"), (*service.as_caller(), service.privacy)
    for name in (
        "Identify", "PutConfig", "PutPerson", "CreateKey", "RevokeKey", "EraseSubject",
        "ExportSubject", "SetConsent", "GetConsent",
    ):  # fmt: skip
        assert (name, await _ask(stubs, name, requests[name])) == (name, "NOT_FOUND")
