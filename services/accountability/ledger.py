"""Apply what the log says: record it, then fold every recommendation it touches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from services.accountability.facts import FactKind
from services.accountability.lifecycle import State, fold
from services.accountability.owners import owners_of
from services.accountability.records import HeardFact, Key, Life, Recommendation
from services.accountability.store import Fold, Store
from services.common import logs
from services.common.consumer import Delivery

_log = logs.get(__name__)
_BATCH = 500
_AT_ONCE = 100
"""Folded in one go: what is asked meanwhile waits so long, however much there is to catch up on."""


class Ledger:
    """Keeps every recommendation's history right, whatever arrives and in whatever order."""

    def __init__(self, store: Store, heard_until_ms: Callable[[], int]) -> None:
        self._store = store
        self._heard_until_ms = heard_until_ms
        self._awaited: dict[str, asyncio.Event] = {}
        self.expired_or_ignored = 0
        self.folds = 0
        self.facts: Counter[str] = Counter({kind.name.lower(): 0 for kind in FactKind})
        """Applied, by kind; one that is heard of twice counts twice."""
        self.untermed = asyncio.Event()
        """Set when there may be owners whose terms are not worked out."""

    async def apply_decisions(self, deliveries: list[Delivery[Recommendation | None]]) -> None:
        """Handle a batch of decision.v1."""
        items = [item.message for item in deliveries if item.message is not None]
        if items:
            await self._store.record_recommendations(items)
            await self.fold(item.key for item in items)
            self.untermed.set()

    async def apply_outcomes(self, deliveries: list[Delivery[HeardFact | None]]) -> None:
        """Handle a batch of outcome.v1."""
        items = [item.message for item in deliveries if item.message is not None]
        if items:
            await self._store.record_facts(items)
            await self.fold(item.key for item in items)
            self.facts.update(item.fact.kind.name.lower() for item in items)
            if any(item.fact.kind is not FactKind.TERMS_SET for item in items):
                self.untermed.set()
            for item in items:
                if (event := self._awaited.get(item.fact.id)) is not None:
                    event.set()

    async def apply_timers(self, limit: int = _AT_ONCE) -> int:
        """Fold recommendations whose due time has passed. Returns how many there were."""
        now_ms = self._heard_until_ms()
        async with self._store.due_fold(now_ms, limit) as due:
            count = len(due.terms)
            if count:
                await due.write(_lives(due, now_ms))
        if count:
            self.expired_or_ignored += count
            _log.info("recommendations fell due", count=count)
        return count

    async def fold(self, keys: Iterable[Key], *, forget: bool = False) -> None:
        """Fold these anew, those of them that are known.

        `forget`: also what clocks have found before.
        """
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), _AT_ONCE):
            async with self._store.fold_of(wanted[start : start + _AT_ONCE]) as touched:
                if touched.terms:
                    if forget:
                        touched.past_due.clear()
                    self.folds += len(touched.terms)
                    await touched.write(_lives(touched, self._heard_until_ms()))

    async def refold(self, below: int, *, forget: bool = False) -> int:
        """Fold what rules older than `below` folded. Returns how many there were."""
        count, last = 0, None
        while keys := await self._store.keys_after(last, _BATCH, below=below):
            await self.fold(keys, forget=forget)
            count, last = count + len(keys), keys[-1]
        return count

    @contextmanager
    def hearing(self, fact_id: str) -> Generator[asyncio.Event]:
        """An event that is set once a fact that is on its way has been applied."""
        event = self._awaited.setdefault(fact_id, asyncio.Event())
        try:
            yield event
        finally:
            self._awaited.pop(fact_id, None)


def _lives(locked: Fold, heard_until_ms: int) -> dict[Key, Life]:
    lives: dict[Key, Life] = {}
    for key, asked in locked.terms.items():
        facts = locked.facts[key]
        history = fold(asked, facts, max(heard_until_ms, locked.past_due.get(key, 0)))
        ended_by = history.ended_by
        lives[key] = Life(
            history.steps,
            owners_of(asked, facts, history),
            history.due_at_ms,
            history.late_until_ms,
            ended_by.detail if ended_by and history.state is State.DECLINED else "",
            history.right,
        )
    return lives
