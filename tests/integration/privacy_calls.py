"""What tests of privacy ask of a running service, and of its tables."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import privacy_service_pb2 as ppb

from services.identity.privacy.certificate import BadCertificate, Certificate, read_certificate
from tests.integration.identity_service import Service, identity_token

_driver: Any = asyncpg  # without stubs


@asynccontextmanager
async def database(service: Service) -> AsyncGenerator[Any, None]:
    """A connection that sees identity's tables."""
    connection = await _driver.connect(
        service.settings.postgres_url, server_settings={"search_path": "identity"}
    )
    try:
        yield connection
    finally:
        await connection.close()


async def rows(service: Service, query: str, *arguments: Any) -> list[Any]:
    async with database(service) as connection:
        found: list[Any] = await connection.fetch(query, *arguments)
        return found


def subject(**ref: str) -> ppb.SubjectRef:
    return ppb.SubjectRef(**ref)  # type: ignore[arg-type]


async def erase(service: Service, tenant: str, key: str = "k1", **ref: str) -> dict[str, Any]:
    """Erase, check the signature, and return what the certificate says."""
    answer: Any = await service.privacy.EraseSubject(
        ppb.EraseSubjectRequest(tenant_id=tenant, subject=subject(**ref), idempotency_key=key)
    )
    certificate = Certificate(answer.certificate, answer.signature)
    with pytest.raises(BadCertificate):
        read_certificate(
            Certificate(certificate.body + b" ", certificate.signature), answer.public_key
        )
    return read_certificate(certificate, answer.public_key)


async def export(service: Service, tenant: str, **ref: str) -> list[dict[str, Any]]:
    request = ppb.ExportSubjectRequest(tenant_id=tenant, subject=subject(**ref))
    found: list[dict[str, Any]] = []
    async for page in service.privacy.ExportSubject(request):
        found.extend(json.loads(record) for record in page.records)
    return found


async def pay(service: Service, tenant: str, user: str, *ids: str, days_ago: int = 3) -> Any:
    """Record purchases; returns the answer."""
    request = pb.RecordTransactionsRequest(tenant_id=tenant)
    for transaction_id in ids:
        made = request.transactions.add(
            transaction_id=transaction_id, user_id=user, kind=pb.TRANSACTION_KIND_PURCHASE
        )
        made.amount.currency, made.amount.minor = "USD", 4_200
        made.occurred_at.FromMilliseconds(int((time.time() - days_ago * 86_400) * 1000))
    return await service.identity.RecordTransactions(request)


def token_of(user: str) -> dict[str, Any]:
    return {"token": identity_token(sub=user, email=f"{user}@mail.example", name=f"Name {user}")}
