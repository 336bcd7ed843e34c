"""One run of `archive verify`: waits for the readers, then compares the three stores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from cli.archive.logged import Logged, logged
from cli.archive.verifying import Key, Sum, Verification, Verified
from services.common.auth import ANY_TENANT
from services.common.log import TOPICS as LOG_TOPICS
from services.common.log import EventLog
from services.pipeline.archive import Archive
from services.pipeline.arrow import pa
from services.pipeline.topics import TOPICS

_READERS = ("analytics", "archive")
_ASK_S = 1800.0
FOREVER = "9999"


async def settled(log: EventLog, wait_s: float) -> bool:
    """Wait until both readers have all that is in the log now; tell whether they do."""
    ends = {topic: await log.ends(topic) for topic in LOG_TOPICS}
    until = time.monotonic() + wait_s
    while True:
        behind = False
        for topic, end in ends.items():
            for group in _READERS:
                place = await log.committed(group, topic)
                behind |= any(place[partition] < offset for partition, offset in end.items())
        if not behind or time.monotonic() > until:
            return not behind
        await asyncio.sleep(0.5)


async def compare(
    archive: Archive, log: EventLog | None, channel: Any, tenant: str, first: str, before: str,
    say: Callable[[str], None],
) -> Verified:  # fmt: skip
    """Compare what is archived from an hour up to another one.

    Raises:
        ArchiveUnavailable, LogUnavailable, AioRpcError: a store does not answer.
    """
    verification = Verification(archive, tenant, first, before, say)
    for topic in TOPICS:
        held: Logged | None = None
        if log is not None:
            held = await logged(log, topic, tenant, partial(_say_log, say, topic.name))
        await asyncio.to_thread(verification.archive_and_log, topic, held)
    if channel is not None:
        held_there = await _analytics(channel, tenant, first, before, say)
        verification.with_analytics(held_there)
    return verification.result


def _say_log(say: Callable[[str], None], topic: str, records: int) -> None:
    say(f"log {topic} {records}")


async def _analytics(
    channel: Any, tenant: str, first: str, before: str, say: Callable[[str], None]
) -> Mapping[Key, Sum]:
    found: dict[Key, Sum] = {}
    days = await _report(channel, tenant, "days", first, before)
    for day in [row["day"] for row in days]:
        say(f"analytics {day}")
        start, end = max(first, f"{day}T00"), min(before, hour_after(f"{day}T23"))
        for row in await _report(channel, tenant, "row_hashes", start, end):
            key = (row["source"], row["tenant_id"], row["hour"], bool(row["moves"]))
            found[key] = Sum(row["rows"], row["hash"])
    return found


async def _report(
    channel: Any, tenant: str, name: str, first: str, before: str
) -> list[dict[str, Any]]:
    stub: Any = rpc.QueryServiceStub(channel)
    moments = {
        key: f"{hour.replace('T', ' ')}:00:00" for key, hour in (("from", first), ("to", before))
    }
    answer = await stub.RunReport(
        pb.RunReportRequest(tenant_id=tenant or ANY_TENANT, report=name, parameters=moments),
        timeout=_ASK_S,
    )
    rows: list[dict[str, Any]] = pa.ipc.open_stream(answer.arrow).read_all().to_pylist()
    return rows


def hour_after(hour: str) -> str:
    """The hour that follows."""
    return f"{datetime.strptime(hour, '%Y-%m-%dT%H') + timedelta(hours=1):%Y-%m-%dT%H}"
