"""The log read back: is everything acknowledged in it, and how often."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from services.common.log import BEHAVIOR, open_log

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIMIT = 200


async def check(
    url: str, tenant: str, ends_before: dict[int, int], acked: Iterable[tuple[str, str, int]]
) -> tuple[int, int, int]:
    """Compare acknowledged messages with the log.

    Args:
        url: of the log.
        tenant: whose sessions they are.
        ends_before: the last offset of every partition before the run.
        acked: (session, stream, last seq acknowledged).

    Returns:
        Messages acknowledged but absent, records that repeat one, records in all.
    """
    seen: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    after = dict(ends_before)
    repeated = records = 0
    log = open_log(url)
    key = tenant.encode() + b"\0"
    try:
        while entries := await log.read(BEHAVIOR, after, limit=_LIMIT):
            for entry in entries:
                after[entry.partition] = entry.offset
                for record in entry.records:
                    if not record.key.startswith(key):
                        continue
                    batch = BehaviorBatch.FromString(record.value)
                    if not batch.seq:  # a timer of the edge's
                        continue
                    records += 1
                    known = seen[batch.session_id, batch.stream_id]
                    repeated += batch.seq in known
                    known.add(batch.seq)
    finally:
        await log.close()
    lost = sum(
        len(set(range(1, last + 1)) - seen[session, stream]) for session, stream, last in acked
    )
    return lost, repeated, records


async def ends(url: str) -> dict[int, int]:
    """The last offset of every partition now."""
    log = open_log(url)
    try:
        return await log.ends(BEHAVIOR)
    finally:
        await log.close()
