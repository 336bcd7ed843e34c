"""Sends a file's transactions to identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import grpc.aio
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc

from cli.errors import CliError
from cli.transactions.rows import Row

_AT_ONCE = 500


@dataclass(slots=True)
class Tally:
    """What became of a file."""

    rows: int = 0
    recorded: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    """By reason: unreadable here, invalid or conflict there."""
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Lines and what is wrong with them, the first ones."""


class Sender:
    """One import."""

    def __init__(self, rows: Iterable[Row], most_faults: int, sent: Callable[[], None]) -> None:
        self.tally = Tally()
        self._rows = rows
        self._most_faults = most_faults
        self._sent = sent
        # Lines of what was sent, by position: the answer names positions.
        self._lines: list[int] = []
        self._broken: CliError | None = None

    async def send(self, channel: grpc.aio.Channel, tenant_id: str) -> Tally:
        """Send everything that can be read; returns what became of it.

        Raises:
            CliError: the file ceases to be CSV. What stood before is recorded.
        """
        stub = rpc.IdentityServiceStub(channel)
        answer = await stub.ImportTransactions(self._requests(tenant_id))
        if self._broken is not None:
            raise self._broken
        tally = self.tally
        tally.recorded, tally.repeated = answer.recorded, answer.repeated
        tally.refused.update(answer.refused)
        for refused in answer.first_refused:
            words = f"{refused.message.removeprefix('transaction.')} ({refused.transaction_id})"
            self._fault(self._lines[refused.position - 1], words)
        tally.faults.sort()
        return tally

    def check(self) -> Tally:
        """Read everything and send nothing."""
        for _ in self._readable():
            self._sent()
        return self.tally

    async def _requests(self, tenant_id: str) -> AsyncIterator[pb.ImportTransactionsRequest]:
        request = pb.ImportTransactionsRequest(tenant_id=tenant_id)
        try:
            for transaction in self._readable():
                request.transactions.append(transaction)
                if len(request.transactions) == _AT_ONCE:
                    yield request
                    self._sent()
                    request = pb.ImportTransactionsRequest()
        except CliError as error:
            # gRPC would make of it a call that was cancelled, for no reason told.
            self._broken = error
        yield request
        self._sent()

    def _readable(self) -> Iterable[pb.Transaction]:
        for row in self._rows:
            self.tally.rows += 1
            if row.transaction is None:
                self.tally.refused["unreadable"] += 1
                self._fault(row.line, row.fault)
            else:
                self._lines.append(row.line)
                yield row.transaction

    def _fault(self, line: int, words: str) -> None:
        if len(self.tally.faults) < self._most_faults:
            self.tally.faults.append((line, words))
