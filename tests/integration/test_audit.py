"""The audit on real PostgreSQL: written with the change, only growing, and every forgery found."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from click.testing import CliRunner, Result
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from cli.audit import command
from services.common.audit.anchors import Anchors, read_anchors
from services.common.audit.record import COLUMNS, MESH, Entry, Record
from services.common.audit.verify import verify
from services.common.audit.writer import Actor, AuditWriter
from services.common.postgres import connect, migrate
from services.identity.server import MIGRATIONS, SCHEMA
from tests.integration.audit_forger import Forger
from tests.integration.identity_service import Service, refused, running_service, until

KEY = b"k" * 32
PEOPLE = (Actor("dana", "operator"), Actor("cli", "team"), Actor("identity", "service"))
_driver: Any = asyncpg  # without stubs


@pytest.fixture
async def pool(postgres_url: str) -> AsyncGenerator[Any, None]:
    await migrate(postgres_url, SCHEMA, MIGRATIONS)
    made = await connect(postgres_url, schema=SCHEMA)
    yield made
    await made.close()


async def records(service: Service, tenant_id: str, action: str = "") -> list[Any]:
    """A tenant's records in order."""
    connection = await _driver.connect(service.settings.postgres_url)
    try:
        found: list[Any] = await connection.fetch(
            "SELECT * FROM identity.audit_records WHERE tenant_id = $1"
            " AND ($2 = '' OR action = $2) ORDER BY sequence",
            tenant_id,
            action,
        )
        return found
    finally:
        await connection.close()


def ask(service: Service, *words: str) -> Result:
    """The command, as an operator of this service calls it."""
    environment = {
        "SIQ_POSTGRES_URL": service.settings.postgres_url,
        "SIQ_SEALING_KEY_FILE": service.settings.sealing_key_file,
        "SIQ_AUDIT_ANCHOR_FILE": service.settings.audit_anchor_file,
    }
    return CliRunner(env=environment).invoke(command, list(words))


async def test_each_change_is_recorded_with_who_did_it(service: Service) -> None:
    tenant = await service.make_tenant()
    _, tenants = service.as_caller(tenant, "operator")
    create = tpb.CreateKeyRequest(tenant_id=tenant, origins=["*"], environment="test")
    key = (await tenants.CreateKey(create)).key
    await tenants.RevokeKey(tpb.RevokeKeyRequest(tenant_id=tenant, key=key))
    person = tpb.Person(person_id="ceo", name="Dana Reyes", role="ceo")
    person.channels.add(kind="sms", address="+14155550123")
    await tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=person))
    await tenants.PutConfig(tpb.PutConfigRequest(tenant_id=tenant, kind="sdk", body=b"{}"))
    await tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=tenant))
    found = await records(service, tenant)
    assert [(row["action"], row["actor"], row["role"]) for row in found] == [
        ("tenant.put", "test", "mesh"),
        ("key.create", "test", "operator"),
        ("key.revoke", "test", "operator"),
        ("person.put", "test", "operator"),
        ("config.put", "test", "operator"),
        ("people.list", "test", "operator"),
    ]
    told = " ".join(str(value) for row in found for value in row)
    assert not any(text in told for text in (key, "Dana", "4155550123"))


async def test_what_is_refused_leaves_no_record(service: Service) -> None:
    code, _ = await refused(
        service.tenants.PutPerson(
            tpb.PutPersonRequest(tenant_id="nobody", person=tpb.Person(person_id="p", role="ceo"))
        )
    )
    assert code == "NOT_FOUND"
    assert await records(service, "nobody") == []


async def test_a_name_that_a_person_reads_is_recorded_and_the_meshs_reads_are_counted(
    service: Service,
) -> None:
    tenant = await service.make_tenant()
    content = {"email": "jane@acme.example", "traits": {"name": "Jane"}}
    await service.identify(service.sealed(tenant, content))
    identity, _ = service.as_caller(tenant, "team")
    await identity.Resolve(pb.ResolveRequest(tenant_id=tenant, session_id="s1"))
    await identity.Resolve(pb.ResolveRequest(tenant_id=tenant, session_id="nobody"))
    for _ in range(5):
        await service.resolve(tenant)
    await service.parts.privacy.reads.flush()
    reads = await records(service, tenant, "identity.read")
    assert [(row["role"], row["purpose"], row["detail"]) for row in reads] == [
        ("team", "support", ""),
        ("mesh", "operation", '{"reads":5}'),
    ]
    assert len(reads[0]["subject"]) == 32  # a pseudonym


