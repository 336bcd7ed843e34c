"""Tenants, keys, people and tokens as those who keep them see them."""

from __future__ import annotations

from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from tests.integration.identity_service import Service, refused


async def test_tenants_are_told_page_by_page_without_secrets(service: Service) -> None:
    made = sorted([await service.make_tenant() for _ in range(5)])
    listed: list[str] = []
    request = tpb.ListTenantsRequest(page_size=2)
    while True:
        page: Any = await service.tenants.ListTenants(request)
        listed += [one.tenant_id for one in page.tenants]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == sorted(listed)
    assert set(made) <= set(listed)
    found: Any = await service.tenants.GetTenant(tpb.GetTenantRequest(tenant_id=made[0]))
    assert (found.tenant.has_identity_secret, found.tenant.has_transactions_secret) == (True, False)
    absent = tpb.GetTenantRequest(tenant_id="nobody")
    assert (await refused(service.tenants.GetTenant(absent)))[0] == "NOT_FOUND"
    _, one = service.as_caller(made[0], "operator")
    code, _ = await refused(one.ListTenants(tpb.ListTenantsRequest()))
    assert code == "PERMISSION_DENIED"


async def test_a_key_that_nobody_has_any_more_is_revoked_by_its_id(
    service: Service, tenant: str
) -> None:
    tenants = service.tenants
    create = tpb.CreateKeyRequest(tenant_id=tenant, origins=["*"], environment="test")
    keys = [(await tenants.CreateKey(create)).key for _ in range(2)]
    listed = (await tenants.ListKeys(tpb.ListKeysRequest(tenant_id=tenant))).keys
    assert [(key.environment, list(key.origins)) for key in listed] == [("test", ["*"])] * 2
    await tenants.RevokeKey(tpb.RevokeKeyRequest(tenant_id=tenant, key_id=listed[0].key_id))
    listed = (await tenants.ListKeys(tpb.ListKeysRequest(tenant_id=tenant))).keys
    assert [key.HasField("revoked_at") for key in listed] == [True, False]
    good = [
        (await tenants.ResolveKey(tpb.ResolveKeyRequest(key=key))).tenant_id
        for key in keys
        if not (await _unknown(service, key))
    ]
    assert good == [tenant]
    for wrong, code in (("0" * 16, "NOT_FOUND"), ("xyz", "INVALID_ARGUMENT")):
        request = tpb.RevokeKeyRequest(tenant_id=tenant, key_id=wrong)
        assert (await refused(tenants.RevokeKey(request)))[0] == code
    empty = tpb.RevokeKeyRequest(tenant_id=tenant)
    assert (await refused(tenants.RevokeKey(empty)))[0] == "INVALID_ARGUMENT"


async def _unknown(service: Service, key: str) -> bool:
    try:
        await service.tenants.ResolveKey(tpb.ResolveKeyRequest(key=key))
    except Exception:
        return True
    return False


async def test_who_left_the_team_owns_nothing_any_more(service: Service, tenant: str) -> None:
    person = tpb.Person(person_id="ceo", role="ceo", owns_companies=["acme.example"])
    await service.tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=person))
    await service.identify(service.sealed(tenant, {"email": "jane@acme.example"}))
    assert (await service.resolve(tenant)).owner_person_id == "ceo"
    gone = tpb.DeletePersonRequest(tenant_id=tenant, person_id="ceo")
    await service.tenants.DeletePerson(gone)
    assert (await service.resolve(tenant)).owner_person_id == ""
    assert (await refused(service.tenants.DeletePerson(gone)))[0] == "NOT_FOUND"


async def test_a_token_is_good_for_its_scopes_alone(service: Service, tenant: str) -> None:
    request = tpb.CreateTokenRequest(
        tenant_id=tenant, subject="the BI", role="team", scopes=["identity:read"]
    )
    _, operator = service.as_caller(tenant, "operator")
    made: Any = await operator.CreateToken(request)
    identity, tenants = service.with_token(made.token)
    await identity.Resolve(pb.ResolveRequest(tenant_id=tenant, session_id="s"))
    code, words = await refused(tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=tenant)))
    assert (code, words) == ("PERMISSION_DENIED", "the token has no scope tenant:read")
    elsewhere = pb.ResolveRequest(tenant_id="another", session_id="s")
    assert (await refused(identity.Resolve(elsewhere)))[0] == "PERMISSION_DENIED"


async def test_nobody_gives_more_than_they_have(service: Service, tenant: str) -> None:
    _, operator = service.as_caller(tenant, "operator")
    narrow = tpb.CreateTokenRequest(
        tenant_id=tenant, subject="a script", role="operator", scopes=["tenant:*"]
    )
    made: Any = await operator.CreateToken(narrow)
    _, script = service.with_token(made.token)
    for scopes in ([], ["identity:read"], ["tenant:*", "identity:read"]):
        wider = tpb.CreateTokenRequest(tenant_id=tenant, subject="x", role="team", scopes=scopes)
        assert (await refused(script.CreateToken(wider)))[0] == "PERMISSION_DENIED"
    await script.CreateToken(
        tpb.CreateTokenRequest(tenant_id=tenant, subject="x", role="team", scopes=["tenant:read"])
    )
    _, team = service.as_caller(tenant, "team")
    assert (await refused(team.CreateToken(narrow)))[0] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": "mesh"}, "role: expected one of team, operator"),
        ({"scopes": ["all"]}, "scopes: expected an area"),
        ({"lifetime_s": 100_000}, "lifetime_s: expected 60 to 86400"),
        ({"subject": ""}, "subject: expected 1 to"),
    ],
)
async def test_what_is_no_token_is_refused_by_its_field(
    service: Service, tenant: str, change: dict[str, Any], words: str
) -> None:
    fields: dict[str, Any] = {"tenant_id": tenant, "subject": "x", "role": "team", **change}
    code, said = await refused(service.tenants.CreateToken(tpb.CreateTokenRequest(**fields)))
    assert code == "INVALID_ARGUMENT"
    assert said.startswith(words)
