"""`POST /v1/transactions/{tenant}`: a real edge worker, identity, and the standard's signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb
from standardwebhooks.webhooks import Webhook

from tests.integration.segment_line import TENANT, Line, running_line

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The services' keys: what one test's service encrypted, the next one's opens."""
    return tmp_path_factory.mktemp("line")


@pytest_asyncio.fixture
async def line(
    postgres_url: str, state_url: str, log_url: str, folder: Path
) -> AsyncGenerator[Line]:
    urls = {
        "SIQ_POSTGRES_URL": postgres_url,
        "SIQ_STATE_URL": state_url,
        "SIQ_LOG_URL": log_url,
    }
    async with running_line(urls, folder) as made:
        tenant = tpb.Tenant(tenant_id=TENANT, transactions_secret=SECRET)
        await made.tenants.PutTenant(tpb.PutTenantRequest(tenant=tenant))
        yield made


def told(name: str, amount: str, **more: str) -> dict[str, str]:
    day = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d")
    return {
        "transaction_id": name,
        "user_id": "u1",
        "amount": amount,
        "currency": "EUR",
        "occurred_at": day,
        **more,
    }


async def post(
    line: Line,
    body: Any,
    *,
    tenant: str = TENANT,
    secret: str = SECRET,
    age_s: int = 0,
    altered: bytes = b"",
) -> httpx.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, text),
    }
    async with httpx.AsyncClient(timeout=10) as client:
        return await client.post(
            f"{line.urls[0]}/v1/transactions/{tenant}",
            content=altered or text.encode(),
            headers=headers,
        )


async def test_webhook_is_recorded_once(line: Line) -> None:
    body = {"transactions": [told("t1", "12.50"), told("t2", "2.5", kind="refund", refers_to="t1")]}
    first = await post(line, body)
    assert (first.status_code, first.json()) == (200, {"recorded": 2, "repeated": 0})
    again = await post(line, body)
    assert (again.status_code, again.json()) == (200, {"recorded": 0, "repeated": 2})
    rules = json.dumps({"currency": "EUR"}).encode()
    await line.tenants.PutConfig(tpb.PutConfigRequest(tenant_id=TENANT, kind="value", body=rules))
    done = await post(line, {"transactions": [told("t3", "1")]})
    assert done.status_code == 200
    listed = await line.identities.RecordTransactions(
        pb.RecordTransactionsRequest(tenant_id=TENANT, transactions=[_as_message("t1", 1_250)])
    )
    assert (listed.recorded, listed.repeated) == (0, 1)


def _as_message(name: str, minor: int) -> pb.Transaction:
    made = pb.Transaction(
        transaction_id=name,
        user_id="u1",
        amount=pb.Money(currency="EUR", minor=minor),
        kind=pb.TRANSACTION_KIND_PURCHASE,
    )
    made.occurred_at.FromDatetime(
        (datetime.now(UTC) - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    return made


async def test_h60_a_webhook_whose_signature_does_not_hold(line: Line) -> None:
    good = {"transactions": [told("b1", "1")]}
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    for refused in (
        await post(line, good, secret=other),
        await post(line, good, age_s=600),
        await post(line, good, age_s=-600),
        await post(line, good, tenant="nobody"),
        await post(line, good, tenant="NO TENANT"),
        await post(line, good, altered=json.dumps(good).replace('"1"', '"9"').encode()),
        await post(line, "{", altered=b"\xff"),
    ):
        assert refused.status_code == 401
        assert refused.json() == {"error": "the webhook's signature does not hold"}


async def test_h61_a_webhook_that_is_no_transactions(line: Line) -> None:
    wrong: dict[str, Any] = {
        "transactions[0].amount: expected more than 0": {"transactions": [told("b1", "-1")]},
        "body: Object missing required field `transactions`": {},
        "body: Object contains unknown field `note`": {"transactions": [told("b1", "1", note="")]},
        "body: ": "[" * 30_000,
        "transactions: expected 1 to 1000, was 0": {"transactions": []},
    }
    for words, body in wrong.items():
        refused = await post(line, body)
        assert refused.status_code == 400
        assert refused.json()["error"].startswith(words), words


async def test_h62_a_webhook_over_512_kib(line: Line) -> None:
    large = {"transactions": [told("b1", "1")] * 5000}
    assert (await post(line, large)).status_code == 413


async def test_h63_a_webhook_that_contradicts_what_is_recorded(line: Line) -> None:
    assert (await post(line, {"transactions": [told("b1", "1")]})).status_code == 200
    conflict = await post(line, {"transactions": [told("b2", "1"), told("b1", "2")]})
    assert conflict.status_code == 409
    assert "'b1' is recorded with other content" in conflict.json()["error"]
    again = await post(line, {"transactions": [told("b2", "1"), told("b1", "1")]})
    assert again.json() == {"recorded": 1, "repeated": 1}


async def test_a_tenant_without_a_secret_takes_no_webhook(line: Line) -> None:
    tenant = tpb.Tenant(tenant_id=TENANT)
    await line.tenants.PutTenant(tpb.PutTenantRequest(tenant=tenant))
    assert (await post(line, {"transactions": [told("t1", "1")]})).status_code == 401
