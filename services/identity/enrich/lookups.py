"""Look-ups beside identify, never in its way: asked for, then written to the session when they end.

A look-up waits for its turn in a bounded queue; what does not fit is dropped and counted, and the
next Resolve of the session asks again. Answers are kept a while, so that a visitor who says again
who they are costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from services.common import logs
from services.common.errors import Unavailable
from services.identity.enrich.port import NOTHING, Enricher, EnricherError, Enrichment, key_of
from services.identity.enrich.spec import Spec

_WORKERS: Final = 8
_MOST_WAITING: Final = 5_000
_MOST_KEPT: Final = 20_000
_KEPT_S: Final = 300.0
# Soon enough for a service that is back, seldom enough for one that is not.
_FAILED_KEPT_S: Final = 10.0
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to look up, and the session that the answer is for."""

    tenant_id: str
    session_id: str
    email: str
    company: str

    @property
    def place(self) -> tuple[str, str]:
        """The session."""
        return (self.tenant_id, self.session_id)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes an answer the same."""
        return (self.tenant_id, self.email, self.company)


Save = Callable[[Subject, Enrichment], Awaitable[None]]


class Lookups:
    """Asks a tenant's enrichers, in their order; each fills the gaps that those before it left."""

    def __init__(
        self,
        open_enricher: Callable[[str, Spec], Enricher],
        save: Save,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_enricher
        self._save = save
        self._clock = clock
        self._enrichers: dict[str, list[tuple[Spec, Enricher]]] = {}
        self._waiting: asyncio.Queue[Subject] = asyncio.Queue(_MOST_WAITING)
        self._underway: set[tuple[str, str]] = set()
        # The answer, whether it is whole, and until when it is kept.
        self._kept: OrderedDict[tuple[str, str, str], tuple[Enrichment, bool, float]] = (
            OrderedDict()
        )
        self.found = 0
        self.unknown = 0
        self.failed = 0
        self.dropped = 0

    async def use(self, tenant_id: str, specs: tuple[Spec, ...]) -> None:
        """Take a tenant's enrichers into use, instead of those before."""
        old = self._enrichers.pop(tenant_id, [])
        if specs:
            self._enrichers[tenant_id] = [(spec, self._open(tenant_id, spec)) for spec in specs]
        for key in [key for key in self._kept if key[0] == tenant_id]:
            del self._kept[key]
        for _, enricher in old:
            await enricher.close()

    def ask(self, subject: Subject) -> bool:
        """Ask for a look-up; tells whether one is under way. Never waits."""
        if subject.place in self._underway:
            return True
        if subject.tenant_id not in self._enrichers or not (subject.email or subject.company):
            return False
        kept = self._kept.get(subject.key)
        if kept is not None and not kept[1] and self._clock() < kept[2]:
            return False  # it failed a moment ago
        try:
            self._waiting.put_nowait(subject)
        except asyncio.QueueFull:
            self.dropped += 1
            return False
        self._underway.add(subject.place)
        return True

    async def run(self) -> None:
        """Work until cancelled; then let go of every enricher."""
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(_WORKERS):
                    workers.create_task(self._work())
        finally:
            for tenant_id in list(self._enrichers):
                await self.use(tenant_id, ())

    async def _work(self) -> None:
        while True:
            subject = await self._waiting.get()
            try:
                found, whole = await self._look_up(subject)
                if whole or found != NOTHING:
                    await self._save(subject, found)
            except Unavailable:
                # Nothing is written, so the session's next Resolve asks again.
                self.failed += 1
            finally:
                self._underway.discard(subject.place)

    async def _look_up(self, subject: Subject) -> tuple[Enrichment, bool]:
        """What is known, and whether every enricher could tell."""
        kept = self._kept.get(subject.key)
        if kept is not None and self._clock() < kept[2]:
            return kept[0], kept[1]
        found, whole = NOTHING, True
        for spec, enricher in self._enrichers.get(subject.tenant_id, []):
            key = key_of(spec.key, subject.email, subject.company)
            if not key:
                continue
            try:
                async with asyncio.timeout(spec.timeout_ms / 1000):
                    found = found.filled(await enricher.look_up(key))
            except Exception as error:
                # The border to plug-ins: none of their mistakes may end identity.
                whole = False
                self._count_failure(subject.tenant_id, spec, error)
        if whole and found != NOTHING:
            self.found += 1
        elif whole:
            self.unknown += 1
        self._keep(subject.key, found, whole)
        return found, whole

    def _count_failure(self, tenant_id: str, spec: Spec, error: Exception) -> None:
        self.failed += 1
        _log.warning(
            "enricher failed",
            tenant_id=tenant_id,
            enricher=type(spec).__name__.removesuffix("Spec").lower(),
            # Only of these is it known that they hold nothing of what was looked up.
            error=str(error) if isinstance(error, EnricherError) else type(error).__name__,
        )

    def _keep(self, key: tuple[str, str, str], found: Enrichment, whole: bool) -> None:
        until = self._clock() + (_KEPT_S if whole else _FAILED_KEPT_S)
        self._kept[key] = (found, whole, until)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
