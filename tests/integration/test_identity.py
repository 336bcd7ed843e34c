"""Who a session is: real PostgreSQL, real log, through the real gRPC port."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from tests.integration.identity_service import (
    SECRET,
    Service,
    identity_token,
    refused,
)


async def test_unknown_session_is_anonymous(service: Service, tenant: str) -> None:
    assert await service.resolve(tenant) == pb.UserIdentity(tenant_id=tenant, session_id="s1")


async def test_verified_identify_carries_values_and_owner(service: Service, tenant: str) -> None:
    tenants = service.tenants
    owner = tpb.Person(person_id="ceo", role="ceo", owns_companies=["acme.example"])
    await tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=owner))
    token = identity_token(
        email="Jane@acme.example", name="Jane Roe", company_name="Acme", ltv=100_000
    )
    content = {"user_id": "liar", "token": token, "traits": {"ltv": 1}}
    who = await service.identify(service.sealed(tenant, content, at_ms=1_700_000_000_123))
    value = pb.Money(currency="USD", minor=10_000_000)
    expected = pb.UserIdentity(
        tenant_id=tenant,
        session_id="s1",
        user_id="u1",
        email="Jane@acme.example",
        name="Jane Roe",
        company="acme.example",
        company_kind="company",
        company_name="Acme",
        ltv=value,
        ltv_low=value,
        ltv_high=value,
        ltv_source="token",
        tier=pb.TIER_ENTERPRISE,
        assurance=pb.ASSURANCE_VERIFIED,
        owner_person_id="ceo",
        version=1,
    )
    expected.established_at.FromMilliseconds(1_700_000_000_123)
    expected.ltv_as_of.CopyFrom(expected.established_at)
    assert who == expected == await service.resolve(tenant)
    identity, _ = service.as_caller(tenant, "team")
    request = pb.ResolveRequest(tenant_id=tenant, session_id="s1")
    assert (await identity.Resolve(request)).identity.email == ""
    stored = await service.stored()
    assert not any(text in stored for text in (b"ane@acme", b"Jane Roe", SECRET.encode()))


async def test_claimed_identify_is_believed_with_an_interval(service: Service, tenant: str) -> None:
    content = {"user_id": "u7", "email": "joe@gmail.com", "traits": {"ltv": 6_000}}
    who = await service.identify(service.sealed(tenant, content))
    assert (who.user_id, who.company, who.assurance) == ("u7", "", pb.ASSURANCE_CLAIMED)
    assert (who.ltv_low.minor, who.ltv.minor, who.ltv_high.minor) == (0, 600_000, 600_000)
    assert (who.ltv_source, who.tier) == ("traits", pb.TIER_GROWTH)


@pytest.mark.parametrize(
    "claims",
    [{"secret": "another-tenants-secret-of-32-bytes"}, {"exp": 1}, {"exp": 4_000_000_000}],
    ids=["other-secret", "expired", "long-lived"],
)
async def test_refused_token_leaves_a_claim(
    service: Service, tenant: str, claims: dict[str, Any]
) -> None:
    token = identity_token(**claims)
    who = await service.identify(service.sealed(tenant, {"user_id": "u9", "token": token}))
    assert (who.user_id, who.assurance) == ("u9", pb.ASSURANCE_CLAIMED)
    assert service.parts.identifier.refused_tokens == 1


async def test_claim_never_overrides_a_verified_session(service: Service, tenant: str) -> None:
    verified = await service.identify(service.sealed(tenant, {"token": identity_token()}))
    claim = service.sealed(tenant, {"user_id": "u2", "traits": {"ltv": 9}}, seq=2)
    assert await service.identify(claim) == verified


async def test_repeats_and_late_arrivals_change_nothing(service: Service, tenant: str) -> None:
    now = int(time.time() * 1000)
    newest = service.sealed(tenant, {"user_id": "u3"}, seq=3, at_ms=now - 1_000)
    who = await service.identify(newest)
    late = service.sealed(tenant, {"user_id": "u1", "email": "a@b.example"}, seq=2, at_ms=now)
    old = service.sealed(tenant, {"user_id": "u2"}, stream="p2", seq=9, at_ms=now - 90_000)
    again = service.sealed(tenant, {"user_id": "u4"}, seq=3, at_ms=now)
    for message in (newest, old, late, again):
        answer = await service.identify(message)
        assert (answer.user_id, answer.email) == (who.user_id, "")
    newer = service.sealed(tenant, {"user_id": "u5"}, stream="p2", seq=10, at_ms=now)
    answer = await service.identify(newer)
    assert answer.user_id == "u5"
    assert answer.version > who.version


async def test_concurrent_identifies_each_count_once(service: Service, tenant: str) -> None:
    messages = [
        service.sealed(tenant, {"user_id": f"u{seq}"}, seq=seq, at_ms=1_700_000_000_000 + seq)
        for seq in range(1, 11)
    ]
    await asyncio.gather(*(service.identify(message) for message in messages * 3))
    who = await service.resolve(tenant)
    assert who.user_id == "u10"
    assert 1 <= who.version <= 10
    assert service.parts.identifier.applied == 10


async def test_bad_identify_is_refused_by_field(service: Service, tenant: str) -> None:
    good = service.sealed(tenant, {"user_id": "u1"})
    changes: dict[str, dict[str, Any]] = {
        "identify.sealed: ": {"sealed": good.sealed[:-1] + b"\0"},
        "identify.sealed: sealed to key": {"key_id": b"12345678"},
        "identify.key_id": {"key_id": b"1"},
        "identify.seq": {"seq": 0},
        "identify.session_id": {"session_id": ""},
        "identify.stream_id": {"stream_id": "\0"},
        "identify.tenant_id": {"tenant_id": "Ä"},
        "identify.occurred_at_ms": {"occurred_at_ms": 0},
    }
    identity = service.identity
    for field, change in changes.items():
        message = pb.SealedIdentify()
        message.CopyFrom(good)
        for name, value in change.items():
            setattr(message, name, value)
        code, words = await refused(identity.Identify(pb.IdentifyRequest(identify=message)))
        assert (code, words.startswith(field)) == ("INVALID_ARGUMENT", True), words
    for content in (b"no json", b"[]", b'{"user_id":1}'):
        call = service.identify(service.sealed(tenant, content))
        code, words = await refused(call)
        assert (code, words.startswith("identify.sealed: ")) == ("INVALID_ARGUMENT", True)
    unknown = service.sealed("nobody-here", {"user_id": "u1"})
    assert (await refused(service.identify(unknown)))[0] == "NOT_FOUND"
