"""The RPCs about transactions: protobuf in, protobuf out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.value.recorder import MOST, Recorder
from services.identity.value.transaction import Transaction, checked

_MOST_NAMED = 1_000


class TransactionCalls:
    """RecordTransactions and ImportTransactions."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def record(self, request: pb.RecordTransactionsRequest) -> pb.RecordTransactionsResponse:
        """Take all or none."""
        tenant_id = _writable(request.tenant_id)
        if not 1 <= len(request.transactions) <= MOST:
            raise InvalidArgument(
                f"transactions: expected 1 to {MOST}, was {len(request.transactions)};"
                " send more in several calls, or with ImportTransactions"
            )
        now_ms = self._recorder.clock_ms()
        read = [
            read_transaction(f"transactions[{place}]", message, now_ms)
            for place, message in enumerate(request.transactions)
        ]
        done = await self._recorder.record_all(tenant_id, read)
        return pb.RecordTransactionsResponse(recorded=done.new, repeated=done.repeated)

    async def import_all(
        self, requests: AsyncIterator[pb.ImportTransactionsRequest]
    ) -> pb.ImportTransactionsResponse:
        """Take what can be taken; the rest is counted and named."""
        principal().require_role("mesh", "operator")
        an_import = _Import(self._recorder)
        async for request in requests:
            await an_import.take(request)
        return an_import.answer()


class _Import:
    """One import under way."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tenant_id = ""
        self._position = 0
        self._recorded = 0
        self._repeated = 0
        self._refused: Counter[str] = Counter()
        self._named: list[pb.RefusedTransaction] = []

    async def take(self, request: pb.ImportTransactionsRequest) -> None:
        """Record one message's transactions."""
        if not self._tenant_id:
            self._tenant_id = _writable(request.tenant_id)
        elif request.tenant_id not in ("", self._tenant_id):
            raise InvalidArgument("tenant_id: expected one tenant an import")
        if len(request.transactions) > MOST:
            raise InvalidArgument(
                f"transactions: expected at most {MOST} a message, was {len(request.transactions)}"
            )
        now_ms = self._recorder.clock_ms()
        usable: list[tuple[int, Transaction]] = []
        for message in request.transactions:
            self._position += 1
            try:
                read = read_transaction("transaction", message, now_ms)
            except InvalidArgument as error:
                self._refuse(self._position, message.transaction_id, "invalid", str(error))
                self._recorder.refused += 1
            else:
                usable.append((self._position, read))
        if usable:
            await self._record(usable)

    async def _record(self, usable: list[tuple[int, Transaction]]) -> None:
        done = await self._recorder.record_new(self._tenant_id, [read for _, read in usable])
        self._recorded += done.new
        self._repeated += done.repeated
        for place in done.conflicts:
            position, read = usable[place]
            words = "recorded before with other content, which stands"
            self._refuse(position, read.transaction_id, "conflict", words)

    def _refuse(self, position: int, transaction_id: str, reason: str, message: str) -> None:
        self._refused[reason] += 1
        if len(self._named) < _MOST_NAMED:
            self._named.append(
                pb.RefusedTransaction(
                    position=position,
                    transaction_id=transaction_id[:256],
                    reason=reason,
                    message=message,
                )
            )

    def answer(self) -> pb.ImportTransactionsResponse:
        """What became of it."""
        if not self._tenant_id:
            raise InvalidArgument("tenant_id: expected in the first message, there was none")
        return pb.ImportTransactionsResponse(
            recorded=self._recorded,
            repeated=self._repeated,
            refused=self._refused,
            first_refused=sorted(self._named, key=lambda named: named.position),
        )


def _writable(tenant_id: str) -> str:
    principal().require_role("mesh", "operator")
    validate.tenant_id("tenant_id", tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id


def read_transaction(field: str, message: pb.Transaction, now_ms: int) -> Transaction:
    """Check a transaction.

    Raises:
        InvalidArgument: naming the field.
    """
    return checked(
        field,
        transaction_id=message.transaction_id,
        user_id=message.user_id,
        kind=message.kind,
        currency=message.amount.currency,
        minor=message.amount.minor,
        # Not ToMilliseconds, which refuses times that are none.
        occurred_at_ms=message.occurred_at.seconds * 1000 + message.occurred_at.nanos // 1_000_000,
        refers_to=message.refers_to,
        now_ms=now_ms,
    )
