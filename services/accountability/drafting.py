"""Work out the terms of owners and write them into the log, once for each owner.

They go through outcome.v1 like any other fact. So a replay gives the same deadlines and the same
verdicts, though the tenant has changed its hours since. The first that stands in the log counts;
nothing is drafted before everything that stood in it at the start was read.

Only so many are on their way at once. After an outage there may be thousands to draft, in the
process that answers callers and folds what comes back: neither is to wait for all of them.

A tenant about which identity cannot tell waits by itself, and all others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.ledger import Ledger
from services.accountability.store import AWAY
from services.accountability.tenants import Teams
from services.accountability.terms import Asked, Person, first_terms, later_terms
from services.accountability.terms_message import write_terms
from services.common import logs, tracing
from services.common.errors import Unavailable
from services.common.ids import outcome_id
from services.common.log import OUTCOME, Append, EventLog, LogUnavailable
from services.common.log.port import session_append
from services.common.schema import schema_of

_log = logs.get(__name__)
_ON_THE_WAY = 500
_AT_ONCE = 50
_AGAIN_S = 10.0
_WAIT_S = 5.0
"""How long a tenant waits of which nothing could be told."""
_LOOK_S = 0.05
"""How soon to look whether what is on its way has come back."""
_TROUBLES: tuple[type[Exception], ...] = (Unavailable, LogUnavailable, *AWAY)
CHANNEL = "accountability"
_Id = tuple[str, str]
"""Tenant, and the outcome's id. The id has no tenant in it, as those of people's acts have none:
whoever keeps outcomes keeps them by tenant and id, and so does this."""


class Drafting:
    """Sets terms."""

    def __init__(
        self,
        pool: Any,
        log: EventLog,
        teams: Teams,
        ledger: Ledger,
        now_ms: Callable[[], int],
    ) -> None:
        self._pool = pool
        self._log = log
        self._teams = teams
        self._ledger = ledger
        self._now_ms = now_ms
        self._appended: dict[_Id, float] = {}
        """When terms went into the log: they come back in a moment."""
        self.put_off: dict[str, float] = {}
        """Tenants that wait, and until when."""
        self.drafted = 0
        self.failures = 0

    async def run(self, interval_s: float, caught_up: asyncio.Event) -> None:
        """Draft until cancelled, whenever there may be something to."""
        await caught_up.wait()
        while True:
            self._ledger.untermed.clear()
            try:
                more = await self.draft() or self._appended
            except _TROUBLES as error:
                self.failures += 1
                _log.warning("terms wait for an engine", error=str(error))
                await asyncio.sleep(interval_s)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ledger.untermed.wait(), _LOOK_S if more else interval_s
                )

    async def draft(self) -> int:
        """Write terms for those that lack them, the oldest first. Returns how many."""
        now_s = time.monotonic()
        self.put_off = {name: at_s for name, at_s in self.put_off.items() if at_s > now_s}
        rows = await self._pool.fetch(
            "SELECT tenant_id, decision_id, session_id, person_id, untermed, decided_at_ms,"
            " due_at_ms, falls_due_at_ms, emotion_id, emotion, value_currency, value_minor"
            " FROM recommendations WHERE untermed IS NOT NULL AND tenant_id <> ALL($2::text[])"
            " ORDER BY decided_at_ms LIMIT $1",
            _ON_THE_WAY,
            list(self.put_off),
        )
        waiting = {_id_of(row): row for row in rows}
        # What is no longer among them has come back.
        self._appended = {
            id_: at_s
            for id_, at_s in self._appended.items()
            if id_ in waiting and now_s - at_s < _AGAIN_S
        }
        ids = [id_ for id_ in waiting if id_ not in self._appended][:_AT_ONCE]
        appends: list[Append] = []
        for id_ in ids:
            row = waiting[id_]
            if row["tenant_id"] in self.put_off:
                continue
            try:
                outcome = await self._outcome(row)
            except Unavailable as error:
                self.failures += 1
                self.put_off[row["tenant_id"]] = time.monotonic() + _WAIT_S
                _log.warning("terms wait", tenant=row["tenant_id"], error=str(error))
                continue
            decided = tracing.of_decision(row["emotion_id"], row["decision_id"])
            headers = {"schema": schema_of(OUTCOME)}
            if here := tracing.header(decided):
                headers[tracing.HEADER] = here
            appends.append(
                session_append(
                    OUTCOME,
                    row["tenant_id"],
                    row["session_id"],
                    outcome.SerializeToString(),
                    headers,
                )
            )
        if appends:
            await self._log.append(appends)
            self.drafted += len(appends)
            left = (id_ for id_ in ids if id_[0] not in self.put_off)
            self._appended.update(dict.fromkeys(left, now_s))
        return len(appends)

    async def _outcome(self, row: Any) -> pb.Outcome:
        tenant_id, person_id = row["tenant_id"], row["untermed"]
        rules = await self._teams.rules(tenant_id)
        # Who has left the team meanwhile had no zone and no team that anybody knows of.
        person = await self._teams.person(tenant_id, person_id) or Person(person_id)
        if person_id == row["person_id"]:
            currency = row["value_currency"]
            value = None if currency is None else (currency, row["value_minor"])
            asked = Asked(row["decided_at_ms"], row["due_at_ms"], row["emotion"], value)
            terms = first_terms(rules, person, asked)
        else:
            terms = later_terms(rules, person, row["decided_at_ms"], row["falls_due_at_ms"])
        return pb.Outcome(
            id=_id_of(row)[1],
            tenant_id=tenant_id,
            session_id=row["session_id"],
            decision_id=row["decision_id"],
            kind=pb.OUTCOME_KIND_TERMS_SET,
            occurred_at_ms=self._now_ms(),
            person_id=person_id,
            channel=CHANNEL,
            terms=write_terms(terms),
        )


def _id_of(row: Any) -> _Id:
    return row["tenant_id"], outcome_id("terms", row["decision_id"], row["untermed"])
