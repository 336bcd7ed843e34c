"""AT-63: keys are rotated while everybody reads and writes, and nobody notices."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest

from services.identity.privacy.aead import new_key
from services.identity.privacy.keks import FileKeks, add_key, retire_keys
from services.identity.privacy.rotate import (
    keks_in_use,
    rewrap_tenant_keys,
    rotate_tenant_key,
)
from services.identity.privacy.vault import tenant_context, wrap_subject
from services.identity.sealing import load_sealing_key
from tests.integration.identity_service import Service, running_service

_driver: Any = asyncpg  # without stubs
READ = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests here: a database has one file of keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def service(postgres_url: str, log_url: str, folder: Path) -> AsyncGenerator[Service, None]:
    async with running_service(postgres_url, log_url, folder) as made:
        yield made


@asynccontextmanager
async def database(service: Service) -> AsyncGenerator[Any, None]:
    connection = await _driver.connect(
        service.settings.postgres_url, server_settings={"search_path": "identity"}
    )
    try:
        yield connection
    finally:
        await connection.close()


def keks_of(service: Service) -> FileKeks:
    secret = load_sealing_key(service.settings.sealing_key_file).secret
    return FileKeks(secret, service.settings.kek_file)


async def plant(service: Service, connection: Any, tenant: str, count: int) -> None:
    """Keys of subjects of whom nothing else is known."""
    row = await connection.fetchrow(
        "SELECT * FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'", tenant
    )
    context = tenant_context(tenant, "data", row["version"])
    data = await keks_of(service).unwrap(row["kek_id"], row["wrapped"], context)
    names = [os.urandom(16) for _ in range(count)]
    await connection.copy_records_to_table(
        "subject_keys",
        records=[
            (tenant, name, row["version"], wrap_subject(data, new_key(), tenant, name))
            for name in names
        ],
        columns=["tenant_id", "subject", "tenant_key", "wrapped"],
    )


@pytest.mark.parametrize(
    "count", [3_000, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
async def test_rotation_of_all_keys_fails_no_request(service: Service, count: int) -> None:
    tenant = await service.make_tenant()
    for number in range(READ):
        content = {"user_id": f"u{number}", "email": f"u{number}@mail.example"}
        await service.identify(service.sealed(tenant, content, session=f"s{number}"))
    stop, reads, writes = asyncio.Event(), 0, 0

    async def read() -> None:
        nonlocal reads
        while not stop.is_set():
            for number in range(READ):
                who = await service.resolve(tenant, f"s{number}")
                assert who.email == f"u{number}@mail.example"
                reads += 1
            service.parts.privacy.vault.began()  # so that keys are read again from the tables

    async def write() -> None:
        nonlocal writes
        while not stop.is_set():
            session, mail = f"w{writes}", f"w{writes}@mail.example"
            content = {"user_id": f"w{writes}", "email": mail}
            assert (await service.identify(service.sealed(tenant, content, session=session))).email
            writes += 1

    async with database(service) as connection:
        await plant(service, connection, tenant, count)
        work = asyncio.gather(read(), write())
        file = Path(service.settings.kek_file)
        try:
            for _ in range(3):
                add_key(file)
                assert await rewrap_tenant_keys(connection, keks_of(service)) >= 2
                rewrapped = await rotate_tenant_key(connection, keks_of(service), tenant)
                assert rewrapped >= count + READ
                assert retire_keys(file, await keks_in_use(connection))
            versions = await connection.fetch(
                "SELECT DISTINCT tenant_key FROM subject_keys WHERE tenant_id = $1", tenant
            )
            assert [row["tenant_key"] for row in versions] == [4]
            kept = await connection.fetchval(
                "SELECT count(*) FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'", tenant
            )
            assert kept == 1
        finally:
            stop.set()
            await work
    assert min(reads, writes) > 0
    for number in range(writes):
        assert (await service.resolve(tenant, f"w{number}")).email == f"w{number}@mail.example"


async def test_another_replica_forgets_the_erased_within_moments(
    service: Service, postgres_url: str, log_url: str, folder: Path
) -> None:
    from sentientiq.identity.v1 import privacy_service_pb2 as ppb

    from tests.integration.identity_service import until

    async with running_service(postgres_url, log_url, folder) as other:
        tenant = await service.make_tenant()
        await service.identify(service.sealed(tenant, {"user_id": "u1", "email": "a@b.example"}))
        assert (await other.resolve(tenant)).email == "a@b.example"
        async with database(service) as connection:
            stored = await connection.fetchval(
                "SELECT email FROM sessions WHERE tenant_id = $1", tenant
            )
            vault = other.parts.privacy.vault

            async def opened() -> str:
                held = await vault.opened(connection, tenant, [stored])
                return held.text(stored, tenant, "s1", "email")

            assert await opened() == "a@b.example"
            await service.privacy.EraseSubject(
                ppb.EraseSubjectRequest(
                    tenant_id=tenant,
                    subject=ppb.SubjectRef(user_id="u1"),
                    idempotency_key="k",
                )
            )

            async def gone() -> bool:
                return await opened() == ""

            await until(gone)
