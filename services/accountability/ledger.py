"""Apply what the log says: record it, then fold every recommendation it touches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.lifecycle import Fact, FactKind, Step, Terms, fold
from services.accountability.store import Fold, HeardFact, Key, Recommendation, Store
from services.common import logs
from services.common.consumer import Delivery

_log = logs.get(__name__)
_MOVING = frozenset(kind.value for kind in FactKind)
# asyncpg and PostgreSQL hold 64 bits; anything beyond a plausible epoch is a malformed message.
_MAX_MS = 1 << 53


class MalformedMessage(ValueError):
    """The message can never be applied; the consumer sends it to the dead letters."""


def decode_decision(value: bytes) -> Recommendation | None:
    """Return what the decision asks of the team, or None if it asks nothing.

    Raises:
        MalformedMessage: it asks, but does not say what accountability must know.
    """
    decision = pb.Decision.FromString(value)
    if not decision.HasField("recommendation"):
        return None
    asked = decision.recommendation
    _require(
        {
            "decision.id": decision.id,
            "decision.tenant_id": decision.tenant_id,
            "decision.recommendation.person_id": asked.person_id,
        },
        [decision.session_id, decision.company, decision.value.currency],
    )
    return Recommendation(
        Key(decision.tenant_id, decision.id),
        decision.session_id,
        asked.person_id,
        decision.company,
        (decision.value.currency, decision.value.minor) if decision.HasField("value") else None,
        Terms(
            _moment(decision.decided_at_ms, "decision.decided_at_ms"),
            _moment(asked.due_at_ms, "decision.recommendation.due_at_ms"),
        ),
    )


def decode_outcome(value: bytes) -> HeardFact | None:
    """Return the fact about a recommendation, or None if the outcome is about something else.

    Raises:
        MalformedMessage: it is about a recommendation but lacks its id, tenant or time.
    """
    outcome = pb.Outcome.FromString(value)
    if outcome.kind not in _MOVING or not outcome.decision_id:
        return None
    _require(
        {"outcome.id": outcome.id, "outcome.tenant_id": outcome.tenant_id},
        [outcome.decision_id, outcome.person_id, outcome.channel, outcome.detail],
    )
    at_ms = _moment(outcome.occurred_at_ms, "outcome.occurred_at_ms")
    return HeardFact(
        Key(outcome.tenant_id, outcome.decision_id),
        Fact(outcome.id, FactKind(outcome.kind), at_ms),
        outcome.person_id,
        outcome.channel,
        outcome.detail,
    )


def _require(required: Mapping[str, str], optional: Iterable[str]) -> None:
    for field, text in required.items():
        if not text:
            raise MalformedMessage(f"{field} is empty")
    # PostgreSQL cannot hold NUL in text: it would refuse the whole batch, again and again.
    if any("\x00" in text for text in (*required.values(), *optional)):
        raise MalformedMessage("a text holds NUL")


def _moment(at_ms: int, field: str) -> int:
    if not 0 < at_ms < _MAX_MS:
        raise MalformedMessage(f"{field}={at_ms} is no Unix epoch in milliseconds")
    return at_ms


class Ledger:
    """Keeps every recommendation's history right, whatever arrives and in whatever order."""

    def __init__(self, store: Store, heard_until_ms: Callable[[], int]) -> None:
        self._store = store
        self._heard_until_ms = heard_until_ms
        self.expired_or_ignored = 0

    async def apply_decisions(self, deliveries: list[Delivery[Recommendation | None]]) -> None:
        """Handle a batch of decision.v1."""
        items = [item.message for item in deliveries if item.message is not None]
        if items:
            await self._store.record_recommendations(items)
            await self._fold(item.key for item in items)

    async def apply_outcomes(self, deliveries: list[Delivery[HeardFact | None]]) -> None:
        """Handle a batch of outcome.v1."""
        items = [item.message for item in deliveries if item.message is not None]
        if items:
            await self._store.record_facts(items)
            await self._fold(item.key for item in items)

    async def apply_timers(self, limit: int = 500) -> int:
        """Fold recommendations whose due time has passed. Returns how many there were."""
        now_ms = self._heard_until_ms()
        async with self._store.due_fold(now_ms, limit) as due:
            count = len(due.terms)
            if count:
                await due.write(_histories(due, now_ms))
        if count:
            self.expired_or_ignored += count
            _log.info("recommendations fell due", count=count)
        return count

    async def _fold(self, keys: Iterable[Key]) -> None:
        async with self._store.fold_of(keys) as touched:
            if touched.terms:
                await touched.write(_histories(touched, self._heard_until_ms()))


def _histories(locked: Fold, heard_until_ms: int) -> dict[Key, tuple[Step, ...]]:
    histories: dict[Key, tuple[Step, ...]] = {}
    for key, terms in locked.terms.items():
        least_ms = terms.due_at_ms if key in locked.past_due else 0
        histories[key] = fold(terms, locked.facts[key], max(heard_until_ms, least_ms))
    return histories
