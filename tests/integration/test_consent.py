"""Who may be told who somebody is, and for how long it is kept."""

from __future__ import annotations

import time
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import privacy_service_pb2 as ppb

from services.identity.privacy.retention import Sweeper
from tests.integration.identity_service import Service, identity_token, refused

_driver: Any = asyncpg  # without stubs
_TOPICS = {
    "support": ppb.CONSENT_TOPIC_SUPPORT,
    "marketing": ppb.CONSENT_TOPIC_MARKETING,
    "analytics": ppb.CONSENT_TOPIC_ANALYTICS,
    "sale": ppb.CONSENT_TOPIC_SALE,
    "gpc": ppb.CONSENT_TOPIC_GPC,
}


@pytest.fixture
async def tenant(service: Service) -> str:
    made = await service.make_tenant()
    token = identity_token(email="jane@mail.example", name="Jane")
    await service.identify(service.sealed(made, {"token": token}))
    return made


async def say(
    service: Service, tenant: str, *, at_ms: int = 0, session: str = "", **said: bool
) -> dict[str, bool]:
    """State consents of the user, or of a session; returns what is in force."""
    subject = ppb.SubjectRef(session_id=session) if session else ppb.SubjectRef(user_id="u1")
    consents = [
        ppb.Consent(
            topic=_TOPICS[topic],
            granted=granted,
            source="preferences",
            at_ms=at_ms or int(time.time() * 1000),
        )
        for topic, granted in said.items()
    ]
    request = ppb.SetConsentRequest(tenant_id=tenant, subject=subject, consents=consents)
    answer: Any = await service.privacy.SetConsent(request)
    words = {number: word for word, number in _TOPICS.items()}
    return {words[one.topic]: one.granted for one in answer.consents}


async def read(service: Service, tenant: str, purpose: str, role: str = "mesh") -> tuple[str, str]:
    """The name that is told for a purpose, and why none is."""
    identity, _ = service.as_caller(tenant, role)
    request = pb.ResolveRequest(tenant_id=tenant, session_id="s1", purpose=purpose)
    who = (await identity.Resolve(request)).identity
    assert who.user_id == "u1"  # what is withheld is who it is, not that it is somebody
    if role == "mesh":
        assert bool(who.email) == bool(who.name)
    return who.name, who.withheld


async def test_purposes_that_need_consent_do_not_get_it_silently(
    service: Service, tenant: str
) -> None:
    assert await read(service, tenant, "") == ("Jane", "")
    assert await read(service, tenant, "support", "team") == ("Jane", "")
    assert await read(service, tenant, "", "team") == ("Jane", "")
    for purpose in ("marketing", "analytics", "sale"):
        assert await read(service, tenant, purpose) == ("", "consent")
    await say(service, tenant, marketing=True, analytics=True)
    assert await read(service, tenant, "marketing", "team") == ("Jane", "")
    assert await read(service, tenant, "analytics") == ("Jane", "")
    await say(service, tenant, sale=False)
    assert await read(service, tenant, "marketing") == ("", "do_not_sell")
    assert await read(service, tenant, "analytics") == ("Jane", "")
    await say(service, tenant, session="s1", gpc=False)
    assert await read(service, tenant, "analytics") == ("", "gpc")
    await say(service, tenant, support=False)
    assert await read(service, tenant, "", "team") == ("", "consent")
    assert await read(service, tenant, "") == ("Jane", "")  # help in the page goes on


async def test_an_older_statement_changes_nothing(service: Service, tenant: str) -> None:
    assert await say(service, tenant, at_ms=2_000, marketing=False) == {"marketing": False}
    assert await say(service, tenant, at_ms=1_000, marketing=True) == {"marketing": False}
    assert await say(service, tenant, at_ms=2_000, marketing=True) == {"marketing": False}
    assert await say(service, tenant, at_ms=3_000, marketing=True) == {"marketing": True}
    request = ppb.GetConsentRequest(tenant_id=tenant, subject=ppb.SubjectRef(user_id="u1"))
    (kept,) = (await service.privacy.GetConsent(request)).consents
    assert (kept.source, kept.at_ms) == ("preferences", 3_000)


async def test_bad_consents_are_refused_by_field(service: Service, tenant: str) -> None:
    good = ppb.Consent(topic=_TOPICS["sale"], source="banner", at_ms=1)
    who = ppb.SubjectRef(user_id="u1")
    cases: list[tuple[str, ppb.SubjectRef, list[ppb.Consent]]] = [
        ("consents: ", who, []),
        ("consents[1].topic: ", who, [good, ppb.Consent(source="banner", at_ms=1)]),
        ("consents[0].source: ", who, [ppb.Consent(topic=_TOPICS["sale"], at_ms=1)]),
        ("consents[0].at_ms: ", who, [ppb.Consent(topic=_TOPICS["sale"], source="banner")]),
        ("subject.email: ", ppb.SubjectRef(email="a@b.example"), [good]),
        ("subject: ", ppb.SubjectRef(), [good]),
    ]
    for field, subject, consents in cases:
        request = ppb.SetConsentRequest(tenant_id=tenant, subject=subject, consents=consents)
        code, words = await refused(service.privacy.SetConsent(request))
        assert (code, words.startswith(field)) == ("INVALID_ARGUMENT", True), words
    asked = pb.ResolveRequest(tenant_id=tenant, session_id="s1", purpose="fun")
    code, words = await refused(service.identity.Resolve(asked))
    assert (code, words.startswith("purpose: ")) == ("INVALID_ARGUMENT", True)


async def test_what_has_had_its_days_is_deleted_and_counted(service: Service, tenant: str) -> None:
    now_ms = int(time.time() * 1000)
    for number in range(3):
        sealed = service.sealed(
            tenant,
            {"email": "a@b.example"},
            session=f"old{number}",
            at_ms=now_ms - 40 * 86_400_000,
        )
        await service.identify(sealed)
    connection = await _driver.connect(
        service.settings.postgres_url, server_settings={"search_path": "identity"}
    )
    try:
        await connection.execute(
            "UPDATE identifies SET applied_at = now() - interval '40 days'"
            " WHERE tenant_id = $1 AND session_id LIKE 'old%'",
            tenant,
        )
        await connection.execute(
            "INSERT INTO transactions SELECT $1, 't' || n, 'u1', 1, 'USD', 100,"
            " $2::bigint - n * 86400000::bigint, '' FROM generate_series(1, 1200) AS n",
            tenant,
            now_ms,
        )
        database, parts = service.parts.recorder._database, service.parts  # pyright: ignore[reportPrivateUsage]
        sweeper = Sweeper(
            database,
            parts.privacy.vault,
            parts.audit.writer,
            lambda: now_ms,
            identities_days=30,
            transactions_days=100,
        )
        await sweeper.sweep()
        assert sweeper.deleted["sessions"] == sweeper.deleted["statements"] == 3
        assert sweeper.deleted["transactions"] == 1_100
        left = await connection.fetchval(
            "SELECT count(*) FROM transactions WHERE tenant_id = $1", tenant
        )
        assert left == 100
        assert await service.resolve(tenant, "old1") == pb.UserIdentity(
            tenant_id=tenant, session_id="old1"
        )
        assert (await service.resolve(tenant)).name == "Jane"
        told = await connection.fetch(
            "SELECT detail FROM audit_records WHERE tenant_id = $1 AND action = 'retention.delete'",
            tenant,
        )
        assert next(row["detail"] for row in told) == '{"sessions":3,"statements":3}'
    finally:
        await connection.close()
