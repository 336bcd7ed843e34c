"""TransactionService: what users paid, for those who reckon with it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as pb
from sentientiq.identity.v1 import transaction_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.database import Database
from services.identity.value import value_store
from services.identity.value.transaction import Transaction

_LARGEST_PAGE: Final = 1_000
_NO_BOUND_MS: Final = (1 << 53) - 1


class TransactionServicer(rpc.TransactionServiceServicer):
    """Answers from the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListTransactions(
        self, request: pb.ListTransactionsRequest, context: Any
    ) -> pb.ListTransactionsResponse:
        principal().require_role("mesh", "operator")
        validate.tenant_id("tenant_id", request.tenant_id)
        size, until_ms = request.page_size or _LARGEST_PAGE, request.until_ms or _NO_BOUND_MS
        if size > _LARGEST_PAGE:
            raise InvalidArgument(f"page_size is {size}: ask for at most {_LARGEST_PAGE}")
        if not 0 <= request.since_ms < until_ms <= _NO_BOUND_MS:
            raise InvalidArgument(
                f"since_ms={request.since_ms}, until_ms={request.until_ms}: expected Unix epoch"
                " milliseconds with until_ms after since_ms, or 0 for no bound"
            )
        after = _read_token(request.page_token) if request.page_token else (-1, "")
        async with self._database.connection() as connection:
            # One more than asked tells whether there is a next page.
            found = await value_store.in_period(
                connection, request.tenant_id, request.since_ms, until_ms, after, size + 1
            )
        page = found[:size]
        return pb.ListTransactionsResponse(
            transactions=[_told(one) for one in page],
            next_page_token=_token(page[-1]) if len(found) > size else "",
        )


def _told(one: Transaction) -> ipb.Transaction:
    message = ipb.Transaction(
        transaction_id=one.transaction_id,
        user_id=one.user_id,
        amount=ipb.Money(currency=one.amount.currency, minor=one.amount.minor),
        kind=ipb.TransactionKind.ValueType(one.kind),
        refers_to=one.refers_to,
    )
    message.occurred_at.FromMilliseconds(one.occurred_at_ms)
    return message


def _token(last: Transaction) -> str:
    return urlsafe_b64encode(f"{last.occurred_at_ms}:{last.transaction_id}".encode()).decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        moment, colon, transaction_id = urlsafe_b64decode(token.encode()).decode().partition(":")
        at_ms = int(moment)
    except ValueError as error:
        raise InvalidArgument(
            "page_token is none of ours: pass next_page_token of the last response unchanged"
        ) from error
    if not colon or not 0 <= at_ms <= _NO_BOUND_MS or "\x00" in transaction_id:
        raise InvalidArgument("page_token is none of ours: begin again without one")
    return at_ms, transaction_id
