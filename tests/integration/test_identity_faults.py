"""What the RPC never got, what can never be applied, and engines that go away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from cli.up.ports import free_port
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import IDENTITY, Record, open_log
from services.common.log.port import session_append
from services.common.partition import PARTITIONS, record_key
from tests.integration.identity_service import (
    MESH,
    Service,
    identity_token,
    refused,
    running_service,
    until,
)

_driver: Any = asyncpg  # without stubs


async def _append(log_url: str, *messages: pb.SealedIdentify) -> None:
    log = open_log(log_url)
    await log.append(
        [
            session_append(
                IDENTITY, message.tenant_id, message.session_id, message.SerializeToString(), {}
            )
            for message in messages
        ]
    )
    await log.close()


async def _dead_letters(log_url: str, count: int) -> list[Record]:
    """The records set aside, once there are `count` of them."""
    log = open_log(log_url)
    start = dict.fromkeys(range(PARTITIONS), 0)

    async def read() -> list[Record]:
        entries = await log.read(f"{IDENTITY}.dead", start, block_ms=500)
        records = [record for entry in entries for record in entry.records]
        return records if len(records) >= count else []

    try:
        found: list[Record] = await until(read)
        return found
    finally:
        await log.close()


async def test_log_applies_what_the_rpc_never_got(service: Service) -> None:
    tenant = await service.make_tenant()
    token = identity_token(email="jane@acme.example", ltv=100_000)
    await _append(
        service.settings.log_url,
        service.sealed(tenant, {"token": token}, session="s1"),
        service.sealed(tenant, {"user_id": "u2"}, session="s2"),
    )

    async def both() -> bool:
        first, second = await service.resolve(tenant, "s1"), await service.resolve(tenant, "s2")
        return first.user_id == "u1" and second.user_id == "u2"

    await until(both)
    who = await service.resolve(tenant, "s1")
    assert (who.assurance, who.ltv.minor) == (pb.ASSURANCE_VERIFIED, 10_000_000)


async def test_rpc_and_log_together_apply_once(service: Service) -> None:
    tenant = await service.make_tenant()
    message = service.sealed(tenant, {"user_id": "u1"})
    marker = service.sealed(tenant, {"user_id": "u2"}, seq=2)
    who = await service.identify(message)
    await _append(service.settings.log_url, message, message, marker)

    async def marked() -> bool:
        return (await service.resolve(tenant)).user_id == "u2"

    await until(marked)
    assert service.parts.identifier.applied == 2
    assert (await service.resolve(tenant)).version == who.version + 1
    assert await service.identify(marker) == await service.resolve(tenant)


async def test_bad_seal_becomes_a_dead_letter_and_stops_nothing(service: Service) -> None:
    tenant = await service.make_tenant()
    # All of one session, so that they share a partition and a batch.
    good = service.sealed(tenant, {"user_id": "u1"}, seq=5)
    bad_seal = service.sealed(tenant, {"user_id": "u2"}, seq=2)
    bad_seal.sealed = bad_seal.sealed[:-1] + b"\0"
    no_json = service.sealed(tenant, b"no json", seq=3)
    no_seq = service.sealed(tenant, {}, seq=0)
    log_url = service.settings.log_url
    await _append(log_url, bad_seal, no_json, no_seq, good)
    log = open_log(log_url)
    await log.append([session_append(IDENTITY, tenant, "s1", b"\xff\xff", {"schema": "x"})])
    await log.close()

    records = await _dead_letters(log_url, 4)
    mine = [record for record in records if record.key == record_key(tenant, "s1")]
    assert [record.value for record in mine] == [
        *(message.SerializeToString() for message in (bad_seal, no_json, no_seq)),
        b"\xff\xff",
    ]
    assert mine[0].headers["reason"].startswith("sealed: cannot be opened")
    assert mine[2].headers["reason"].startswith("identify.seq")

    async def applied() -> bool:
        return (await service.resolve(tenant)).user_id == "u1"

    await until(applied)


async def test_restarted_service_goes_on_where_it_was(
    postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    async with running_service(postgres_url, log_url, tmp_path) as first:
        tenant = await first.make_tenant()
        before = await first.identify(first.sealed(tenant, {"email": "jane@acme.example"}))
        waiting = first.sealed(tenant, {"name": "x", "user_id": "u1"}, seq=2)
    await _append(log_url, waiting)
    async with running_service(postgres_url, log_url, tmp_path) as second:

        async def caught_up() -> bool:
            return (await second.resolve(tenant)).user_id == "u1"

        await until(caught_up)
        after = await second.resolve(tenant)
        assert (after.email, after.version) == (before.email, before.version + 1)


@asynccontextmanager
async def _postgres_away(url: str) -> AsyncGenerator[None, None]:
    """Cut every connection, and hide the socket so that no new one is made."""
    place = Path(url.partition("?host=")[2]) / ".s.PGSQL.5432"
    hidden = place.with_name("hidden")
    connection = await _driver.connect(url)
    try:
        place.rename(hidden)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        yield
    finally:
        hidden.rename(place)
        await connection.close()


async def test_postgres_away_is_said_and_got_over(service: Service) -> None:
    tenant = await service.make_tenant()
    watch = service.tenants.WatchConfig(tpb.WatchConfigRequest(tenant_id=tenant, kind="policy"))
    put = tpb.PutConfigRequest(tenant_id=tenant, kind="policy", body=b"x: 1")
    await service.tenants.PutConfig(put)
    assert (await watch.read()).document.version == 1
    async with _postgres_away(service.settings.postgres_url):
        code, words = await refused(service.resolve(tenant))
        assert (code, "PostgreSQL" in words) == ("UNAVAILABLE", True)
        again = service.tenants.WatchConfig(tpb.WatchConfigRequest(kind="policy"))
        assert (await refused(again.read()))[0] == "UNAVAILABLE"
        message = service.sealed(tenant, {"user_id": "u1"})
        await _append(service.settings.log_url, message)

        async def retried() -> bool:
            return service.parts.consumer.retries > 0

        await until(retried)

    async def applied() -> bool:
        return (await service.resolve(tenant)).user_id == "u1"

    await until(applied)
    await service.tenants.PutConfig(put)
    assert (await watch.read()).document.version == 2


async def _start(**environ: str) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIQ_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.identity"),
        env={**kept, "PYTHONPATH": os.pathsep.join([".", "proto"]), **environ},
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.PIPE,
    )


async def test_process_serves_and_ends_cleanly_on_sigterm(
    postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    process = await _start(
        SIQ_MESH_SECRET=MESH,
        SIQ_POSTGRES_URL=postgres_url,
        SIQ_LOG_URL=log_url,
        SIQ_SEALING_KEY_FILE=str(tmp_path / "sealing.key"),
        SIQ_LISTEN=listen,
    )
    try:
        channel = connect(listen, make_token(MESH, subject="test"))
        identity: Any = rpc.IdentityServiceStub(channel)
        asked = await identity.GetSealingKey(
            pb.GetSealingKeyRequest(), wait_for_ready=True, timeout=30
        )
        assert len(asked.public_key) == 32
        await channel.close()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(25):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors


async def test_process_without_environment_names_what_is_missing() -> None:
    process = await _start()
    _, errors = await process.communicate()
    assert process.returncode == 78
    assert b"SIQ_SEALING_KEY_FILE is missing" in errors
