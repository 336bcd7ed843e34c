"""Takes the calls of a request: each becomes one record of the log, or a counted reason.

A call is a stream of its own in its session, named by its messageId, with the one seq 1. So every
worker makes the same (tenant, session, stream, seq) of it, and the readers of the log drop a repeat
whichever worker took it and in whatever order: within one common stream the order would have to be
the same on all workers, and what came late would be lost.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

from msgspec import Raw
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify

from edge.browsers import recognized
from edge.places import Place, place_of
from edge.segment import behavior, people
from edge.segment.body import Request
from edge.segment.calls import Call, Unusable, read_call
from edge.segment.clock import Moment, moment_of
from edge.segment.memory import Memory, Receipt
from edge.tokens import Visitor
from edge.worker import Worker
from hotpath.batch import encode_batch, encode_sender
from hotpath.columns import Columns
from services.common.dedupe import ONE_MESSAGE
from services.common.ids import stable_id
from services.common.log import BEHAVIOR, IDENTITY

WITHIN_S = 5.0
_NO_POINTER = 3
_SEQ = 1
_AT_ONCE = 25
"""Calls between which sockets get their turn: sealing one takes a tenth of a millisecond."""


class NotYet(Exception):
    """The log does not have it yet: the client sends it again."""


@dataclass(frozen=True, slots=True)
class _Record:
    """A call, ready for the log."""

    topic: str
    place: Place
    stream: str
    value: bytes
    repeats: bool = False
    """Whether others of the same name say the same."""


@dataclass(slots=True)
class _Sheet:
    """What becomes of one request."""

    tenant: str
    received_ms: int
    records: list[_Record] = field(default_factory=list[_Record])
    ignored: Counter[str] = field(default_factory=Counter[str])


class Intake:
    """Takes requests into the log of a worker."""

    def __init__(self, worker: Worker, memory: Memory | None = None) -> None:
        self._worker = worker
        self._memory = memory or Memory()

    async def take(self, tenant: str, request: Request, kind: str | None) -> Counter[str]:
        """Take the calls of a request; returns once the log has them, with what was ignored.

        Raises:
            NotYet: the log has them not after 5 s, or nothing can be sealed yet.
        """
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._worker.writer.room()
                sheet = _Sheet(tenant, time.time_ns() // 1_000_000)
                for number, raw in enumerate(request.calls):
                    if number % _AT_ONCE == _AT_ONCE - 1:
                        await asyncio.sleep(0)
                    self._read(sheet, raw, request.sent_at, kind)
                receipts = self._write(sheet)
                self._worker.counters.update(
                    {f"segment_ignored.{reason}": n for reason, n in sheet.ignored.items()}
                )
                for receipt in receipts:
                    await receipt.wait()
        except TimeoutError:
            raise NotYet("the log is behind") from None
        return sheet.ignored

    def _read(self, sheet: _Sheet, raw: Raw, sent_at: object, kind: str | None) -> None:
        try:
            call = read_call(raw, kind)
            moment = moment_of(call, sent_at, sheet.received_ms)
            self._map(sheet, call, moment)
        except Unusable as reason:
            sheet.ignored[str(reason)] += 1
            return
        if moment.guessed:
            sheet.ignored["bad_timestamp"] += 1

    def _map(self, sheet: _Sheet, call: Call, moment: Moment) -> None:
        without: str | None = None
        match call.type:
            case "track":
                columns, without = behavior.track(call)
                self._behavior(sheet, call, moment, columns, "")
            case "page" | "screen":
                columns, page = behavior.page_view(call)
                self._behavior(sheet, call, moment, columns, page)
            case "identify":
                statement, without = people.identify(call)
                self._identity(sheet, call, moment, statement)
            case "group":
                self._identity(sheet, call, moment, people.group(call))
            case "alias":
                self._identity(sheet, call, moment, people.alias(call))
            case _:
                raise Unusable("unknown_type")
        if without:
            sheet.ignored[without] += 1

    def _behavior(
        self, sheet: _Sheet, call: Call, moment: Moment, columns: Columns, page: str
    ) -> None:
        session = people.session_of(sheet.tenant, call.person, moment.stated_ms)
        stream = _stream_of(call)
        value = encode_batch(
            encode_sender(sheet.tenant, session, stream),
            _SEQ,
            moment.at_ms,
            page,
            _NO_POINTER,
            columns.count,
            columns.blob,
            columns.targets,
            columns.strings,
            sheet.received_ms * 1_000_000,
        )
        place = place_of(sheet.tenant, session)
        sheet.records.append(_Record(BEHAVIOR, place, stream, value))
        # Whose half hour it is, so that what was said in another one holds in this one too.
        visitor = Visitor(people.visitor_of(sheet.tenant, call.person), 0)
        record = recognized(sheet.tenant, session, visitor, moment.at_ms)
        sheet.records.append(_Record(IDENTITY, place, f"{session} browser", record, repeats=True))

    def _identity(
        self, sheet: _Sheet, call: Call, moment: Moment, statement: dict[str, object]
    ) -> None:
        session = people.session_of(sheet.tenant, call.person, moment.stated_ms)
        stream = _stream_of(call)
        try:
            sealed, key_id = self._worker.sealer.seal(statement)
        except RecursionError as error:
            raise Unusable("bad_event") from error
        message = SealedIdentify(
            tenant_id=sheet.tenant,
            session_id=session,
            stream_id=stream,
            seq=_SEQ,
            sealed=sealed,
            key_id=key_id,
            occurred_at_ms=max(1, moment.at_ms),
            visitor_id=people.visitor_of(sheet.tenant, call.person),
        )
        place = place_of(sheet.tenant, session)
        sheet.records.append(_Record(IDENTITY, place, stream, message.SerializeToString()))

    def _write(self, sheet: _Sheet) -> set[Receipt]:
        """Put what is new into the log's queue. Returns whom to wait for: repeats are answered
        only when the log has what they repeat."""
        receipt = Receipt()
        waits = {receipt}
        for record in sheet.records:
            first = self._memory.find(sheet.tenant, record.stream)
            if first is not None:
                if not record.repeats:
                    sheet.ignored["duplicate"] += 1
                waits.add(first)
                continue
            self._memory.keep(sheet.tenant, record.stream, receipt)
            receipt.record.accepted += 1
            self._worker.counters[record.topic] += 1
            self._worker.writer.put(
                record.topic,
                record.place,
                record.value,
                seq=receipt.record.accepted,
                stream=receipt.record,
            )
        return waits


def _stream_of(call: Call) -> str:
    """The stream of a call. One without a messageId is told apart from nothing that came before."""
    said = "" if call.message_id is None else str(call.message_id)
    return ONE_MESSAGE + (stable_id("segment", said) if said else secrets.token_hex(16))
