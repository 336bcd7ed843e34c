"""Transactions by webhook: signed by the tenant's server as Standard Webhooks has it.

{"transactions": [{"transaction_id": "t1", "user_id": "u1", "amount": "12.50", "currency": "EUR",
                   "occurred_at": "2026-03-01T12:30:00Z"}]}
with the fields and words of the CSV import. The signature is verified here, so that nobody but
identity holds the secret; the edge only carries the request.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sentientiq.identity.v1 import identity_service_pb2 as pb
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.common.auth import principal
from services.common.errors import InvalidArgument, NotFound, Unauthenticated
from services.identity import validate
from services.identity.tenant_store import TenantStore
from services.identity.value.calls import TransactionCalls
from services.identity.value.words import BadWords, read_words


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    transaction_id: str
    user_id: str
    amount: str
    currency: str
    occurred_at: str
    kind: str = ""
    refers_to: str = ""


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    transactions: Sequence[_Told]


_decoder = msgspec.json.Decoder(_Body)


class TransactionHook:
    """Takes what the edge received."""

    def __init__(self, tenants: TenantStore, calls: TransactionCalls) -> None:
        self._tenants = tenants
        self._calls = calls

    async def deliver(
        self, request: pb.DeliverTransactionsRequest
    ) -> pb.DeliverTransactionsResponse:
        """Verify and record.

        Raises:
            Unauthenticated: the signature does not cover the body, or is older than five minutes.
            InvalidArgument, AlreadyExists: as RecordTransactions.
        """
        principal().require_role("mesh")
        await self._verify(request)
        done = await self._calls.record(
            pb.RecordTransactionsRequest(
                tenant_id=request.tenant_id, transactions=_read(request.body)
            )
        )
        return pb.DeliverTransactionsResponse(recorded=done.recorded, repeated=done.repeated)

    async def _verify(self, request: pb.DeliverTransactionsRequest) -> None:
        # One answer for all, so that nobody learns which tenants there are.
        refused = Unauthenticated("the webhook's signature does not hold")
        try:
            tenant_id = validate.tenant_id("tenant_id", request.tenant_id)
            secret = await self._tenants.transactions_secret(tenant_id)
        except (InvalidArgument, NotFound) as error:
            raise refused from error
        if not secret:
            raise refused
        try:
            # Text, as the library signs it; what is no UTF-8 was signed by nobody.
            Webhook(secret).verify(
                request.body.decode(),
                {
                    "webhook-id": request.webhook_id,
                    "webhook-timestamp": request.webhook_timestamp,
                    "webhook-signature": request.webhook_signature,
                },
                json_parse=False,
            )
        # A ValueError is what a signature gives that is none in form.
        except (WebhookVerificationError, ValueError) as error:
            raise refused from error


def _read(body: bytes) -> list[pb.Transaction]:
    try:
        told = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"body: {error}") from error
    read: list[pb.Transaction] = []
    for place, one in enumerate(told.transactions):
        try:
            read.append(read_words(msgspec.structs.asdict(one)))
        except BadWords as error:
            raise InvalidArgument(f"transactions[{place}].{error}") from error
    return read
