"""AT-60: personal data is planted by every way in, and then looked for in every file."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc.aio
import pytest
from nacl.public import PublicKey, SealedBox
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc
from sentientiq.identity.v1 import privacy_service_pb2 as ppb
from sentientiq.identity.v1 import privacy_service_pb2_grpc as prpc
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as trpc

from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import IDENTITY, open_log
from services.common.log.port import session_append
from tests.engines.fixtures import Engines
from tests.engines.running import MESH_SECRET, ROOT
from tests.integration.identity_service import identity_token, until

_driver: Any = asyncpg  # without stubs
MARK = "Qzcanary"
"""Each canary holds it; a number follows."""
CONTROL = "Qzvisible"
"""Planted where nothing is encrypted: the search must find it."""
TENANT = "canaries"
SECRET = f"{MARK}-identity-secret-of-32-bytes-and-more"


def _forms(text: str) -> list[bytes]:
    """How a text may stand in a file: plain, as UTF-16, hex, or base64 at any offset."""
    raw = text.encode()
    shifted = [base64.b64encode(b"x" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
    return [raw, raw.lower(), text.encode("utf-16-le"), raw.hex().encode(), *shifted]


def _files(*places: Path) -> Iterator[Path]:
    for place in places:
        yield from (
            (file for file in place.rglob("*") if file.is_file()) if place.is_dir() else ([place])
        )


def _found(text: str, *places: Path) -> set[str]:
    """The files that hold a text in any form."""
    forms = _forms(text)
    hits: set[str] = set()
    for file in _files(*places):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # PostgreSQL removed it meanwhile
        if any(form in content for form in forms):
            hits.add(str(file))
    return hits


class Planter:
    """Hands out canaries, and puts them wherever personal data comes in."""

    def __init__(self, channel: grpc.aio.Channel, public_key: bytes) -> None:
        self.planted = 0
        self.identity: Any = rpc.IdentityServiceStub(channel)
        self.tenants: Any = trpc.TenantServiceStub(channel)
        self.privacy: Any = prpc.PrivacyServiceStub(channel)
        self._box = SealedBox(PublicKey(public_key))
        self._key_id = public_key[:8]

    def canary(self) -> str:
        self.planted += 1
        return f"{MARK}{self.planted:06d}"

    def sealed(self, session: str, seq: int, content: dict[str, Any]) -> pb.SealedIdentify:
        return pb.SealedIdentify(
            tenant_id=TENANT,
            session_id=session,
            stream_id="p1",
            seq=seq,
            sealed=self._box.encrypt(json.dumps(content).encode()),
            key_id=self._key_id,
            occurred_at_ms=int(time.time() * 1000),
        )

    def content(self, number: int) -> dict[str, Any]:
        """What a page may say: believed, not believed, not usable, or of no known kind."""
        email, name = f"{self.canary()}@mail.example", self.canary()
        told: dict[str, Any] = {"email": email, "traits": {"name": name, "phone": self.canary()}}
        match number % 5:
            case 0:
                return told
            case 1:
                return {**told, "user_id": f"u{number}"}
            case 2:
                return {"token": identity_token(SECRET, sub=f"u{number}", email=email, name=name)}
            case 3:
                bad = identity_token("another-secret-of-32-bytes-or-more!", sub="u", email=email)
                return {**told, "token": bad}
            case _:
                return {"email": f"{email} is not one", "traits": {"name": f"{name}\n", "x": name}}

    async def tenant(self) -> None:
        tenant = tpb.Tenant(tenant_id=TENANT, name=CONTROL, identity_secret=SECRET)
        await self.tenants.PutTenant(tpb.PutTenantRequest(tenant=tenant))

    async def person(self, number: int) -> None:
        person = tpb.Person(person_id=f"p{number}", name=self.canary(), role="ceo")
        hook = f"https://hooks.example/{self.canary()}"
        person.channels.add(kind="webhook", address=hook)
        await self.tenants.PutPerson(tpb.PutPersonRequest(tenant_id=TENANT, person=person))

    async def pay(self, number: int) -> None:
        request = pb.RecordTransactionsRequest(tenant_id=TENANT)
        paid = request.transactions.add(transaction_id=f"t{number}", user_id=f"u{number}")
        paid.kind = pb.TRANSACTION_KIND_PURCHASE
        paid.amount.currency, paid.amount.minor = "USD", 100
        paid.occurred_at.seconds = int(time.time()) - 60
        await self.identity.RecordTransactions(request)


async def _plant(planter: Planter, log_url: str, count: int) -> None:
    await planter.tenant()
    log, number = open_log(log_url), 0
    while planter.planted < count:
        number += 1
        message = planter.sealed(f"s{number}", 1, planter.content(number))
        value = message.SerializeToString()
        # As the edge does it: to the log first, then by RPC; some only by the log.
        await log.append([session_append(IDENTITY, TENANT, message.session_id, value, {})])
        if number % 3:
            await planter.identity.Identify(pb.IdentifyRequest(identify=message))
        if number % 10 == 0:
            await planter.person(number)
            await planter.pay(number)
    for session in range(1, number, 7):
        request = pb.ResolveRequest(tenant_id=TENANT, session_id=f"s{session}", purpose="support")
        await planter.identity.Resolve(request)
    await planter.tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=TENANT))
    # Mistakes that name personal data.
    for bad in (f"{planter.canary()} x", ""):
        subject = ppb.SubjectRef(email=bad)
        erasing = ppb.EraseSubjectRequest(tenant_id=TENANT, subject=subject, idempotency_key="k")
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await planter.privacy.EraseSubject(erasing)
        assert MARK not in (refusal.value.details() or "")
    for user in ("u1", "u2"):
        subject = ppb.SubjectRef(user_id=user)
        async for _ in planter.privacy.ExportSubject(
            ppb.ExportSubjectRequest(tenant_id=TENANT, subject=subject)
        ):
            pass
        await planter.privacy.EraseSubject(
            ppb.EraseSubjectRequest(tenant_id=TENANT, subject=subject, idempotency_key=user)
        )
    await log.close()


def _start(environment: dict[str, str], logs: Path) -> subprocess.Popen[bytes]:
    """The service as a process of its own, its log in a file."""
    with logs.open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "services.identity"], env=environment, stderr=errors
        )


@pytest.mark.parametrize(
    "count", [1_000, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
async def test_no_file_holds_a_canary(
    engines: Engines, postgres_url: str, log_url: str, tmp_path: Path, count: int
) -> None:
    address, logs = free_address(), tmp_path / "identity.log"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
        "SIQ_MESH_SECRET": MESH_SECRET,
        "SIQ_POSTGRES_URL": postgres_url,
        "SIQ_LOG_URL": log_url,
        "SIQ_SEALING_KEY_FILE": str(tmp_path / "sealing.key"),
        "SIQ_KEK_FILE": str(tmp_path / "kek.json"),
        "SIQ_AUDIT_ANCHOR_FILE": str(tmp_path / "audit.anchors"),
        "SIQ_TRACE_FILE": str(tmp_path / "trace.jsonl"),
        "SIQ_LOG_LEVEL": "DEBUG",
        "SIQ_LISTEN": address,
    }
    process = _start(environment, logs)
    channel = connect(address, make_token(MESH_SECRET, subject="test"))
    try:
        stub: Any = rpc.IdentityServiceStub(channel)
        key: Any = await stub.GetSealingKey(
            pb.GetSealingKeyRequest(), wait_for_ready=True, timeout=30
        )
        planter = Planter(channel, key.public_key)
        await _plant(planter, log_url, count)
        connection = await _driver.connect(postgres_url)
        try:

            async def applied() -> bool:
                told = await connection.fetchval("SELECT count(*) FROM identity.identifies")
                left = await connection.fetchval("SELECT count(*) FROM identity.audit_pending")
                return told >= count / 4 and left == 0

            await until(applied)
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()
    finally:
        await channel.close()
        process.terminate()
        assert await asyncio.to_thread(process.wait, 25) == 0
    assert engines.log.ask("BGREWRITEAOF").startswith(b"+")
    places = (engines.postgres.data, engines.log.data, tmp_path)
    assert planter.planted >= count
    assert _found(CONTROL, *places), "the search finds nothing at all"
    assert b"identity token refused" in logs.read_bytes()
    assert _found(MARK, *places) == set()


def test_the_search_knows_every_form(tmp_path: Path) -> None:
    text = f"to {MARK}000001@mail.example"
    for number, form in enumerate(
        (
            text.encode(),
            text.encode("utf-16-le"),
            text.encode().hex().encode(),
            *(base64.b64encode(b"y" * shift + text.encode()) for shift in range(3)),
        )
    ):
        file = tmp_path / str(number)
        file.write_bytes(b"\0" + form + b"\0")
        assert _found(MARK, file) == {str(file)}, form
