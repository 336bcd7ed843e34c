"""ArchiveService: protobuf in, protobuf out; and the compaction that goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, TypeVar

from sentientiq.analytics.v1 import archive_service_pb2 as pb
from sentientiq.analytics.v1 import archive_service_pb2_grpc as rpc

from services.common import logs
from services.common.auth import ANY_TENANT, principal
from services.common.errors import FailedPrecondition, InvalidArgument, Unavailable
from services.pipeline.analytics import Analytics, AnalyticsError, Daily
from services.pipeline.archive import Archive, ArchiveError, ArchiveUnavailable
from services.pipeline.archive.compaction import TARGET_BYTES, Compacted, compact
from services.pipeline.archive.erasure import Erased, erase
from services.pipeline.backfill import backfill
from services.pipeline.threads import Threads
from services.pipeline.topics import TOPICS, Topic

T = TypeVar("T")
_log = logs.get(__name__)
_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d")
_MOST_SESSIONS = 10_000
_END: Any = object()
# For so long a call that was cancelled waits for the day under way.
_LEAVE_S = 5.0


class ArchiveServicer(rpc.ArchiveServiceServicer):
    """Looks after the archive when asked to."""

    def __init__(self, archive: Archive, analytics: Analytics, daily: Daily | None = None) -> None:
        self._archive = archive
        self._analytics = analytics
        self._daily = daily

    async def Compact(
        self, request: pb.CompactRequest, context: Any
    ) -> AsyncIterator[pb.CompactResponse]:
        _require_all(request.tenant_id)
        with _stores_needed():
            async for done in compacted(self._archive, request.target_bytes or TARGET_BYTES):
                yield pb.CompactResponse(**_fields(done))

    async def Backfill(
        self, request: pb.BackfillRequest, context: Any
    ) -> AsyncIterator[pb.BackfillResponse]:
        principal().require_role("operator", "mesh")
        if not request.tenant_id:
            raise InvalidArgument("tenant_id is empty: name the tenant, or * for all")
        for hour in (request.from_hour, request.to_hour):
            if hour and not _HOUR.fullmatch(hour):
                raise InvalidArgument(f"{hour!r} is no hour: write it as 2026-01-31T14, UTC")
        tenant = "" if request.tenant_id == ANY_TENANT else request.tenant_id
        with _stores_needed():
            async for done in backfill(
                self._archive,
                self._analytics,
                self._daily,
                tenant=tenant,
                first=request.from_hour,
                before=request.to_hour or "~",
            ):
                yield pb.BackfillResponse(
                    topic=done.topic,
                    tenant_id=done.tenant,
                    hour=done.hour,
                    rows=done.rows,
                    rows_in_all=done.rows_in_all,
                )

    async def Erase(
        self, request: pb.EraseRequest, context: Any
    ) -> AsyncIterator[pb.EraseResponse]:
        principal().require_role("operator", "mesh")
        sessions = set(request.session_ids)
        if not request.tenant_id or not sessions or "" in sessions:
            raise InvalidArgument("name a tenant and its sessions")
        if len(sessions) > _MOST_SESSIONS:
            raise InvalidArgument(f"{len(sessions)} sessions: at most {_MOST_SESSIONS} in a call")
        with _stores_needed():
            for topic in TOPICS:
                async with _stepwise(
                    erase(self._archive, topic.name, request.tenant_id, sessions)
                ) as steps:
                    async for done in steps:
                        yield pb.EraseResponse(**_fields(done))


async def compacted(
    archive: Archive, target_bytes: int, topics: Iterable[Topic[Any]] = TOPICS
) -> AsyncIterator[Compacted]:
    """Compact topics, in a thread."""
    for topic in topics:
        async with _stepwise(
            compact(archive, topic.name, topic.order, target_bytes=target_bytes)
        ) as steps:
            async for done in steps:
                yield done


async def run_compactor(archive: Archive, interval_s: float) -> None:
    """Compact now and then until cancelled; 0: never."""
    while interval_s > 0:
        await asyncio.sleep(interval_s)
        files = days = 0
        for topic in TOPICS:  # what is damaged in one holds up no other
            try:
                async for done in compacted(archive, TARGET_BYTES, [topic]):
                    files += done.files_before - done.files_after
                    days += 1
            except ArchiveError as error:
                _log.warning(
                    "compaction incomplete, will try again", topic=topic.name, error=str(error)
                )
        if days:
            _log.info("archive compacted", days=days, files_fewer=files)


@contextlib.asynccontextmanager
async def _stepwise(steps: Iterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Take the steps of a generator in a thread, as fast as it makes them: it holds what others
    wait for, and whoever is told may be slow to listen.

    Not even a cancelled call leaves a day half replaced: the thread does the step under way to its
    end, and closes the generator. It is waited for, but not for ever: a process that ends may leave
    it, as if it were killed. A thread of its own: those that are shared may all wait for this one.
    """
    thread = Threads(1, "archive-rewrite")
    loop = asyncio.get_running_loop()
    found: asyncio.Queue[T] = asyncio.Queue()
    stopped = threading.Event()

    def go() -> None:
        try:
            for step in steps:
                loop.call_soon_threadsafe(found.put_nowait, step)
                if stopped.is_set():
                    break
        finally:
            if isinstance(steps, Generator):
                steps.close()

    async def taken() -> AsyncIterator[T]:
        while (step := await found.get()) is not _END:
            yield step
        await work

    work = asyncio.wrap_future(thread.submit(go))
    work.add_done_callback(lambda _: found.put_nowait(_END))
    thread.shutdown(wait=False)
    try:
        yield taken()
    finally:
        stopped.set()
        await asyncio.wait([work], timeout=_LEAVE_S)
        if work.done() and not work.cancelled():
            work.exception()  # whoever took steps has had it


def _fields(done: Compacted | Erased) -> dict[str, Any]:
    return {name: getattr(done, name) for name in done.__slots__}


def _require_all(tenant_id: str) -> None:
    principal().require_role("operator", "mesh")
    if tenant_id != ANY_TENANT:
        raise InvalidArgument("tenant_id must be *: files of all tenants are merged, or none")


@contextlib.contextmanager
def _stores_needed() -> Generator[None]:
    try:
        yield
    except (ArchiveUnavailable, AnalyticsError) as error:
        raise Unavailable(f"{error}; try again") from error
    except ArchiveError as error:
        raise FailedPrecondition(str(error)) from error
