"""What callers say of a recommendation becomes an outcome in the log, and is applied from there.

Nothing is written to the tables here: the log is what a rebuild reads, so only what stands in it
may count. The caller waits a moment, so that the answer shows what was said.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.ledger import Ledger
from services.accountability.reading import Reader
from services.accountability.records import Key, Standing
from services.common.errors import AlreadyExists, NotFound, Unavailable
from services.common.ids import outcome_id
from services.common.log import OUTCOME, EventLog, LogUnavailable
from services.common.log.port import session_append
from services.common.schema import schema_of

_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says about a recommendation."""

    kind: pb.OutcomeKind.ValueType
    at_ms: int
    person_id: str
    by_person_id: str = ""
    channel: str = "rpc"
    detail: str = ""
    note: str = ""
    keyed: bool = False
    """Whether the caller gave it a key of its own."""


class Telling:
    """Appends outcomes, each once."""

    def __init__(self, log: EventLog, reader: Reader, ledger: Ledger) -> None:
        self._log = log
        self._reader = reader
        self._ledger = ledger
        self.told = 0
        self.repeated = 0

    async def standing(self, key: Key) -> Standing:
        """Where it stands.

        Raises:
            NotFound: no decision of that id asked the team to act.
        """
        standing = await self._reader.get(key)
        if standing is None:
            raise NotFound(f"no decision {key.decision_id!r} of this tenant asked the team to act")
        return standing

    async def tell(self, standing: Standing, said: Said, *unique: str | int) -> Standing:
        """Append it unless it stands in the log already, and return where it led to.

        `unique` is what makes it one and the same however often it is said.

        Raises:
            AlreadyExists: something else was said under the same key.
            Unavailable: the log or PostgreSQL is away.
        """
        key = standing.recommendation.key
        id_ = outcome_id(*unique)
        known = await self._reader.fact(key.tenant_id, id_)
        if known is not None:
            if said.keyed and known != (said.kind, key.decision_id, said.detail):
                raise AlreadyExists(
                    "idempotency_key: something else was said under it before; the first stands"
                )
            self.repeated += 1
            return await self.standing(key)
        outcome = pb.Outcome(
            id=id_,
            tenant_id=key.tenant_id,
            session_id=standing.recommendation.session_id,
            decision_id=key.decision_id,
            kind=said.kind,
            occurred_at_ms=said.at_ms,
            person_id=said.person_id,
            by_person_id=said.by_person_id,
            channel=said.channel,
            detail=said.detail,
            note=said.note,
        )
        append = session_append(
            OUTCOME,
            outcome.tenant_id,
            outcome.session_id,
            outcome.SerializeToString(),
            {"schema": schema_of(OUTCOME)},
        )
        # Begun before the append: it must not be applied before anybody listens.
        with self._ledger.hearing(id_) as heard:
            try:
                await self._log.append([append])
            except LogUnavailable as error:
                raise Unavailable("the log is away; try again") from error
            self.told += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), _WAIT_S)
        return await self.standing(key)
