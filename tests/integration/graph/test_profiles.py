"""Whose sessions are, through the real gRPC port: profiles, reasons, splits, changes told."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sentientiq.identity.v1 import identity_service_pb2 as pb

from tests.integration.identity_service import (
    Service,
    identity_token,
    refused,
    until,
)

NOW = int(time.time() * 1000)
DAY = 24 * 3600 * 1000


def came(tenant: str, session: str, browser: str, at_ms: int = NOW) -> pb.SealedIdentify:
    """What the edge tells of a browser that it knows."""
    return pb.SealedIdentify(
        tenant_id=tenant,
        session_id=session,
        stream_id="browser",
        occurred_at_ms=at_ms,
        visitor_id=browser,
        visitor_since_ms=NOW - 10 * DAY,
    )


def verified(user: str, email: str = "") -> dict[str, Any]:
    return {"token": identity_token(sub=user, email=email or f"{user}@acme.example", name=user)}


async def test_visits_before_and_after_a_sign_in_are_the_users(
    service: Service, tenant: str
) -> None:
    await service.identify(came(tenant, "second", "first"))
    await service.identify(came(tenant, "third", "first"))
    assert not (await service.resolve(tenant, "first")).user_id
    await service.identify(service.sealed(tenant, verified("jane"), session="second"))
    for session in ("first", "third"):
        found = await service.resolve(tenant, session)
        assert (found.user_id, found.company, found.session_id) == ("jane", "acme.example", session)
        assert (found.assurance, found.joined_by) == (pb.ASSURANCE_INFERRED, "visitor")
    itself = await service.resolve(tenant, "second")
    assert (itself.assurance, itself.joined_by) == (pb.ASSURANCE_VERIFIED, "")


async def test_a_second_person_in_the_browser_makes_its_silent_visits_nobodys(
    service: Service, tenant: str
) -> None:
    for session, user in (("s2", "jane"), ("s3", ""), ("s4", "john")):
        await service.identify(came(tenant, session, "first"))
        if user:
            await service.identify(service.sealed(tenant, verified(user), session=session))
    for session in ("first", "s3"):
        assert not (await service.resolve(tenant, session)).user_id
    answer: Any = await service.identity.ExplainIdentity(
        pb.ExplainIdentityRequest(tenant_id=tenant, session_id="s3")
    )
    (reason,) = answer.reasons
    assert reason.user_ids == ["jane", "john"]
    assert not reason.decided
    assert reason.text == "The browser is shared by more than one person, so it decides nothing."
    assert [change.user_id for change in answer.history] == ["jane", ""]


async def test_visits_further_apart_than_the_window_are_not_joined(
    service: Service, tenant: str
) -> None:
    await service.put_config(tenant, "graph", {"window_days": 5})
    await service.identify(came(tenant, "late", "first"))
    await service.identify(service.sealed(tenant, verified("jane"), session="late"))
    assert not (await service.resolve(tenant, "first")).user_id


async def test_an_address_joins_by_the_best_proof_alone(service: Service, tenant: str) -> None:
    letter = {"email": "Jane@acme.example"}
    await service.identify(service.sealed(tenant, letter, session="letter"))
    assert not (await service.resolve(tenant, "letter")).user_id
    claimed = {"user_id": "liar", "email": "jane@acme.example"}
    await service.identify(service.sealed(tenant, claimed, session="claimed"))
    assert (await service.resolve(tenant, "letter")).user_id == "liar"
    real = verified("jane", "jane@acme.example")
    await service.identify(service.sealed(tenant, real, session="real"))
    found = await service.resolve(tenant, "letter")
    assert (found.user_id, found.joined_by) == ("jane", "email")
    assert found.assurance == pb.ASSURANCE_INFERRED
    assert (await service.resolve(tenant, "claimed")).user_id == "liar"


@pytest.mark.parametrize("user", ["null", "0000", " Anonymous ", "undefined", "[object Object]"])
async def test_what_programs_write_for_nobody_is_nobody(
    service: Service, tenant: str, user: str
) -> None:
    for session in ("a", "b"):
        await service.identify(came(tenant, session, f"browser of {session}"))
        said = {"user_id": user, "email": "test@test.com"}
        await service.identify(service.sealed(tenant, said, session=session))
        assert not (await service.resolve(tenant, session)).user_id
    absent = pb.GetProfileRequest(tenant_id=tenant, user_id=user.strip())
    assert (await refused(service.identity.GetProfile(absent)))[0] == "NOT_FOUND"


async def test_a_split_takes_past_visits_away_and_restores_them(
    service: Service, tenant: str
) -> None:
    await service.identify(came(tenant, "second", "first"))
    await service.identify(service.sealed(tenant, verified("jane"), session="second"))
    asked = pb.GetProfileRequest(tenant_id=tenant, user_id="jane")
    profile: Any = await service.identity.GetProfile(asked)
    assert [(s.session_id, s.joined_by) for s in profile.sessions] == [
        ("second", ""),
        ("first", "visitor"),
    ]
    (browser,) = [one for one in profile.identifiers if one.kind == "visitor"]
    split = pb.SplitRequest(
        tenant_id=tenant, user_id="jane", kind="visitor", value=browser.value, reason="a kiosk"
    )
    answer: Any = await service.identity.Split(split)
    assert (answer.changed, answer.sessions) == (True, 1)
    assert not (await service.resolve(tenant, "first")).user_id
    assert (await service.resolve(tenant, "second")).user_id == "jane"
    again: Any = await service.identity.Split(split)
    assert (again.changed, again.sessions) == (False, 0)
    split.restore = True
    answer = await service.identity.Split(split)
    assert (answer.changed, answer.sessions) == (True, 1)
    assert (await service.resolve(tenant, "first")).user_id == "jane"


async def test_profiles_come_page_by_page_and_masked(service: Service, tenant: str) -> None:
    for number in range(5):
        await service.identify(
            service.sealed(tenant, verified("jane"), session=f"s{number}", at_ms=NOW + number)
        )
    seen: list[str] = []
    request = pb.GetProfileRequest(
        tenant_id=tenant, user_id="jane", page_size=2, read_mask=FieldMask(paths=["user_id"])
    )
    while True:
        page: Any = await service.identity.GetProfile(request)
        assert page.identity == pb.UserIdentity(user_id="jane")
        seen += [session.session_id for session in page.sessions]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    both: Any = await service.identity.BatchResolve(
        pb.BatchResolveRequest(tenant_id=tenant, session_ids=["s1", "nobody", "s0"])
    )
    assert [one.user_id for one in both.identities] == ["jane", "", "jane"]


async def test_bad_requests_are_told_what_to_mend(service: Service, tenant: str) -> None:
    calls = service.identity
    split = pb.SplitRequest(tenant_id=tenant, user_id="u", kind="phone", value="1", reason="x")
    for call, words in (
        (calls.BatchResolve(pb.BatchResolveRequest(tenant_id=tenant)), "session_ids: "),
        (
            calls.GetProfile(pb.GetProfileRequest(tenant_id=tenant, user_id="u", page_token="?")),
            "page_token: ",
        ),
        (
            calls.BatchResolve(
                pb.BatchResolveRequest(
                    tenant_id=tenant, session_ids=["s"], read_mask=FieldMask(paths=["pin"])
                )
            ),
            "read_mask: ",
        ),
        (calls.Split(split), "kind: "),
    ):
        code, details = await refused(call)
        assert code == "INVALID_ARGUMENT"
        assert details.startswith(words), details
    team, _ = service.as_caller(tenant, "team")
    assert (await refused(team.Split(split)))[0] == "PERMISSION_DENIED"
    other, _ = service.as_caller("other", "operator")
    asked = pb.ExplainIdentityRequest(tenant_id=tenant, session_id="s")
    assert (await refused(other.ExplainIdentity(asked)))[0] == "PERMISSION_DENIED"


async def test_whoever_watches_hears_which_sessions_changed(service: Service, tenant: str) -> None:
    heard: list[str] = []

    async def watch() -> None:
        request = pb.WatchProfilesRequest(tenant_id=tenant)
        async for change in service.identity.WatchProfiles(request):
            heard.append(change.session_id)

    watching = asyncio.create_task(watch())
    await service.identify(came(tenant, "second", "first"))
    await service.identify(service.sealed(tenant, verified("jane"), session="second"))

    async def told() -> bool:
        return {"", "first", "second"} <= set(heard)

    await until(told)
    watching.cancel()
    await asyncio.wait([watching])
