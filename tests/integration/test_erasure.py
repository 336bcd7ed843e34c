"""Erase and export a subject: on real PostgreSQL, through the real gRPC port."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import privacy_service_pb2 as ppb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from services.common.log import IDENTITY, open_log
from services.common.log.port import session_append
from services.identity.pii import Pii
from services.identity.privacy.aead import PiiError
from services.identity.privacy.keks import FileKeks, add_key, retire_keys
from services.identity.privacy.rotate import keks_in_use, rewrap_tenant_keys, rotate_tenant_key
from services.identity.privacy.vault import tenant_context, unwrap_subject
from services.identity.sealing import load_sealing_key
from tests.integration.identity_service import Service, refused, until
from tests.integration.privacy_calls import database, erase, export, pay, rows, subject, token_of


async def test_erased_user_is_gone_and_others_are_not(service: Service, tenant: str) -> None:
    for user in ("jane", "joe"):
        for number in range(3):
            sealed = service.sealed(tenant, token_of(user), session=f"{user}{number}")
            await service.identify(sealed)
        await pay(service, tenant, user, f"{user}-1", f"{user}-2")
    joe, before = await service.resolve(tenant, "joe0"), await service.resolve(tenant, "jane0")
    told = await erase(service, tenant, user_id="jane")
    assert told["destroyed"] == {
        "keys": 1,
        "sessions": 3,
        "statements": 3,
        "transactions": 2,
        "user_values": 1,
        "attributions": 3,
        "cuts": 0,
        "consents": 0,
    }
    gone = await service.resolve(tenant, "jane0")
    assert gone == pb.UserIdentity(tenant_id=tenant, session_id="jane0", version=gone.version)
    assert gone.version > before.version  # whoever keeps identities takes it
    assert await service.resolve(tenant, "joe0") == joe
    for table in ("sessions", "transactions", "user_values"):
        found = await rows(service, f"SELECT user_id FROM {table} WHERE tenant_id = $1", tenant)
        assert {row["user_id"] for row in found} <= {"", "joe"}
    index = "SELECT 1 FROM sessions WHERE tenant_id = $1 AND email_index IS NOT NULL"
    assert len(await rows(service, index, tenant)) == 3
    (record,) = await rows(
        service,
        "SELECT * FROM audit_records WHERE tenant_id = $1 AND action = 'subject.erase'",
        tenant,
    )
    assert told["audit"] == {"sequence": record["sequence"], "hash": record["hash"].hex()}
    assert record["subject"] == told["subjects"][0]
    for text in (b"jane@", b"Name jane"):
        assert text not in await service.stored()


async def test_whoever_keeps_identities_is_told(service: Service, tenant: str) -> None:
    """The edge asks again for users that are named there."""
    await service.identify(service.sealed(tenant, token_of("u1")))
    call = service.identity.WatchValues(pb.WatchValuesRequest(tenant_id=tenant))
    assert (await call.read()).user_id == ""  # everybody, first
    await erase(service, tenant, user_id="u1")
    assert (await call.read()).user_id == "u1"
    call.cancel()


async def test_the_same_request_has_the_same_certificate(service: Service, tenant: str) -> None:
    await service.identify(service.sealed(tenant, token_of("u1")))
    first = await erase(service, tenant, user_id="u1")
    assert await erase(service, tenant, user_id="u1") == first
    request = ppb.EraseSubjectRequest(
        tenant_id=tenant, subject=subject(user_id="u2"), idempotency_key="k1"
    )
    assert (await refused(service.privacy.EraseSubject(request)))[0] == "ALREADY_EXISTS"


async def test_the_log_does_not_bring_the_erased_back(service: Service, tenant: str) -> None:
    """Neither what was applied before, nor what was stated before and is only applied now."""
    applied = service.sealed(tenant, token_of("u1"))
    late = service.sealed(tenant, token_of("u1"), session="s2")
    await service.identify(applied)
    await erase(service, tenant, user_id="u1")
    log = open_log(service.settings.log_url)
    for message in (applied, late):
        value = message.SerializeToString()
        await log.append([session_append(IDENTITY, tenant, message.session_id, value, {})])
    await log.close()

    async def taken() -> list[Any]:
        return await rows(
            service,
            "SELECT facts FROM identifies WHERE tenant_id = $1 AND session_id = 's2'",
            tenant,
        )

    assert [row["facts"] for row in await until(taken)] == [b""]
    for session in ("s1", "s2"):
        assert (await service.resolve(tenant, session)).user_id == ""
    assert (await pay(service, tenant, "u1", "t1")).repeated == 1
    assert await rows(service, "SELECT 1 FROM user_values WHERE tenant_id = $1", tenant) == []


async def test_who_comes_back_after_the_erasure_is_known_again(
    service: Service, tenant: str
) -> None:
    await service.identify(service.sealed(tenant, token_of("u1")))
    await erase(service, tenant, user_id="u1")
    await service.identify(service.sealed(tenant, token_of("u1"), session="s2"))
    assert (await service.resolve(tenant, "s2")).email == "u1@mail.example"
    assert (await service.resolve(tenant)).user_id == ""
    assert (await pay(service, tenant, "u1", "t1", days_ago=0)).recorded == 1
    assert (await erase(service, tenant, "k2", user_id="u1"))["destroyed"]["statements"] == 1
    assert (await service.resolve(tenant, "s2")).user_id == ""


async def test_a_session_shared_by_two_keeps_the_other(service: Service, tenant: str) -> None:
    now = int(time.time() * 1000) - 10_000
    stated: list[dict[str, Any]] = [
        {"email": "jane@mail.example"},
        {"user_id": "jane"},
        {"user_id": "joe", "email": "joe@mail.example"},
        {"traits": {"name": "Joe"}},
    ]
    for seq, content in enumerate(stated, 1):
        await service.identify(service.sealed(tenant, content, seq=seq, at_ms=now + seq))
    told = await erase(service, tenant, user_id="jane")
    assert told["destroyed"]["statements"] == 2
    who = await service.resolve(tenant)
    assert (who.user_id, who.email, who.name) == ("joe", "joe@mail.example", "Joe")
    told = await erase(service, tenant, "k2", user_id="joe")
    assert told["destroyed"]["statements"] == 2
    assert (await service.resolve(tenant)).user_id == ""


def _hear_nothing(_channel: str, _payload: str) -> None:
    pass


async def test_whoever_erases_sees_it_before_the_news_come(
    service: Service, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = service.parts.answers
    monkeypatch.setattr(answers, "heard", _hear_nothing)
    await service.identify(service.sealed(tenant, token_of("u1")))

    async def kept() -> bool:
        hits = answers.hits
        assert (await service.resolve(tenant)).user_id == "u1"
        return answers.hits > hits

    await until(kept)
    await erase(service, tenant, user_id="u1")
    assert (await service.resolve(tenant)).user_id == ""


async def test_by_session_and_by_address(service: Service, tenant: str) -> None:
    mail = {"email": "Ann@mail.example"}
    for session in ("a1", "a2"):
        await service.identify(service.sealed(tenant, mail, session=session))
    await service.identify(service.sealed(tenant, token_of("ann"), session="a3"))
    request = ppb.EraseSubjectRequest(
        tenant_id=tenant, subject=subject(session_id="a3"), idempotency_key="k"
    )
    code, words = await refused(service.privacy.EraseSubject(request))
    assert (code, words.startswith("subject.session_id: ")) == ("FAILED_PRECONDITION", True)
    assert (await erase(service, tenant, "k1", session_id="a1"))["destroyed"]["statements"] == 1
    # By its address it is Ann's, who signed in as such.
    assert (await service.resolve(tenant, "a2")).email == "ann@mail.example"
    told = await erase(service, tenant, "k2", email="ann@mail.example")
    assert told["destroyed"]["sessions"] == 2
    for session in ("a1", "a2", "a3"):
        assert (await service.resolve(tenant, session)).email == ""


async def test_a_page_that_claims_to_be_somebody_does_not_have_them_erased(
    service: Service, tenant: str
) -> None:
    await service.identify(service.sealed(tenant, token_of("victim"), session="real"))
    claim = {"user_id": "victim", "email": "thief@mail.example"}
    await service.identify(service.sealed(tenant, claim, session="claimed"))
    await erase(service, tenant, email="thief@mail.example")
    assert (await service.resolve(tenant, "claimed")).email == ""
    assert (await service.resolve(tenant, "real")).email == "victim@mail.example"


async def test_no_store_and_no_backup_opens_what_was_erased(service: Service, tenant: str) -> None:
    """AT-61, as far as PostgreSQL reaches: a backup of all, and the keys after a rotation."""
    for number in range(100):
        for user in ("jane", "joe"):
            sealed = service.sealed(tenant, token_of(user), session=f"{user}{number}")
            await service.identify(sealed)
    backup = {
        table: await rows(service, f"SELECT * FROM {table} WHERE tenant_id = $1", tenant)
        for table in ("identifies", "sessions", "subject_keys", "tenant_keys")
    }
    await erase(service, tenant, user_id="jane")
    keks = Path(service.settings.kek_file)
    add_key(keks)
    secret = load_sealing_key(service.settings.sealing_key_file).secret
    async with database(service) as connection:
        # Other tests' services had other files of keys.
        for table in ("subject_keys", "tenant_keys"):
            await connection.execute(f"DELETE FROM {table} WHERE tenant_id <> $1", tenant)
        assert await rotate_tenant_key(connection, FileKeks(secret, str(keks)), tenant) > 0
        assert await rewrap_tenant_keys(connection, FileKeks(secret, str(keks))) > 0
        assert retire_keys(keks, await keks_in_use(connection))
        now = FileKeks(secret, str(keks))
        vault = service.parts.privacy.vault
        restored = {row["subject"]: row for row in backup["subject_keys"]}
        assert len(restored) >= 3
        for wrapped in backup["tenant_keys"]:
            context = tenant_context(tenant, wrapped["use"], wrapped["version"])
            with pytest.raises(PiiError):
                await now.unwrap(wrapped["kek_id"], wrapped["wrapped"], context)
        # With the keys that are kept today: the others' values of the backup open, hers do not.
        opened = Counter[str]()
        for row in random.Random(61).sample(backup["identifies"], 200):
            at = (tenant, row["session_id"], "facts")
            text = (await vault.opened(connection, tenant, [row["facts"]])).text(row["facts"], *at)
            assert ("joe" in row["session_id"]) == bool(text)
            opened[row["session_id"].rstrip("0123456789")] += bool(text)
        assert opened == {"jane": 0, "joe": 100}
        # Nor does any key of today open the subject's key as it was wrapped then.
        (data,) = await connection.fetch(
            "SELECT * FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'", tenant
        )
        context = tenant_context(tenant, "data", data["version"])
        key = await now.unwrap(data["kek_id"], data["wrapped"], context)
        query = "SELECT subject FROM subject_keys WHERE tenant_id = $1 AND wrapped IS NULL"
        erased = {row["subject"] for row in await connection.fetch(query, tenant)}
        (jane,) = erased & restored.keys()
        with pytest.raises(PiiError):
            unwrap_subject(key, restored[jane]["wrapped"], tenant, jane)


async def test_export_holds_everything_that_the_tables_hold(service: Service, tenant: str) -> None:
    for number in range(40):
        sealed = service.sealed(tenant, token_of("jane"), session=f"j{number % 7}", seq=number + 1)
        await service.identify(sealed)
    await service.identify(service.sealed(tenant, token_of("joe"), session="other"))
    await pay(service, tenant, "jane", *(f"t{number}" for number in range(600)))
    consent = ppb.Consent(topic=ppb.CONSENT_TOPIC_MARKETING, granted=True, source="banner", at_ms=5)
    await service.privacy.SetConsent(
        ppb.SetConsentRequest(tenant_id=tenant, subject=subject(user_id="jane"), consents=[consent])
    )
    found = await export(service, tenant, user_id="jane")
    counts = Counter(one["kind"] for one in found)
    assert counts["statement"] == 40
    assert counts["identity"] == 7
    assert (counts["transaction"], counts["value"], counts["consent"]) == (600, 1, 1)
    end = found.pop()
    assert end["counts"] == dict(Counter(one["kind"] for one in found))
    statements = [one for one in found if one["kind"] == "statement"]
    assert {one["facts"]["email"] for one in statements} == {"jane@mail.example"}
    assert "joe" not in json.dumps(found)
    audits = {one["action"] for one in found if one["kind"] == "audit"}
    assert {"subject.export", "consent.put"} <= audits
    await erase(service, tenant, user_id="jane")
    left = Counter(one["kind"] for one in await export(service, tenant, user_id="jane"))
    assert set(left) == {"audit", "end"}


async def test_old_form_is_read_rewritten_and_erased(service: Service, tenant: str) -> None:
    old = Pii(load_sealing_key(service.settings.sealing_key_file).secret)
    facts = json.dumps({"user_id": "old", "email": "old@mail.example"})
    async with database(service) as connection:
        await connection.execute(
            "INSERT INTO sessions (tenant_id, session_id, version, assurance, user_id, email,"
            " email_index) VALUES ($1, 's9', 1, 2, 'old', $2, $3)",
            tenant,
            old.encrypt("old@mail.example", tenant, "s9", "email"),
            old.blind_index(tenant, "old@mail.example"),
        )
        await connection.execute(
            "INSERT INTO identifies (tenant_id, session_id, stream_id, seq, occurred_at_ms,"
            " assurance, facts) VALUES ($1, 's9', 'p', 1, 1700000000000, 2, $2)",
            tenant,
            old.encrypt(facts, tenant, "s9", "facts"),
        )
        await connection.execute(
            "INSERT INTO people (tenant_id, person_id, name, role, zone, channels, owns_companies)"
            " VALUES ($1, 'p', $2, 'ceo', '', $3, '{}')",
            tenant,
            old.encrypt("Dana", tenant, "p", "name"),
            old.encrypt("[]", tenant, "p", "channels"),
        )
        await connection.execute(
            "UPDATE tenants SET identity_secret = $2 WHERE tenant_id = $1",
            tenant,
            old.encrypt("i" * 32, tenant, "identity_secret"),
        )
    assert (await service.resolve(tenant, "s9")).email == "old@mail.example"
    await service.parts.privacy.rewriter.finish(None)
    assert (await service.resolve(tenant, "s9")).email == "old@mail.example"
    people = await service.tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=tenant))
    assert [person.name for person in people.people] == ["Dana"]
    verified = await service.identify(service.sealed(tenant, token_of("u1"), session="s8"))
    assert verified.assurance == pb.ASSURANCE_VERIFIED
    for query in (
        "SELECT facts FROM identifies WHERE tenant_id = $1",
        "SELECT email FROM sessions WHERE tenant_id = $1",
        "SELECT name FROM people WHERE tenant_id = $1",
        "SELECT identity_secret FROM tenants WHERE tenant_id = $1",
    ):
        assert {row[0][:1] for row in await rows(service, query, tenant)} == {b"\x02"}
    told = await erase(service, tenant, email="old@mail.example")
    assert told["destroyed"]["statements"] == 1
    assert (await service.resolve(tenant, "s9")).email == ""


async def test_only_who_may_change_a_tenant_may_erase_or_export(
    service: Service, tenant: str
) -> None:
    other = await service.make_tenant()
    ref = subject(user_id="u1")
    erasing = ppb.EraseSubjectRequest(tenant_id=tenant, subject=ref, idempotency_key="k")
    exporting = ppb.ExportSubjectRequest(tenant_id=tenant, subject=ref)
    for caller, role in ((tenant, "team"), (other, "operator"), (other, "mesh")):
        stub = service.privacy_of(caller, role)
        assert (await refused(stub.EraseSubject(erasing)))[0] == "PERMISSION_DENIED"
        assert (await refused(stub.ExportSubject(exporting).read()))[0] == "PERMISSION_DENIED"
    nobody = ppb.EraseSubjectRequest(tenant_id=tenant, idempotency_key="k")
    assert await refused(service.privacy.EraseSubject(nobody)) == (
        "INVALID_ARGUMENT",
        "subject: expected user_id, email or session_id",
    )
    unknown = ppb.EraseSubjectRequest(tenant_id="nobody", subject=ref, idempotency_key="k")
    assert (await refused(service.privacy.EraseSubject(unknown)))[0] == "NOT_FOUND"