async def test_reaching_for_another_tenant_is_recorded_each_time(service: Service) -> None:
    mine, foreign = await service.make_tenant(), await service.make_tenant()
    before = len(await records(service, MESH, "access.denied"))
    identity, tenants = service.as_caller(mine, "operator")
    resolve = pb.ResolveRequest(tenant_id=foreign, session_id="s1")
    watch = tpb.WatchConfigRequest(tenant_id=foreign, kind="sdk")
    key = (
        await service.tenants.CreateKey(
            tpb.CreateKeyRequest(tenant_id=foreign, origins=["*"], environment="test")
        )
    ).key
    of_mesh = service.as_caller(mine, "mesh")[1]
    calls = [
        *(identity.Resolve(resolve) for _ in range(20)),
        tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=foreign)),
        tenants.WatchConfig(watch).read(),
        of_mesh.ResolveKey(tpb.ResolveKeyRequest(key=key)),
    ]
    answers = await asyncio.gather(*(refused(call) for call in calls))
    assert {code for code, _ in answers} == {"PERMISSION_DENIED"}
    denied = (await records(service, MESH, "access.denied"))[before:]
    told = [json.loads(row["detail"]) for row in denied]
    assert len(told) == len(calls)
    assert {(one["token_tenant"], one["asked_tenant"]) for one in told} == {(mine, foreign)}
    assert sorted({one["method"].rpartition("/")[2] for one in told}) == [
        "ListPeople",
        "Resolve",
        "ResolveKey",
        "WatchConfig",
    ]
    # The chain of whom it was about is not made to grow by strangers.
    assert {row["action"] for row in await records(service, foreign)} == {
        "tenant.put",
        "key.create",
    }


async def test_concurrent_writers_make_one_chain(pool: Any) -> None:
    writers = [AuditWriter(KEY, "identity") for _ in range(4)]
    tenant = "concurrent"

    async def write(number: int) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await writers[number % 4].append(
                connection, tenant, Entry("person.put"), Entry("tenant.put"), actor=PEOPLE[0]
            )

    await asyncio.gather(*(write(number) for number in range(100)))
    async with pool.acquire() as connection:
        done = await verify(connection, KEY, {}, tenant)
    assert (done.records, done.faults) == (200, [])


async def test_what_was_rolled_back_is_not_in_the_chain(pool: Any) -> None:
    writer, tenant = AuditWriter(KEY, "identity"), "rolled-back"
    for fails in (False, True, False):
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await writer.append(connection, tenant, Entry("person.put"), actor=PEOPLE[0])
            await (transaction.rollback() if fails else transaction.commit())
    async with pool.acquire() as connection:
        done = await verify(connection, KEY, {}, tenant)
    assert (done.records, done.faults) == (2, [])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_records SET actor = 'x'", "DELETE FROM audit_records", "TRUNCATE audit_records"],
)
async def test_records_cannot_be_changed_or_removed(pool: Any, statement: str) -> None:
    async with pool.acquire() as connection:
        async with connection.transaction():
            await AuditWriter(KEY, "x").append(connection, "stays", Entry("a"), actor=PEOPLE[0])
        for mode in ("origin", "replica"):  # the latter is how restores skip triggers
            await connection.execute(f"SET session_replication_role = {mode}")
            with pytest.raises(_driver.PostgresError, match="only grows"):
                await connection.execute(statement)
        await connection.execute("SET session_replication_role = origin")


async def _chain(connection: Any, tenant: str, length: int) -> Anchors:
    writer = AuditWriter(KEY, "identity")
    for number in range(length):
        entry = Entry(
            random.choice(("person.put", "identity.read")),
            f"s:{number % 7}",
            "support",
            {"n": number},
        )
        await writer.append(connection, tenant, entry, actor=random.choice(PEOPLE))
    sequence, head = writer.heads[tenant]
    return {tenant: {sequence: head}}


async def test_a_thousand_forgeries_are_all_found(pool: Any) -> None:
    """AT-64: by somebody who may do anything to the database, and mends its head too."""
    luck, tenant, unnoticed = random.Random(64), "forged", []
    async with pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        await connection.execute("ALTER TABLE audit_records DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM audit_records")
        await connection.execute("DELETE FROM audit_heads")
        anchors = await _chain(connection, tenant, 40)
        assert (await verify(connection, KEY, anchors, tenant)).faults == []
        rows = [
            Record(*row)
            for row in await connection.fetch(
                f"SELECT {COLUMNS} FROM audit_records ORDER BY sequence"
            )
        ]
        kinds = ("edit", "drop", "insert", "reorder", "truncate", "fork")
        for number in range(1_000):
            savepoint = connection.transaction()
            await savepoint.start()
            kind = kinds[number % len(kinds)]
            await getattr(Forger(connection, tenant, rows, luck), kind)()
            done = await verify(connection, KEY, anchors, tenant)
            if len(done.faults) != 1:
                unnoticed.append((number, kind))
            await savepoint.rollback()
        assert (await verify(connection, KEY, anchors, tenant)).faults == []
        await outer.rollback()
    assert unnoticed == []


