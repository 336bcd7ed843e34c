"""Make the ledger again from decision.v1 and outcome.v1.

What the tables hold of decisions and outcomes is a copy of the log, and everything else follows
from that. The log may have been trimmed behind its readers; then the copy is all that is left of
what went, so it is kept, what the log still has is read into it once more, and all that follows is
folded anew. Only from a whole log can the copy itself be dropped.

The service may run meanwhile: what it applies is the same, whoever is first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from services.accountability import sums
from services.accountability.decoding import decode_decision, decode_outcome
from services.accountability.ledger import Ledger
from services.accountability.store import FOLD_VERSION, Store
from services.common.log import DECISION, OUTCOME, EventLog, Record
from services.common.partition import PARTITIONS

_AT_ONCE = 200


class LogTrimmed(Exception):
    """The log no longer begins at its beginning: what went stands in the tables alone."""


@dataclass(slots=True)
class Rebuilt:
    """What was read and made."""

    decisions: int = 0
    outcomes: int = 0
    unreadable: int = 0
    """Records that are dead letters: no reader could apply them."""
    recommendations: int = 0


async def rebuild(
    pool: Any, log: EventLog, heard_until_ms: Callable[[], int], *, drop: bool
) -> Rebuilt:
    """Read the log again from where it begins, and fold everything anew.

    Args:
        heard_until_ms: the moment up to which every outcome has been heard.
        drop: forget first what the tables hold, decisions and outcomes too.

    Raises:
        LogTrimmed: `drop` would lose what the log no longer has. Nothing was changed.
        LogUnavailable: the log is away.
    """
    store = Store(pool)
    ledger = Ledger(store, heard_until_ms)
    if drop:
        await _require_whole(log)
        await pool.execute("TRUNCATE recommendations, facts, transitions, owners, sums")
    done = Rebuilt()
    # Outcomes first: terms that stand in the log are known before anybody could draft others.
    async for batch in _records(log, OUTCOME):
        facts = _decoded(batch, decode_outcome, done)
        await store.record_facts(facts)
        done.outcomes += len(facts)
    async for batch in _records(log, DECISION):
        asked = _decoded(batch, decode_decision, done)
        await store.record_recommendations(asked)
        await store.record_threads(asked)
        done.decisions += len(asked)
    done.recommendations = await ledger.refold(FOLD_VERSION + 1, forget=True)
    async with pool.acquire() as connection, connection.transaction():
        await sums.rebuild(connection)
    return done


def _decoded(batch: list[Record], decode: Callable[[bytes], Any], done: Rebuilt) -> list[Any]:
    found: list[Any] = []
    for record in batch:
        try:
            message = decode(record.value)
        except (DecodeError, ValueError):
            done.unreadable += 1
        else:
            if message is not None:
                found.append(message)
    return found


async def _require_whole(log: EventLog) -> None:
    for topic in (DECISION, OUTCOME):
        ends = await log.ends(topic)
        for partition, end in sorted(ends.items()):
            first = await log.read(topic, {partition: 0}, limit=1) if end else []
            if end and (not first or first[0].offset != 1):
                begins = first[0].offset if first else end + 1
                raise LogTrimmed(
                    f"{topic}, partition {partition} begins at {begins}: what was before stands in"
                    " the tables alone; rebuild without dropping it"
                )


async def _records(log: EventLog, topic: str) -> AsyncIterator[list[Record]]:
    """Everything a topic has now, in the order of each partition."""
    ends = await log.ends(topic)
    place = dict.fromkeys(range(PARTITIONS), 0)
    while behind := {key: at for key, at in place.items() if at < ends.get(key, 0)}:
        entries = await log.read(topic, behind, limit=_AT_ONCE)
        if not entries:  # trimmed meanwhile
            return
        for entry in entries:
            place[entry.partition] = entry.offset
        yield [record for entry in entries for record in entry.records]
