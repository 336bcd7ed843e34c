"""Tenants, keys, people and configuration on real PostgreSQL, through the real gRPC port."""

from __future__ import annotations

from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from tests.integration.identity_service import Service, refused


async def test_key_is_resolved_until_revoked_and_kept_as_hash(
    service: Service, tenant: str
) -> None:
    tenants = service.tenants
    create = tpb.CreateKeyRequest(
        tenant_id=tenant, origins=["https://Shop.example/"], environment="live"
    )
    key = (await tenants.CreateKey(create)).key
    assert key.startswith("pk_live_")
    assert len(key) == len("pk_live_") + 40
    resolve = tpb.ResolveKeyRequest(key=key)
    assert await tenants.ResolveKey(resolve) == tpb.ResolveKeyResponse(
        tenant_id=tenant, origins=["https://shop.example"], emotions_to_page=True
    )
    await tenants.PutConfig(tpb.PutConfigRequest(tenant_id=tenant, kind="sdk", body=b'{"a":1}'))
    assert (await tenants.ResolveKey(resolve)).sdk_config == b'{"a":1}'
    assert key.encode() not in await service.stored()

    revoke = tpb.RevokeKeyRequest(tenant_id=tenant, key=key)
    await tenants.RevokeKey(revoke)
    await tenants.RevokeKey(revoke)
    assert await refused(tenants.ResolveKey(resolve)) == ("NOT_FOUND", "key: unknown or revoked")


async def test_key_of_another_tenant_is_not_revoked(service: Service, tenant: str) -> None:
    tenants = service.tenants
    other = f"{tenant}-other"
    await tenants.PutTenant(tpb.PutTenantRequest(tenant=tpb.Tenant(tenant_id=other)))
    create = tpb.CreateKeyRequest(tenant_id=tenant, origins=["*"], environment="test")
    key = (await tenants.CreateKey(create)).key
    revoke = tpb.RevokeKeyRequest(tenant_id=other, key=key)
    assert (await refused(tenants.RevokeKey(revoke)))[0] == "NOT_FOUND"
    assert (await tenants.ResolveKey(tpb.ResolveKeyRequest(key=key))).tenant_id == tenant


async def test_people_are_replaced_by_id_and_listed_in_order(service: Service, tenant: str) -> None:
    tenants = service.tenants
    secret = "whsec_" + "a" * 32
    hook = tpb.Channel(kind="webhook", address="https://hooks.example/x", secret=secret)
    sms = tpb.Channel(kind="sms", address="+14155550123")
    ceo = tpb.Person(
        person_id="a",
        name="Ann Boss",
        role="ceo",
        zone="Europe/Berlin",
        channels=[sms, hook],
        owns_companies=["acme.example"],
    )
    for person in (
        tpb.Person(person_id="b", name="Bob", role="sales"),
        tpb.Person(person_id="a", name="Old", role="support"),
        ceo,
    ):
        await tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=person))
    request = tpb.ListPeopleRequest(tenant_id=tenant)
    people = (await tenants.ListPeople(request)).people
    assert list(people) == [ceo, tpb.Person(person_id="b", name="Bob", role="sales")]

    _, team = service.as_caller(tenant, "team")
    shown = (await team.ListPeople(request)).people[0].channels
    assert [(channel.address, channel.secret) for channel in shown] == [
        ("+14155550123", ""),
        ("https://hooks.example/x", ""),
    ]
    stored = await service.stored()
    assert not any(text in stored for text in (b"Ann Boss", b"+14155550123", secret.encode()))


async def test_config_is_versioned(service: Service, tenant: str) -> None:
    tenants = service.tenants
    get = tpb.GetConfigRequest(tenant_id=tenant, kind="policy")
    assert (await refused(tenants.GetConfig(get)))[0] == "NOT_FOUND"
    puts = [
        tenants.PutConfig(tpb.PutConfigRequest(tenant_id=tenant, kind="policy", body=b"x: %d" % n))
        for n in range(5)
    ]
    assert sorted([(await put).version for put in puts]) == [1, 2, 3, 4, 5]
    document = (await tenants.GetConfig(get)).document
    assert (document.tenant_id, document.kind, document.version) == (tenant, "policy", 5)


async def _watch(tenants: Any, tenant_id: str = "") -> Any:
    return tenants.WatchConfig(tpb.WatchConfigRequest(tenant_id=tenant_id, kind="detection"))


async def _put(tenants: Any, tenant: str, number: int) -> None:
    body = b'{"n":%d}' % number
    await tenants.PutConfig(tpb.PutConfigRequest(tenant_id=tenant, kind="detection", body=body))


async def test_watch_sends_what_is_there_and_then_each_change(
    service: Service, tenant: str
) -> None:
    mesh = service.tenants
    other = f"{tenant}-other"
    await mesh.PutTenant(tpb.PutTenantRequest(tenant=tpb.Tenant(tenant_id=other)))
    for number in (1, 2):
        await _put(mesh, tenant, number)
    of_all, of_one = await _watch(mesh), await _watch(service.as_caller(tenant, "team")[1])
    found: dict[str, int] = {}
    while tenant not in found:  # tenants of other tests are sent as well
        document = (await of_all.read()).document
        found[document.tenant_id] = document.version
    assert found[tenant] == 2
    assert (await of_one.read()).document.body == b'{"n":2}'

    await _put(mesh, other, 1)
    for number in (3, 4, 5):
        await _put(mesh, tenant, number)
    seen = [(await of_all.read()).document for _ in range(4)]
    assert [d.version for d in seen if d.tenant_id == tenant] == [3, 4, 5]
    assert [d.version for d in seen if d.tenant_id == other] == [1]
    assert [(await of_one.read()).document.version for _ in range(3)] == [3, 4, 5]


async def test_a_watch_says_when_all_there_is_has_been_sent(service: Service, tenant: str) -> None:
    team = service.as_caller(tenant, "team")[1]
    request = tpb.WatchConfigRequest(tenant_id=tenant, kind="detection", tell_complete=True)
    empty = team.WatchConfig(request)
    assert (await empty.read()).complete
    await _put(service.tenants, tenant, 1)
    assert (await empty.read()).document.version == 1

    full = team.WatchConfig(request)
    assert [(await full.read()).complete for _ in range(2)] == [False, True]
    await _put(service.tenants, tenant, 2)
    for watch in (empty, full):
        change = await watch.read()
        assert (change.document.version, change.complete) == (2, False)