async def test_who_holds_the_key_too_is_found_by_an_anchor(pool: Any) -> None:
    async with pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        anchors = await _chain(connection, "keyed", 5)
        await connection.execute("ALTER TABLE audit_records DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM audit_records WHERE tenant_id = 'keyed'")
        await connection.execute("DELETE FROM audit_heads WHERE tenant_id = 'keyed'")
        await _chain(connection, "keyed", 6)
        assert (await verify(connection, KEY, {}, "keyed")).faults == []
        (fault,) = (await verify(connection, KEY, anchors, "keyed")).faults
        assert (fault.sequence, fault.reason) == (
            5,
            "another record was anchored under this number",
        )
        await connection.execute("DELETE FROM audit_records WHERE tenant_id = 'keyed'")
        await connection.execute("DELETE FROM audit_heads WHERE tenant_id = 'keyed'")
        done = await verify(connection, KEY, anchors)  # of all tenants: nothing else names it
        (fault,) = [fault for fault in done.faults if fault.tenant_id == "keyed"]
        assert "the tail is missing" in fault.reason
        await outer.rollback()


async def test_the_command_says_which_record_is_bad(service: Service) -> None:
    tenant = await service.make_tenant()
    person = tpb.Person(person_id="ceo", role="ceo")
    for role in ("ceo", "cto", "cfo"):
        person.role = role
        await service.tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=person))
    await service.parts.audit.anchor.tell()
    good = await asyncio.to_thread(ask, service, "verify", tenant, "--json")
    told = json.loads(good.stdout)
    assert told.pop("seconds") > 0
    assert (good.exit_code, told) == (0, {"records": 4, "chains": 1, "anchors": 1, "faults": []})
    shown = await asyncio.to_thread(
        ask, service, "list", tenant, "--subject", "person:ceo", "--json"
    )
    assert [json.loads(line)["detail"]["role"] for line in shown.stdout.splitlines()] == [
        "ceo",
        "cto",
        "cfo",
    ]
    connection = await _driver.connect(service.settings.postgres_url)
    await connection.execute("ALTER TABLE identity.audit_records DISABLE TRIGGER ALL")
    await connection.execute(
        "UPDATE identity.audit_records SET actor = 'nobody' WHERE tenant_id = $1 AND sequence = 3",
        tenant,
    )
    for trigger in ("audit_records_only_grow", "audit_records_stay"):
        await connection.execute(
            f"ALTER TABLE identity.audit_records ENABLE ALWAYS TRIGGER {trigger}"
        )
    await connection.close()
    bad = await asyncio.to_thread(ask, service, "verify", tenant, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["faults"] == [
        {"tenant": tenant, "sequence": 3, "reason": "its content is not what was hashed"}
    ]


def _anchored(file: Path) -> Anchors:
    return read_anchors(file.read_text().splitlines())


async def test_a_stop_loses_neither_counts_nor_heads(
    postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    async with running_service(postgres_url, log_url, tmp_path) as service:
        tenant = await service.make_tenant()
        await service.identify(service.sealed(tenant, {"email": "jane@acme.example"}))
        for _ in range(3):
            await service.resolve(tenant)
    (read,) = await records(service, tenant, "identity.read")
    assert read["detail"] == '{"reads":3}'
    anchored = _anchored(Path(service.settings.audit_anchor_file))[tenant]
    newest = (await records(service, tenant))[-1]
    assert anchored[newest["sequence"]] == newest["hash"]


async def test_what_was_deferred_reaches_the_chain_by_itself(service: Service) -> None:
    tenant, writer = await service.make_tenant(), service.parts.audit.writer
    connection = await _driver.connect(
        service.settings.postgres_url, server_settings={"search_path": SCHEMA}
    )
    for number in range(3):
        deed = writer.deed(Entry("identity.stated", f"s:{number}"), PEOPLE[2])
        await writer.defer(connection, tenant, deed)
    await connection.close()

    async def chained_all() -> bool:
        return len(await records(service, tenant, "identity.stated")) == 3

    await until(chained_all)
    assert [row["subject"] for row in await records(service, tenant)][1:] == ["s:0", "s:1", "s:2"]
