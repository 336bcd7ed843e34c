"""Transactions as tests tell them, and what they do with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from tests.integration.identity_service import Service, identity_token

DAY_S = 24 * 3600


def transaction(
    name: str,
    minor: int,
    *,
    user: str = "u1",
    kind: pb.TransactionKind.ValueType = pb.TRANSACTION_KIND_PURCHASE,
    currency: str = "USD",
    days_ago: float = 10,
    refers_to: str = "",
) -> pb.Transaction:
    made = pb.Transaction(
        transaction_id=name,
        user_id=user,
        amount=pb.Money(currency=currency, minor=minor),
        kind=kind,
        refers_to=refers_to,
    )
    # Whole hours, so that a repeat within a test has the same content.
    made.occurred_at.FromSeconds(int(time.time() // DAY_S * DAY_S - days_ago * DAY_S))
    return made


def refund(name: str, minor: int, of: str, **more: Any) -> pb.Transaction:
    return transaction(name, minor, kind=pb.TRANSACTION_KIND_REFUND, refers_to=of, **more)


async def record(
    service: Service, tenant: str, *transactions: pb.Transaction
) -> pb.RecordTransactionsResponse:
    request = pb.RecordTransactionsRequest(tenant_id=tenant, transactions=transactions)
    answer: pb.RecordTransactionsResponse = await service.identity.RecordTransactions(request)
    return answer


async def put(service: Service, tenant: str, kind: str, document: Any) -> None:
    body = json.dumps(document).encode()
    await service.tenants.PutConfig(tpb.PutConfigRequest(tenant_id=tenant, kind=kind, body=body))


async def sign_in(service: Service, tenant: str, session: str = "s1", **claims: Any) -> None:
    token = identity_token(**claims)
    await service.identify(service.sealed(tenant, {"token": token}, session=session))


async def import_all(
    service: Service, requests: Iterable[pb.ImportTransactionsRequest]
) -> pb.ImportTransactionsResponse:
    answer: pb.ImportTransactionsResponse = await service.identity.ImportTransactions(
        iter(requests)
    )
    return answer
